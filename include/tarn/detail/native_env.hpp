// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/compiler.hpp>
#include <tarn/detail/registry.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/thread_table.hpp>

namespace tarn::detail {

inline constinit thread_local thread_table this_thread_table;

/// The world as it is: real atomics, real threads. A model checker brings an environment of its own
/// with the same names and runs the same headers.
struct native_env {
  template <class T>
  using atomic = std::atomic<T>;
  /// A plain cell that is guarded by a lock or owned by a thread.
  template <class T>
  using var = T;
  using mutex = system_mutex;

  [[nodiscard]] static thread_table& table() noexcept { return this_thread_table; }
  [[nodiscard]] static detail::registry<native_env>& registry() noexcept;
  /// Makes sure that the thread's shards will be left at its end. Returns: false if it has ended.
  [[nodiscard]] static bool thread_is_alive() noexcept;
  /// Takes part in fork, from the first core on.
  static void watch_forks() noexcept;

  /// Waits until `cell` may differ from `old`.
  static void wait(const atomic<std::uint32_t>& cell, std::uint32_t old) noexcept {
    cell.wait(old, std::memory_order::acquire);
  }
  static void notify_all(atomic<std::uint32_t>& cell) noexcept { cell.notify_all(); }

  /// Waits a moment for what another thread is about to do; `turn` counts the calls of one wait.
  /// A microsecond of spinning, then the rest of the time slice: the other may not be running.
  static void pause(unsigned turn) noexcept { turn < 64 ? cpu_pause() : yield_thread(); }

  /// Sleeps while `cell` is `old`, until a wake or the deadline; may wake early. Returns: whether
  /// there is time left. A cell is for these three or for the two above: they don't mix.
  [[nodiscard]] static bool wait_until(const atomic<std::uint32_t>& cell, std::uint32_t old,
                                       std::int64_t deadline) noexcept {
    return detail::wait_until(cell, old, deadline);
  }
  static void wake_one(const atomic<std::uint32_t>& cell) noexcept { wake(cell, 1); }
  static void wake_all(const atomic<std::uint32_t>& cell) noexcept { wake(cell, INT32_MAX); }

  /// Nanoseconds on a steady clock.
  [[nodiscard]] static std::int64_t now() noexcept { return steady_nanoseconds(); }
  /// A number that differs between threads which run at the same time, mostly.
  [[nodiscard]] static std::size_t stripe() noexcept {
    return reinterpret_cast<std::uintptr_t>(&this_thread_table) >>
           12;  // thread stacks are pages apart
  }
};

/// Never destroyed: late destructors of other objects may still need it.
union immortal_registry {
  constexpr immortal_registry() noexcept : value() {}
  ~immortal_registry() {}
  registry<native_env> value;
};
inline constinit immortal_registry the_registry;

inline registry<native_env>& native_env::registry() noexcept { return the_registry.value; }

/// Leaves the thread's shards when the thread ends.
struct janitor {
  janitor() noexcept {
    this_thread_table.state = thread_state::alive;
    the_registry.value.thread_begins();
  }
  ~janitor() {
    this_thread_table.state = thread_state::dead;
    the_registry.value.thread_ends(this_thread_table);
  }
  janitor(const janitor&) = delete;
  janitor& operator=(const janitor&) = delete;
};

inline bool native_env::thread_is_alive() noexcept {
  if (this_thread_table.state == thread_state::unborn) {
    static thread_local const janitor at_exit;
    static_cast<void>(at_exit);
  }
  return this_thread_table.state == thread_state::alive;
}

inline void native_env::watch_forks() noexcept {
  static const bool watching = register_fork_handlers(
      [] { the_registry.value.before_fork(); }, [] { the_registry.value.after_fork_in_parent(); },
      [] { the_registry.value.after_fork_in_child(this_thread_table); });
  static_cast<void>(watching);
}

}  // namespace tarn::detail
