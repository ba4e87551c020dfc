// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The highest of the numbers that threads noted. Costs one load while no number is higher.
template <class Env, class T>
class high_water {
 public:
  void note(T now) noexcept {
    auto most = most_.load(std::memory_order::relaxed);  // all relaxed: a statistic
    while (most < now && !most_.compare_exchange_weak(most, now, std::memory_order::relaxed,
                                                      std::memory_order::relaxed)) {
    }
  }
  [[nodiscard]] T most() const noexcept { return most_.load(std::memory_order::relaxed); }

 private:
  typename Env::template atomic<T> most_{0};
};

}  // namespace tarn::detail
