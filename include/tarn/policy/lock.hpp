// SPDX-License-Identifier: MIT
//
// Who may reach a pool's free blocks, and how.
//
//   tarn::byte_pool<> shared;                      // thread_cached<>: threads rarely meet
//   tarn::byte_pool<tarn::no_lock> mine;           // one thread, no cost
//   tarn::byte_pool<std::mutex> any_lockable;      // or a lock of your own

#pragma once

#include <concepts>
#include <type_traits>

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A type with `lock`, `try_lock` and `unlock`, as in the standard.
///
/// `lock` and `try_lock` acquire, `unlock` releases: what one owner wrote is visible to the next.
/// It need not be recursive, fair or movable. It must allow what every mutex allows: that the next
/// owner destroys it while the last one is still returning from `unlock`.
///
/// One that runs other fibers on the calling thread while it waits offers `static void yield()`,
/// which does that once: then a pool also waits for growth and for memory on its way in this way.
/// Without it, a thread that waits would never run the fiber that it waits for.
template <class L>
concept lockable = std::default_initializable<L> && requires(L& lock) {
  lock.lock();
  { lock.try_lock() } -> std::convertible_to<bool>;
  lock.unlock();
};

/// True if state guarded by `L` may be reached by more than one thread.
///
/// Specialise it as false for a lock of your own that does not synchronise.
template <class L>
inline constexpr bool is_concurrent_v = true;

/// Guards nothing and costs nothing: for a pool that stays on one thread.
struct no_lock {
  static void lock() noexcept {}
  [[nodiscard]] static bool try_lock() noexcept { return true; }
  static void unlock() noexcept {}
};

template <>
inline constexpr bool is_concurrent_v<no_lock> = false;

/// One free list per tier that needs no lock: a thread that is stopped anywhere stops nobody.
///
/// Growth and trimming are guarded by a mutex; a getter that finds nothing while another thread
/// grows or trims the tier waits for it.
struct lock_free {};

/// A small cache per thread in front of depots that `L` guards: the default, and the fastest.
///
/// A get or a put that hits touches nothing that another thread writes: no lock, no atomic
/// read-modify-write, no shared cache line. Preconditions: `L` is concurrent.
template <class L>
struct thread_cached {
  static_assert(is_concurrent_v<L>,
                "the depots of thread_cached are shared: they need a real lock");
};

namespace detail {
template <class L>
struct env_of {
  using type = native_env;
};
template <class L>
  requires requires { typename L::env; }
struct env_of<L> {
  using type = typename L::env;
};
}  // namespace detail

/// What a lock policy boils down to: the environment it runs in, the shape of the pool, and the
/// lock of its depots.
///
/// A Lockable needs nothing; one with a member type `env` brings its own world, as model checkers
/// do. A policy with another shape specialises this: that is all a new one needs.
template <class L>
struct lock_traits {
  using env = typename detail::env_of<L>::type;
  using shape = detail::single_shape;
  using depot_lock = L;
};
template <>
struct lock_traits<lock_free> {
  using env = detail::native_env;
  using shape = detail::lock_free_shape;
  using depot_lock = env::mutex;
};
template <class L>
struct lock_traits<thread_cached<L>> {
  using env = typename detail::env_of<L>::type;
  using shape = detail::per_thread_shape;
  using depot_lock = L;
};
/// A way to share a pool between threads, or not: any Lockable, `lock_free`, `thread_cached<L>`.
template <class L>
concept lock_policy = lockable<typename lock_traits<L>::depot_lock> && requires { sizeof(L); };

}  // namespace tarn
