// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A bound for each tier of a pool: a list in the order of the tiers. The last number holds for all
/// further tiers; numbers beyond the last tier are not used. An empty list sets no bound.
///
/// Thread safety: as an `int`.
class tier_bounds {
 public:
  static constexpr std::size_t no_bound = static_cast<std::size_t>(-1);

  tier_bounds() noexcept = default;
  /// Throws: `std::bad_alloc`.
  tier_bounds(std::initializer_list<std::size_t> bounds) : bounds_(bounds) {}
  explicit tier_bounds(std::vector<std::size_t> bounds) noexcept : bounds_(std::move(bounds)) {}

  /// `first` for the smallest tier, half as much for each further one, but at least `least`. synk's
  /// slots are `halving(256, 8)`. Throws: `std::bad_alloc`.
  [[nodiscard]] static tier_bounds halving(std::size_t first, std::size_t least) {
    tier_bounds made;
    for (; first > least; first /= 2)
      made.bounds_.push_back(first);
    made.bounds_.push_back(least);
    return made;
  }

  [[nodiscard]] bool empty() const noexcept { return bounds_.empty(); }
  /// The bound of that tier. Complexity: O(1).
  [[nodiscard]] std::size_t of(std::size_t tier) const noexcept {
    if (bounds_.empty()) return no_bound;
    return tier < bounds_.size() ? bounds_[tier] : bounds_.back();
  }
  /// The largest and the least of all bounds. Complexity: O(numbers in the list).
  [[nodiscard]] std::size_t largest() const noexcept {
    std::size_t found = bounds_.empty() ? no_bound : 0;
    for (const auto b : bounds_)
      found = b > found ? b : found;
    return found;
  }
  [[nodiscard]] std::size_t least() const noexcept {
    std::size_t found = no_bound;
    for (const auto b : bounds_)
      found = b < found ? b : found;
    return found;
  }

  friend bool operator==(const tier_bounds&, const tier_bounds&) noexcept = default;

 private:
  std::vector<std::size_t> bounds_;
};

}  // namespace tarn
