// SPDX-License-Identifier: MIT
#pragma once

// Sleeping until another thread changes a word, whichever module that thread's code is in.

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

// FUTEX_WAIT_BITSET and FUTEX_WAKE, both private, as in <linux/futex.h>, which is 4 KB of text with
// all that it includes.
inline constexpr int futex_wait = 9 | 128;
inline constexpr int futex_wake = 1 | 128;

/// Sleeps until a call of `wake`, or until `deadline` in nanoseconds of the steady clock. Does not
/// sleep if `cell` is no longer `old`. It may wake early. Returns: whether there is time left.
[[nodiscard]] inline bool wait_until(const std::atomic<std::uint32_t>& cell, std::uint32_t old,
                                     std::int64_t deadline) noexcept {
#if TARN_HAS_FUTEX
  const timespec end{deadline / 1'000'000'000, deadline % 1'000'000'000};
  ::syscall(SYS_futex, &cell, futex_wait, old, &end, nullptr, ~0U);  // any waker
#else
  // The caller looks again: correct on any system, if not at once.
  if (cell.load(std::memory_order::relaxed) == old) sleep_briefly();
#endif
  return steady_nanoseconds() < deadline;
}

/// Wakes up to `threads` threads that wait for `cell` to change.
inline void wake([[maybe_unused]] const std::atomic<std::uint32_t>& cell,
                 [[maybe_unused]] int threads) noexcept {
#if TARN_HAS_FUTEX
  ::syscall(SYS_futex, &cell, futex_wake, threads);
#endif
}

/// Sleeps while `cell` is `old`, until a call of `wake_waiters`.
///
/// Not the standard's `wait`, where there is another way: the standard library counts the waiting
/// threads beside the cell, and each module may have counts of its own. A thread that waits in the
/// code of one module would not be woken by the code of another.
inline void wait_while(const std::atomic<std::uint32_t>& cell, std::uint32_t old) noexcept {
#if defined(__linux__)
  for (unsigned turn = 0; cell.load(std::memory_order::acquire) == old; ++turn) {
    if (turn < 64) {
      cpu_pause();
    } else {
      static_cast<void>(wait_until(cell, old, INT64_MAX));
    }
  }
#else
  cell.wait(old, std::memory_order::acquire);
#endif
}
inline void wake_waiters(std::atomic<std::uint32_t>& cell) noexcept {
#if defined(__linux__)
  wake(cell, INT32_MAX);
#else
  cell.notify_all();
#endif
}

}  // namespace tarn::detail
