// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// The buckets of a histogram of sizes: 16 bytes wide up to 64, then four per power of two.
struct size_buckets {
  static constexpr std::size_t count = 236;

  [[nodiscard]] static constexpr std::size_t bucket_of(std::size_t size) noexcept {
    const std::size_t last = size - (size != 0);  // a bucket ends at its upper bound
    // The position of the two bits below the highest one; at least that of size 64, so that smaller
    // sizes need no branch.
    const auto shift =
        std::size_t{61} - static_cast<std::size_t>(std::countl_zero(std::uint64_t{last | 64}));
    return 4 * shift + (last >> shift) - 16;
  }
  /// The largest size of a bucket, in bytes.
  [[nodiscard]] static constexpr std::size_t upper_bound(std::size_t bucket) noexcept {
    if (bucket < 4) return (bucket + 1) * 16;
    const auto doubling = (bucket - 4) / 4 + 6;
    const auto quarter = (bucket - 4) % 4 + 5;
    if (doubling == 63 && quarter == 8) return static_cast<std::size_t>(-1);
    return quarter << (doubling - 2);
  }
};

}  // namespace tarn
