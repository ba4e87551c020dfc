// SPDX-License-Identifier: MIT
//
// Tier tables: the block sizes of a pool, and the tier that serves a request.
//
//   using sizes = tarn::fixed_tiers<100, 1000, 10000>;
//   static_assert(sizes::size_of(sizes::tier_for(101)) == 1000);
//
// A table known at compile time is an empty type. The ready tables are at the end of this file.
// A table made at run time is in policy/runtime_tiers.hpp, one of types in policy/type_tiers.hpp.

#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// The block sizes of a pool, in ascending order.
///
/// `count()` is the number of tiers, at least one. `size_of(i)` is the size of tier `i` in bytes.
/// `tier_for(n)` is the smallest tier of at least `n` bytes: 0 for zero, and any number that is not
/// below `count()` for a size above the last tier. `is_static` is true if all values of the type
/// are the same table; then all three are static and constexpr.
///
/// Complexity: each is O(1); the pool calls `tier_for` in every get and put.
/// Thread safety: any thread calls all three without a lock; a table never changes.
template <class T>
concept tier_table = std::copy_constructible<T> && requires(const T& tiers, std::size_t n) {
  { tiers.count() } -> std::same_as<std::size_t>;
  { tiers.size_of(n) } -> std::same_as<std::size_t>;
  { tiers.tier_for(n) } -> std::same_as<std::size_t>;
  requires noexcept(tiers.count() + tiers.size_of(n) + tiers.tier_for(n));
  typename std::bool_constant<T::is_static>;
};

/// A tier for each power of two from `First` to `Last` bytes.
///
/// The fastest table: `tier_for` is one bit scan without a branch.
template <std::size_t First, std::size_t Last>
struct power_of_two_tiers {
  static_assert(std::has_single_bit(First) && std::has_single_bit(Last),
                "the ends of power_of_two_tiers must be powers of two");
  static_assert(First >= 16, "the first tier must be at least 16 bytes");
  static_assert(First <= Last, "the first tier must not be above the last one");
  static_assert(Last <= detail::max_tier_bytes,
                "a tier must be at most 2^40 bytes (2^30 on 32-bit systems)");

  static constexpr bool is_static = true;

  /// The number of tiers.
  [[nodiscard]] static constexpr std::size_t count() noexcept {
    return detail::cast_to<std::size_t>(std::bit_width(Last) - std::bit_width(First)) + 1;
  }

  /// The size of `tier` in bytes. Preconditions: `tier < count()`.
  [[nodiscard]] static constexpr std::size_t size_of(std::size_t tier) noexcept {
    return First << tier;
  }

  /// The smallest tier of at least `size` bytes.
  ///
  /// Returns: a number that is not below `count()` if no tier is large enough.
  /// Complexity: five instructions, without a jump.
  [[nodiscard]] static constexpr std::size_t tier_for(std::size_t size) noexcept {
    // The shift before the scan makes the scan yield the tier itself, without a subtraction.
    constexpr unsigned shift = static_cast<unsigned>(std::bit_width(First)) - 2u;
    const std::size_t last_byte = size - (size != 0);  // zero shares the first tier
    // Not bit_width - 1, and in this width: g++ turns only this form into the bare scan everywhere.
    return std::size_t{63} -
           static_cast<std::size_t>(std::countl_zero(std::uint64_t{(last_byte >> shift) | 1u}));
  }

  /// As `tier_for` for 1 to `Last`. For 0 and for sizes above `Last` the result is a number from
  /// `count()` to `open_count() - 1`. A table may have these two functions; then pools whose
  /// threads have caches compare no size.
  ///
  /// Complexity: three instructions where the result is part of an address.
  [[nodiscard]] static constexpr std::size_t open_tier_for(std::size_t size) noexcept {
    const std::uint64_t last_byte = size - 1;  // zero becomes the largest number
    // The subtraction becomes a part of the address.
    return detail::highest_bit(last_byte | First / 2) - (std::bit_width(First) - 2u);
  }
  [[nodiscard]] static constexpr std::size_t open_count() noexcept { return open_tier_for(0) + 1; }
};

