// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/value/basic/time_buckets.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// How many times were how long: a value.
///
///   const auto waits = pool.snapshot().waiting_times;
///   waits.within(0.99);  // 99 % of the waits were at most so long
struct time_histogram {
  std::vector<std::uint64_t> counts;  ///< see `time_buckets`; empty unless recorded
  time_span sum{};                    ///< of all times

  [[nodiscard]] bool empty() const noexcept { return counts.empty(); }
  /// The number of times.
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const auto n : counts)
      all += n;
    return all;
  }
  /// The upper bound of the bucket in which the `share`th part of the times ends, from 0 to 1: at
  /// most twice the true time, above 64 ns. Zero if there are no times; the maximum of `time_span`
  /// if it is above 17 seconds. Complexity: O(buckets).
  [[nodiscard]] time_span within(double share) const noexcept {
    const auto all = count();
    if (all == 0) return {};
    const double wanted = share * static_cast<double>(all);
    std::uint64_t sum_of_counts = 0;
    for (std::size_t i = 0; i + 1 < counts.size() && i + 1 < time_buckets::count; ++i) {
      sum_of_counts += counts[i];
      if (sum_of_counts != 0 && static_cast<double>(sum_of_counts) >= wanted)
        return time_span::of_nanoseconds(static_cast<std::int64_t>(time_buckets::upper_bound(i)));
    }
    return time_span::of_nanoseconds(INT64_MAX);
  }
};

}  // namespace tarn
