// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn {

/// The buckets of a histogram of times: one for each power of two from 64 nanoseconds to 17
/// seconds, and one for all longer times. A bucket includes its upper bound.
struct time_buckets {
  static constexpr std::size_t count = 30;

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds <= upper_bound(0)) return 0;
    const auto bucket = detail::cast_to<std::size_t>(std::bit_width(nanoseconds - 1)) - 6;
    return bucket < count ? bucket : count - 1;
  }
  /// The longest time of a bucket, in nanoseconds. The last one has no bound: 2^64 - 1.
  [[nodiscard]] static constexpr std::uint64_t upper_bound(std::size_t bucket) noexcept {
    return bucket + 1 < count ? std::uint64_t{64} << bucket : ~std::uint64_t{0};
  }
};

}  // namespace tarn
