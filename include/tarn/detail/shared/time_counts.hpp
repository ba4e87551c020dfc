// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/value/basic/time_buckets.hpp>

namespace tarn::detail {

/// A histogram of times, with their sum. Any thread adds to it and reads it, without a lock. No
/// number of it ever falls.
template <class Env>
class time_counts {
 public:
  /// Adds a time in nanoseconds that stands for `weight` such times. A clock that ran backwards
  /// counts as no time.
  void add(std::int64_t nanoseconds, std::uint64_t weight = 1) noexcept {
    const auto time = nanoseconds < 0 ? 0 : static_cast<std::uint64_t>(nanoseconds);
    // relaxed, here and below: statistics, which order no other data.
    sum_.fetch_add(time * weight, std::memory_order::relaxed);
    counts_[time_buckets::bucket_of(time)].fetch_add(weight, std::memory_order::relaxed);
  }
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order::relaxed);
  }
  /// The sum of all times, in nanoseconds.
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.load(std::memory_order::relaxed); }

 private:
  template <class T>
  using atomic = typename Env::template atomic<T>;

  atomic<std::uint64_t> counts_[time_buckets::count] = {};
  atomic<std::uint64_t> sum_{0};
};

/// For pools whose times are not recorded.
struct no_time_counts {
  static void add(std::int64_t, std::uint64_t = 1) noexcept {}
};

}  // namespace tarn::detail
