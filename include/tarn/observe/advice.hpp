// SPDX-License-Identifier: MIT
//
// Computes the tiers of least waste from the requested sizes.
//
//   const auto advice = tarn::advise(log.sizes(), 12, pool.tiers());   // an operation_log: exact
//   std::cout << advice;      // using my_tiers = tarn::fixed_tiers<...>; waste before and after
//
//   tarn::advise(pool.snapshot().size_histogram, 12, pool.tiers());    // from buckets: with bounds

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/observe/operations/weighted_size.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/value/size_buckets.hpp>

namespace tarn {

/// The cost of requests on a table of tiers.
///
/// Exact if the sizes are exact. If only the buckets of a histogram are known, each request counts
/// as the largest size of its bucket. `requested` is then an upper bound, so `waste()` is rather
/// too small; the true waste is between `least_wasted` and `most_wasted`.
struct tier_cost {
  std::uint64_t requested = 0;     ///< bytes, of the requests that a tier serves
  std::uint64_t reserved = 0;      ///< bytes of their blocks in memory
  std::uint64_t oversize = 0;      ///< requests above the last tier
  std::uint64_t least_wasted = 0;  ///< bytes; both bounds equal `wasted()` if exact
  std::uint64_t most_wasted = 0;   ///< bytes

  [[nodiscard]] std::uint64_t wasted() const noexcept { return reserved - requested; }
  /// The part of the reserved bytes that was not requested.
  [[nodiscard]] double waste() const noexcept {
    return reserved == 0 ? 0 : static_cast<double>(wasted()) / static_cast<double>(reserved);
  }
  [[nodiscard]] bool is_exact() const noexcept { return least_wasted == most_wasted; }
};

/// The tiers of least waste.
struct tier_advice {
  std::vector<std::size_t> sizes;  ///< ascending; empty without requests
  tier_cost before;                ///< on the present tiers, if they were given
  tier_cost after;                 ///< on the advised tiers

  /// Throws: `std::invalid_argument` if there are no sizes, or more than a table can have.
  [[nodiscard]] runtime_tiers to_runtime_tiers() const {
    return runtime_tiers(std::span<const std::size_t>(sizes));
  }
};

namespace detail {

/// The requests by the size of the smallest block that holds them, ascending and without
/// duplicates, with prefix sums.
struct summed_sizes {
  std::vector<std::size_t> blocks;
  std::vector<std::uint64_t> weights{0};  // prefix sums: of the first i
  std::vector<std::uint64_t> bytes{0};
  std::uint64_t oversize = 0;

  explicit summed_sizes(std::vector<weighted_size> sizes, std::size_t largest);
  /// The wasted bytes if one tier serves the sizes from `first` to before `last`.
  [[nodiscard]] std::uint64_t waste(std::size_t first, std::size_t last) const noexcept {
    return blocks[last - 1] * (weights[last] - weights[first]) - (bytes[last] - bytes[first]);
  }
};

inline summed_sizes::summed_sizes(std::vector<weighted_size> sizes, std::size_t largest) {
  std::sort(sizes.begin(), sizes.end(),
            [](const auto& a, const auto& b) { return a.size < b.size; });
  for (const auto& s : sizes) {
    if (s.weight == 0) continue;
    if (s.size > largest) {
      oversize += s.weight;
      continue;
    }
    const auto block = stride_for(max_of<std::size_t>(s.size, 1));
    // All sums below are at most this one: if it fits, no sum overflows.
    const auto most = UINT64_MAX / block;
    if (weights.back() > most || s.weight > most - weights.back()) {
      throw_invalid("requests", s.weight, "are too many for sums of 64 bits with blocks of", block);
    }
    if (blocks.empty() || blocks.back() != block) {
      blocks.push_back(block);
      weights.push_back(weights.back());
      bytes.push_back(bytes.back());
    }
    weights.back() += s.weight;
    bytes.back() += s.weight * s.size;
  }
}

/// One row of the dynamic programme: the least waste of the first `i` sizes on one tier more than
/// in `before`, and where the last of these tiers begins. The best begin ascends with `i`, so each
/// half of a range searches only its side of the best begin of the middle.
class advice_row {
 public:
  advice_row(const summed_sizes& of, const std::vector<std::uint64_t>& before)
      : of_(of), before_(before), least(before.size()), begin(before.size()) {
    fill(1, before.size(), 0, before.size() - 1);
  }

