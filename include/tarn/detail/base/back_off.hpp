// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Keeps a thread away from a word for which it lost a race: twice as long each time, up to some
/// ten microseconds.
///
/// A thread that tries again at once takes the cache line away from the winner, whose next
/// operation then waits for it. So two threads together were slower than one.
/// Source: Agarwal and Cherian, "Adaptive backoff synchronization techniques" (1989).
class back_off {
 public:
  TARN_COLD void wait() noexcept {
    for (unsigned pauses = first << turn_; pauses != 0; --pauses)
      cpu_pause();
    if (turn_ != last) ++turn_;
  }
  /// Whether `wait` has become as long as it gets.
  [[nodiscard]] bool is_long() const noexcept { return turn_ == last; }

 private:
  static constexpr unsigned first = 8;
  static constexpr unsigned last = 5;

  unsigned turn_ = 0;
};

}  // namespace tarn::detail
