// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace observatory {

/// Tells threads to end, and wakes those that sleep. Thread safety: any thread may call any member.
class stop_signal {
 public:
  void give() {
    {
      const std::lock_guard hold(mutex_);
      given_ = true;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool given() const {
    const std::lock_guard hold(mutex_);
    return given_;
  }
  /// Returns: false if the signal was given before `until`.
  [[nodiscard]] bool sleep_until(std::chrono::steady_clock::time_point until) {
    std::unique_lock hold(mutex_);
    return !changed_.wait_until(hold, until, [this] { return given_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool given_ = false;
};

}  // namespace observatory