 private:
  const summed_sizes& of_;
  const std::vector<std::uint64_t>& before_;

 public:
  std::vector<std::uint64_t> least;
  std::vector<std::size_t> begin;

 private:
  void fill(std::size_t first, std::size_t last, std::size_t from, std::size_t to) {
    if (first >= last) return;
    const auto middle = first + (last - first) / 2;
    std::size_t best = from;
    std::uint64_t least_here = UINT64_MAX;
    for (std::size_t b = from; b <= to && b < middle; ++b) {
      if (before_[b] == UINT64_MAX) continue;  // so few sizes do not need that many tiers
      const auto waste = before_[b] + of_.waste(b, middle);
      if (waste < least_here) least_here = waste, best = b;
    }
    least[middle] = least_here;
    begin[middle] = best;
    fill(first, middle, from, best);
    fill(middle + 1, last, best, to);
  }
};

struct waste_bounds {
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
};

/// The bounds of the waste of one request of any size from `first` to `last`. An oversize request
/// wastes nothing.
template <tier_table Tiers>
[[nodiscard]] waste_bounds waste_between(std::size_t first, std::size_t last, const Tiers& tiers) {
  waste_bounds made;
  for (auto tier = tiers.tier_for(first); first <= last; ++tier) {
    if (tier >= tiers.count()) {
      made.least = 0;
      break;
    }
    const auto end = min_of(last, tiers.size_of(tier));
    const auto block = stride_for(tiers.size_of(tier));
    made.least = min_of<std::uint64_t>(made.least, block - end);
    made.most = max_of<std::uint64_t>(made.most, block - first);
    first = end + 1;
  }
  return made;
}

}  // namespace detail

/// The exact cost of requests of known sizes on a table of tiers.
template <tier_table Tiers>
[[nodiscard]] tier_cost cost_of(std::span<const weighted_size> sizes, const Tiers& tiers) {
  tier_cost cost;
  for (const auto& s : sizes) {
    const auto tier = tiers.tier_for(s.size);
    if (tier >= tiers.count()) {
      cost.oversize += s.weight;
    } else {
      cost.requested += s.weight * s.size;
      cost.reserved += s.weight * detail::stride_for(tiers.size_of(tier));
    }
  }
  cost.least_wasted = cost.most_wasted = cost.wasted();
  return cost;
}

/// The sizes of a histogram with the buckets of `size_buckets`. Each request counts as the largest
/// size of its bucket.
[[nodiscard]] inline std::vector<weighted_size> sizes_of(std::span<const std::uint64_t> histogram) {
  std::vector<weighted_size> sizes;
  for (std::size_t i = 0; i < histogram.size() && i < size_buckets::count; ++i) {
    if (histogram[i] != 0) sizes.push_back({size_buckets::upper_bound(i), histogram[i]});
  }
  return sizes;
}

/// The cost of the requests of a histogram on a table of tiers, with bounds. Each request counts as
/// the largest size of its bucket.
template <tier_table Tiers>
[[nodiscard]] tier_cost cost_of(const std::vector<std::uint64_t>& histogram, const Tiers& tiers) {
  auto cost = cost_of(std::span<const weighted_size>(sizes_of(histogram)), tiers);
  cost.least_wasted = cost.most_wasted = 0;
  for (std::size_t i = 0; i < histogram.size() && i < size_buckets::count; ++i) {
    if (histogram[i] == 0) continue;
    const auto first = i == 0 ? 0 : size_buckets::upper_bound(i - 1) + 1;
    const auto one = detail::waste_between(first, size_buckets::upper_bound(i), tiers);
    cost.least_wasted += histogram[i] * one.least;
    cost.most_wasted += histogram[i] * one.most;
  }
  return cost;
}

/// Computes the table of at most `tiers` tiers that wastes the fewest bytes on these requests:
/// exact, by dynamic programming.
///
/// A tier is as large as a block in memory: a multiple of 16 bytes, of 64 from 64 bytes on; only
/// the last tier ends at `largest`. Requests above that are oversize.
///
/// Throws: `std::invalid_argument` if `tiers` is 0 or above 64, if `largest` is 0 or above 2^40, or
///   if the sums don't fit into 64 bits; `std::bad_alloc`.
/// Complexity: O(tiers * n log n) for `n` different blocks.
[[nodiscard]] inline tier_advice advise(std::span<const weighted_size> sizes, std::size_t tiers,
                                        std::size_t largest = detail::max_tier_bytes) {
  if (tiers == 0) detail::throw_invalid("number of tiers", tiers, "must be at least", 1);
  if (tiers > detail::max_tiers) {
    detail::throw_invalid("number of tiers", tiers, "must be at most", detail::max_tiers);
  }
  if (largest == 0) detail::throw_invalid("largest tier", largest, "must be at least", 1);
  if (largest > detail::max_tier_bytes) {
    detail::throw_invalid("largest tier", largest, "must be at most", detail::max_tier_bytes);
  }
  const detail::summed_sizes of({sizes.begin(), sizes.end()}, largest);
  tier_advice advice;
  advice.after.oversize = of.oversize;
  const auto count = of.blocks.size();
  if (count == 0) return advice;

  std::vector<std::uint64_t> least(count + 1, UINT64_MAX);  // without tiers: no sizes
  least[0] = 0;
  std::vector<std::vector<std::size_t>> begins;
  for (std::size_t t = 0; t != (std::min)(tiers, count); ++t) {
    detail::advice_row row(of, least);
    least = std::move(row.least);
    least[0] = UINT64_MAX;
    begins.push_back(std::move(row.begin));
  }
  for (auto end = count; end != 0;) {
    // A request above `largest` is oversize on this table, too.
    advice.sizes.push_back((std::min)(of.blocks[end - 1], largest));
    end = begins.back()[end];
    begins.pop_back();
  }
  std::reverse(advice.sizes.begin(), advice.sizes.end());
  advice.after.requested = of.bytes.back();
  advice.after.reserved = of.bytes.back() + least[count];
  advice.after.least_wasted = advice.after.most_wasted = least[count];
  return advice;
}

/// Computes the tiers of least waste up to the largest of the present tiers, and also the waste on
/// the present tiers.
template <tier_table Tiers>
[[nodiscard]] tier_advice advise(std::span<const weighted_size> sizes, std::size_t tiers,
                                 const Tiers& present) {
  auto advice = advise(sizes, tiers, present.size_of(present.count() - 1));
  advice.before = cost_of(sizes, present);
  return advice;
}

/// Computes the tiers of least waste for the histogram of a snapshot. They are optimal if all
/// requests are the largest of their bucket, so no tier ends inside a bucket. The waste has bounds.
/// For exact numbers record an operation_log.
[[nodiscard]] inline tier_advice advise(const std::vector<std::uint64_t>& histogram,
                                        std::size_t tiers,
                                        std::size_t largest = detail::max_tier_bytes) {
  auto advice = advise(std::span<const weighted_size>(sizes_of(histogram)), tiers, largest);
  if (!advice.sizes.empty()) advice.after = cost_of(histogram, advice.to_runtime_tiers());
  return advice;
}
template <tier_table Tiers>
[[nodiscard]] tier_advice advise(const std::vector<std::uint64_t>& histogram, std::size_t tiers,
                                 const Tiers& present) {
  auto advice = advise(histogram, tiers, present.size_of(present.count() - 1));
  advice.before = cost_of(histogram, present);
  return advice;
}

/// Prints a definition that can be pasted into a program, with the waste in a comment: one number
/// if it is exact, else its bounds.
inline std::ostream& operator<<(std::ostream& out, const tier_advice& advice) {
  if (advice.sizes.empty()) return out << "// nothing was asked for: no advice\n";
  const auto print = [&](const char* when, const tier_cost& cost) {
    const auto percent = [&](std::uint64_t wasted) {
      const auto part = static_cast<double>(wasted) / static_cast<double>(cost.reserved);
      return (std::round)(part * 1000) / 10;
    };
    out << "// waste " << when << ": " << cost.least_wasted;
    if (cost.is_exact()) {
      out << " bytes, " << percent(cost.wasted()) << " %\n";
    } else {
      out << " to " << cost.most_wasted << " bytes, about " << percent(cost.least_wasted) << " to "
          << percent(cost.most_wasted) << " %: of sizes only buckets are known\n";
    }
  };
  if (advice.before.reserved != 0) print("before", advice.before);
  print("after", advice.after);
  if (advice.after.oversize != 0) {
    out << "// passing through: " << advice.after.oversize << " requests\n";
  }
  out << "using my_tiers = tarn::fixed_tiers<";
  const char* between = "";
  for (const auto size : advice.sizes) {
    out << between << size;
    between = ", ";
  }
  return out << ">;\n";
}

}  // namespace tarn
