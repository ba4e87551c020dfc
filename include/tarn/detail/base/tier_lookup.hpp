// SPDX-License-Identifier: MIT
//
// Finds the tier of a size in O(1), for any ascending list of sizes.
//
// Sizes fall into buckets: steps of 16 bytes up to 4 KiB, above that 16 buckets per doubling, so
// that a bucket is never wider than a sixteenth of its sizes. One byte per bucket holds the
// smallest tier that serves the smallest size of the bucket.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

inline constexpr std::size_t max_tiers = 64;
// Larger than any block of a pool. It keeps the table for all sizes below one KiB. Where a size has
// 32 bits, it is the largest power of two that can be requested.
inline constexpr std::size_t max_tier_bytes =
    std::size_t{1} << (sizeof(std::size_t) < sizeof(std::uint64_t) ? 30 : 40);

/// Whether a table finds tiers also without a comparison of the size; see `power_of_two_tiers`.
template <class Tiers>
inline constexpr bool has_open_search =
    requires(std::size_t size) { Tiers::open_tier_for(size) < Tiers::open_count(); };

inline constexpr std::size_t linear_bytes = 4096;
inline constexpr std::size_t linear_step = 16;
inline constexpr std::size_t linear_buckets = linear_bytes / linear_step + 1;

// The bucket of size `n`, for n <= max_tier_bytes. Ascending: a larger size is never in a lower
// bucket. The last size of a bucket is a multiple of its width, so a power of two always ends one.
[[nodiscard]] constexpr std::size_t bucket_of(std::size_t n) noexcept {
  if (n <= linear_bytes) return (n + linear_step - 1) / linear_step;
  const std::size_t below = n - 1;
  // The xor cancels the one inside countl_zero; `| 1` changes nothing but spares a test for zero.
  const unsigned exponent =
      63u ^ static_cast<unsigned>(std::countl_zero(std::uint64_t{below | 1u}));
  const std::size_t sixteenth = (below >> (exponent - 4u)) - 16u;
  return linear_buckets + (std::size_t{exponent - 12u} << 4) + sixteenth;
}

// The buckets of all sizes up to the largest tier there may be.
inline constexpr std::size_t all_buckets = bucket_of(max_tier_bytes) + 1;

// The table. Invariant, once filled: first_[bucket_of(n)] is at most the tier of n, and less than
// it only where a tier ends inside the bucket.
template <std::size_t Buckets>
class tier_lookup {
 public:
  // Preconditions: `sizes` is ascending without duplicates; its last bucket is below `Buckets`.
  template <std::size_t N>
  constexpr void fill(const std::array<std::size_t, N>& sizes, std::size_t count) noexcept {
    std::size_t bucket = 0;
    for (std::size_t tier = 0; tier < count; ++tier) {
      const std::size_t last = bucket_of(sizes[tier]);
      for (; bucket <= last; ++bucket)
        first_[bucket] = static_cast<std::uint8_t>(tier);
    }
  }

  // The tier at which the search for `n` starts: the tier of `n`, or one a few steps below it.
  [[nodiscard]] constexpr std::size_t first_for(std::size_t n) const noexcept {
    return first_[bucket_of(n)];
  }

 private:
  std::array<std::uint8_t, Buckets> first_{};
};

}  // namespace tarn::detail