/// The tiers of exactly these sizes, in ascending order.
///
/// For sizes that are not all powers of two. Up to 64 tiers of 1 byte to 2^40 bytes each.
template <std::size_t... Sizes>
struct fixed_tiers {
  static_assert(sizeof...(Sizes) >= 1, "a tier table must have at least one tier");
  static_assert(sizeof...(Sizes) <= detail::max_tiers, "a tier table may have 64 tiers at most");
  static_assert(((Sizes >= 1) && ...), "a tier must be at least one byte");
  static_assert(((Sizes <= detail::max_tier_bytes) && ...),
                "a tier must be at most 2^40 bytes (2^30 on 32-bit systems)");

  static constexpr bool is_static = true;

  /// The number of tiers.
  [[nodiscard]] static constexpr std::size_t count() noexcept { return sizeof...(Sizes); }

  /// The size of `tier` in bytes. Preconditions: `tier < count()`.
  [[nodiscard]] static constexpr std::size_t size_of(std::size_t tier) noexcept {
    return sizes_[tier];
  }

  /// The smallest tier of at least `size` bytes.
  ///
  /// Returns: `count()` if no tier is large enough.
  /// Complexity: O(1): one table look-up, and a step for each tier that is closer to its
  ///   neighbours than 16 bytes, or above 4 KiB, than a sixteenth of its size.
  [[nodiscard]] static constexpr std::size_t tier_for(std::size_t size) noexcept {
    if (size > sizes_.back()) return count();
    if constexpr (count() == 1) {
      return 0;
    } else {
      std::size_t tier = lookup_.first_for(size);
      if constexpr (!is_exact_) {
        while (sizes_[tier] < size)
          ++tier;  // ends: the last tier is large enough
      }
      return tier;
    }
  }

 private:
  static constexpr std::array<std::size_t, sizeof...(Sizes)> sizes_{Sizes...};

  static constexpr bool is_ascending_ = [] {
    for (std::size_t i = 1; i < sizes_.size(); ++i) {
      if (sizes_[i - 1] >= sizes_[i]) return false;
    }
    return true;
  }();
  static_assert(is_ascending_, "the sizes of fixed_tiers must ascend without duplicates");

  // Only as many buckets as the last tier needs: 289 bytes for tiers up to 16 KiB.
  static constexpr auto lookup_ = [] {
    detail::tier_lookup<detail::bucket_of(sizes_.back()) + 1> lookup;
    lookup.fill(sizes_, sizes_.size());
    return lookup;
  }();

  // True if every tier is the last size of its bucket: then the table gives the exact answer.
  static constexpr bool is_exact_ = [] {
    for (const std::size_t size : sizes_) {
      if (detail::bucket_of(size) == detail::bucket_of(size + 1)) return false;
    }
    return true;
  }();
};

/// One tier for every size up to `Size` bytes.
template <std::size_t Size>
using single_tier = fixed_tiers<Size>;

namespace detail {
inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
}  // namespace detail

/// 1, 4, 16, 32, 64, 128 and 256 KiB: for network streams, where a read is a few pages.
using stream_tiers =
    fixed_tiers<1 * detail::kib, 4 * detail::kib, 16 * detail::kib, 32 * detail::kib,
                64 * detail::kib, 128 * detail::kib, 256 * detail::kib>;

/// 512 B and 1 KiB, then times four up to 16 MiB: for record batches, from a record to a segment.
using kafka_tiers =
    fixed_tiers<512, 1 * detail::kib, 4 * detail::kib, 16 * detail::kib, 64 * detail::kib,
                256 * detail::kib, 1 * detail::mib, 4 * detail::mib, 16 * detail::mib>;

/// 4 KiB to 4 MiB in powers of two: whole pages. For larger sizes use `large_cache_bytes`.
using page_tiers = power_of_two_tiers<4 * detail::kib, 4 * detail::mib>;

/// 32 B to 64 KiB in powers of two: for small objects and messages.
using small_tiers = power_of_two_tiers<32, 64 * detail::kib>;

/// 512 B, 4 KiB and 16 KiB: for the values of a cache.
using cache_tiers = fixed_tiers<512, 4 * detail::kib, 16 * detail::kib>;

}  // namespace tarn
