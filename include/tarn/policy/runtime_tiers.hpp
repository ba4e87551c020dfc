// SPDX-License-Identifier: MIT
//
// runtime_tiers: a tier table with sizes from a configuration.
//
//   tarn::runtime_tiers tiers{4096, 512, 65536, 512};  // sorted, duplicates removed
//   tiers.size_of(tiers.tier_for(513));                // 4096

#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/policy/tiers.hpp>

namespace tarn {

/// A tier table made at run time.
///
/// About 1.2 KiB, without heap memory. The default is the table of `power_of_two_tiers<>`. After
/// construction only an assignment changes it.
class runtime_tiers {
 public:
  static constexpr bool is_static = false;

  /// The tiers of `power_of_two_tiers<>`.
  runtime_tiers() noexcept {
    using ladder = power_of_two_tiers<>;
    for (; count_ < ladder::count(); ++count_)
      sizes_[count_] = ladder::size_of(count_);
    largest_ = sizes_[count_ - 1];
    lookup_.fill(sizes_, count_);
  }

  /// The tiers of these sizes, in any order. Duplicates are removed.
  ///
  /// Throws: `std::invalid_argument`, with the value and the limit, if `sizes` is empty, has a size
  ///   below 1 or above 2^40, or more than 64 different sizes.
  /// Complexity: O(tiers * sizes).
  explicit runtime_tiers(std::span<const std::size_t> sizes) {
    if (sizes.empty()) detail::throw_invalid("number of tiers", 0, "must be at least", 1);
    for (const std::size_t size : sizes)
      insert(size);
    lookup_.fill(sizes_, count_);
  }

  /// The tiers of these sizes, in any order. Throws: as the constructor from a span.
  runtime_tiers(std::initializer_list<std::size_t> sizes)
      : runtime_tiers(std::span<const std::size_t>(sizes.begin(), sizes.size())) {}

  /// The number of tiers.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// The size of `tier` in bytes. Preconditions: `tier < count()`.
  [[nodiscard]] std::size_t size_of(std::size_t tier) const noexcept { return sizes_[tier]; }

  /// The smallest tier of at least `size` bytes.
  ///
  /// Returns: `count()` if no tier is large enough.
  /// Complexity: O(1): one table look-up, and a step for each tier that is closer to its
  ///   neighbours than 16 bytes, or above 4 KiB, than a sixteenth of its size.
  [[nodiscard]] std::size_t tier_for(std::size_t size) const noexcept {
    if (size > largest_) return count_;
    std::size_t tier = lookup_.first_for(size);
    while (sizes_[tier] < size)
      ++tier;  // ends: the last tier is large enough
    return tier;
  }

 private:
  void insert(std::size_t size) {
    if (size < 1) detail::throw_invalid("tier size", size, "must be at least", 1);
    if (size > detail::max_tier_bytes) {
      detail::throw_invalid("tier size", size, "must be at most", detail::max_tier_bytes);
    }
    std::size_t place = count_;
    while (place > 0 && sizes_[place - 1] >= size)
      --place;
    if (place < count_ && sizes_[place] == size) return;
    if (count_ == detail::max_tiers) {
      detail::throw_invalid("number of tiers", count_ + 1, "must be at most", detail::max_tiers);
    }
    for (std::size_t i = count_; i > place; --i)
      sizes_[i] = sizes_[i - 1];
    sizes_[place] = size;
    if (place == count_) largest_ = size;
    ++count_;
  }

  // Invariant: the first count_ sizes ascend without duplicates; largest_ is the last of them.
  std::size_t count_ = 0;
  std::size_t largest_ = 0;
  std::array<std::size_t, detail::max_tiers> sizes_{};
  detail::tier_lookup<detail::all_buckets> lookup_;
};

}  // namespace tarn
