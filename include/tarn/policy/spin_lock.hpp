// SPDX-License-Identifier: MIT
//
// spin_lock: a one-byte lock that waits by spinning.

#pragma once

#include <atomic>

#include <tarn/detail/base/back_off.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn {

/// A busy-waiting lock for critical sections of a few dozen instructions.
///
/// One byte. Not fair, not recursive. A waiting thread spins a little and then gives its time slice
/// away again and again, so a preempted owner costs little; but it never sleeps. Prefer
/// `std::mutex` for threads of different real-time priorities: the owner may never run again there.
///
/// Thread safety: any thread may call any member.
class spin_lock {
 public:
  /// Waits until the lock is free and takes it. Preconditions: the caller does not hold it.
  void lock() noexcept {
    if (!try_lock()) wait();
  }

  /// Takes the lock if it is free. Returns: true if the caller holds it now.
  [[nodiscard]] bool try_lock() noexcept {
    // (1) acquire, pairs with (2): this owner sees all writes of the previous one.
    return !locked_.exchange(true, std::memory_order::acquire);
  }

  /// Releases the lock. Preconditions: the caller holds the lock.
  void unlock() noexcept {
    // (2) release, pairs with (1).
    locked_.store(false, std::memory_order::release);
  }

 private:
  TARN_COLD void wait() noexcept {
    detail::back_off busy;
    do {
      // Waiting threads only read, and seldom: a failing exchange would take the line away from the
      // owner on every turn. After some ten microseconds the owner has lost its time slice, so
      // this thread gives its own away. relaxed: try_lock (1) orders the accesses.
      do {
        busy.is_long() ? detail::yield_thread() : busy.wait();
      } while (locked_.load(std::memory_order::relaxed));
    } while (!try_lock());
  }

  std::atomic<bool> locked_{false};
};

}  // namespace tarn
