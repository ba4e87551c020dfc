// SPDX-License-Identifier: MIT
//
// Lock policies: which threads may reach the free blocks of a pool, and how.
//
//   tarn::byte_pool<> shared;                      // thread_cached<>: threads rarely meet
//   tarn::byte_pool<tarn::no_lock> mine;           // one thread, no cost
//   tarn::byte_pool<std::mutex> any_lockable;      // or a lock of your own
//   tarn::byte_pool<tarn::per_cpu<>> many;         // threads; <tarn/policy/per_cpu.hpp>
//   tarn::byte_pool<tarn::lock_free> unstoppable;  // <tarn/policy/lock_free.hpp>

#pragma once

#include <concepts>
#include <type_traits>

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A type with `lock`, `try_lock` and `unlock`, as in the standard.
///
/// `lock` and `try_lock` acquire, `unlock` releases: an owner sees all writes of the owner before.
/// It need not be recursive, fair or movable. As with every mutex, the next owner may destroy it
/// while the last owner is still returning from `unlock`.
///
/// A lock that runs other fibers on the calling thread while it waits has a `static void yield()`,
/// which runs them once. A pool then waits for growth, and for memory on its way, in the same way.
/// Without it, a thread that waits would never run the fiber that it waits for.
template <class L>
concept lockable = std::default_initializable<L> && requires(L& lock) {
  lock.lock();
  { lock.try_lock() } -> std::convertible_to<bool>;
  lock.unlock();
};

/// True if several threads may reach state that `L` guards.
///
/// Specialise it as false for a lock of your own that does not synchronise.
template <class L>
inline constexpr bool is_concurrent_v = true;

/// A lock policy under which a get can wait for other threads. Under `no_lock` no other thread
/// could give anything back, so a pool has no gets that wait.
template <class L>
concept can_wait_for_other_threads = is_concurrent_v<L>;

/// Guards nothing and costs nothing: for a pool that only one thread uses.
struct no_lock {
  static void lock() noexcept {}
  [[nodiscard]] static bool try_lock() noexcept { return true; }
  static void unlock() noexcept {}
};

template <>
inline constexpr bool is_concurrent_v<no_lock> = false;

/// A small cache per thread in front of depots that `L` guards. The default, and the fastest.
///
/// A hit touches no memory that another thread writes: no lock, no atomic read-modify-write, no
/// shared cache line. Preconditions: `L` is concurrent.
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

/// True for a lock whose owner is a thread: then a pool may have a cache per processor when threads
/// wait for each other at the lock. False for locks of fibers and for your own: the pool does all
/// it does with idle blocks under the lock.
///
/// Specialise it as true for a lock of your own that only threads use.
template <class L>
inline constexpr bool is_thread_lock_v = requires { typename L::native_handle_type; };
template <>
inline constexpr bool is_thread_lock_v<spin_lock> = true;
template <>
inline constexpr bool is_thread_lock_v<system_mutex> = true;

/// The parts of a lock policy: the environment that it runs in, the shape of the pool, and the lock
/// of its depots.
///
/// A Lockable needs no specialisation. A lock with a member type `env` supplies its own
/// environment, as model checkers do. A policy with another shape only has to specialise this.
template <class L>
struct lock_traits {
  using env = typename detail::env_of<L>::type;
  using shape =
      std::conditional_t<is_thread_lock_v<L>, detail::striped_shape, detail::single_shape>;
  using depot_lock = L;
};
template <class L>
struct lock_traits<thread_cached<L>> {
  using env = typename detail::env_of<L>::type;
  using shape = detail::per_thread_shape;
  using depot_lock = L;
};
/// A lock policy: any Lockable, `lock_free`, `thread_cached<L>` or `per_cpu<L>`.
template <class L>
concept lock_policy = lockable<typename lock_traits<L>::depot_lock> && requires { sizeof(L); };

}  // namespace tarn
