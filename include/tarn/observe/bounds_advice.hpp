// SPDX-License-Identifier: MIT
//
// Computes the bounds of a pool from what a run needed.
//
//   const auto advice = tarn::advise_bounds(pool.snapshot());
//   std::cout << advice;                       // const tarn::options advised{.name = ..., ...};
//   tarn::byte_pool<> next(advice.to_options());

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/observe/text/text_writer.hpp>
#include <tarn/value/options.hpp>
#include <tarn/value/snapshot.hpp>

namespace tarn {

/// The bounds that a pool needs for a load, with some headroom. All zero if nothing was asked for.
struct bounds_advice {
  std::string name;
  double headroom = 1;
  /// The blocks that every tier needed at the same time, without headroom: as many can be ready
  /// from the beginning without waste. 0 if a tier was not used.
  std::size_t initial_objects = 0;
  /// For each tier, the most idle blocks that the load can take out again; 0 if it was not used.
  std::vector<std::size_t> max_objects_by_tier;
  /// Bytes of those together. Only of use above `options::default_max_bytes`.
  std::size_t max_bytes = 0;
  /// The blocks of the busiest tier. `to_options` leaves it out: a capacity is exact, but threads
  /// have no caches then.
  std::size_t capacity = 0;
  /// Bytes that the pool held of its source, with what the large cache will keep more than now.
  std::size_t limit_bytes = 0;
  /// Bytes of blocks above the last tier that were live at once.
  std::size_t large_cache_bytes = 0;
  /// Whether the blocks of tiers are sampled high-water marks (recording_stats), which may be too
  /// low; else they count blocks in caches, and may be too high. The capacity and the bytes of the
  /// last two are never too low.
  bool is_sampled = false;
  /// Requests that were refused in the run. The load needs more than it got then, and so more than
  /// this.
  std::uint64_t refused = 0;

  [[nodiscard]] bool empty() const noexcept { return limit_bytes == 0; }
  /// Options that a pool accepts; with all defaults if there is no advice. Throws:
  /// `std::bad_alloc`.
  [[nodiscard]] options to_options() const {
    options made;
    made.name = name;
    if (empty()) return made;
    made.initial_objects = initial_objects;
    made.max_objects_by_tier = tier_bounds(max_objects_by_tier);
    if (max_bytes > options::default_max_bytes) made.max_bytes = max_bytes;
    made.limit_bytes = limit_bytes;
    if (large_cache_bytes != 0) made.large_cache_bytes = large_cache_bytes;
    return made;
  }
};

namespace detail {

/// `n * factor`, rounded up; at most the largest size.
[[nodiscard]] inline std::size_t with_headroom(std::uint64_t n, double factor) noexcept {
  const double more = std::ceil(static_cast<double>(n) * factor);
  return more < static_cast<double>(max_size) ? static_cast<std::size_t>(more) : max_size;
}
[[nodiscard]] constexpr std::size_t sum_to_limit(std::size_t a, std::size_t b) noexcept {
  return b < max_size - a ? a + b : max_size;
}
/// A snapshot that was made by hand may have no strides.
[[nodiscard]] constexpr std::size_t stride_of(const tier_snapshot& t) noexcept {
  return max_of<std::size_t>(t.stride_bytes, 1);
}
/// Bytes of the slabs for so many blocks, of the default size.
[[nodiscard]] constexpr std::size_t bytes_of_slabs(std::size_t blocks,
                                                   std::size_t stride) noexcept {
  constexpr auto slab = options::default_slab_bytes;
  const auto each = max_of<std::size_t>(slab / stride, 1);
  const auto bytes = align_up(stride, slab);
  const auto slabs = blocks / each + (blocks % each != 0);
  return slabs < max_size / bytes ? slabs * bytes : max_size;
}

}  // namespace detail

/// Computes bounds from the high-water marks of a pool: `headroom` times what the load needed.
/// Take the snapshot at the end of a run that has seen the usual peaks.
///
/// Throws: `std::invalid_argument` if `headroom` is not from 1 to 1000; `std::bad_alloc`.
/// Complexity: O(tiers).
[[nodiscard]] inline bounds_advice advise_bounds(const snapshot& s, double headroom = 1.25) {
  constexpr int most = 1000;
  if (!(headroom >= 1)) detail::throw_invalid("headroom", headroom, "must be at least", 1);
  if (headroom > most) detail::throw_invalid("headroom", headroom, "must be at most", most);
  bounds_advice made;
  made.name = s.name;
  made.headroom = headroom;
  if (s.most_held_bytes == 0) return made;
  made.refused = s.refused();
  std::uint64_t least = UINT64_MAX;
  for (const auto& t : s.tiers) {
    made.is_sampled = made.is_sampled || t.most_in_use != 0;
    const auto peak = t.most_in_use != 0 ? t.most_in_use : t.peak_outstanding;
    const auto bound = detail::with_headroom(peak, headroom);
    made.max_objects_by_tier.push_back(bound);
    const auto stride = detail::stride_of(t);
    made.max_bytes = bound > detail::max_size / stride
                         ? detail::max_size
                         : detail::sum_to_limit(made.max_bytes, bound * stride);
    made.capacity =
        detail::max_of(made.capacity, detail::with_headroom(t.peak_outstanding, headroom));
    least = detail::min_of(least, peak);
  }
  made.initial_objects = detail::cast_to<std::size_t>(least == UINT64_MAX ? 0 : least);
  std::size_t initial_bytes = 0;
  for (const auto& t : s.tiers) {
    initial_bytes = detail::sum_to_limit(
        initial_bytes, detail::bytes_of_slabs(made.initial_objects, detail::stride_of(t)));
  }
  made.large_cache_bytes = detail::with_headroom(s.large.most_in_use_bytes, headroom);
  made.limit_bytes = detail::with_headroom(s.most_held_bytes, headroom);
  if (made.large_cache_bytes > s.large.max_kept_bytes) {
    made.limit_bytes =
        detail::sum_to_limit(made.limit_bytes, made.large_cache_bytes - s.large.max_kept_bytes);
  }
  // The tiers may have had their peaks at different times.
  made.limit_bytes = detail::max_of(made.limit_bytes, initial_bytes);
  return made;
}

/// Prints options that can be pasted into a program; what has to be known about them is in
/// comments.
inline std::ostream& operator<<(std::ostream& out, const bounds_advice& advice) {
  if (advice.empty()) return out << "// nothing was asked for: no advice\n";
  detail::text_writer to{std::ostreambuf_iterator<char>(out)};
  const auto put = [&](std::string_view what, std::size_t n, std::string_view why) {
    to.put(std::string_view("    "), what, std::string_view(" = "), n, std::string_view(","), why,
           '\n');
  };
  if (advice.refused != 0) {
    to.put(std::string_view("// too little: "), advice.refused,
           std::string_view(" requests were refused, so the load needs more than it got\n"));
  }
  to.put(std::string_view(advice.is_sampled
                              ? "// blocks: sampled high-water marks\n"
                              : "// blocks: high-water marks that count blocks in caches\n"),
         std::string_view("const tarn::options advised{\n    .name = \""));
  to.put_escaped(advice.name, "\"\\");
  to.put(std::string_view("\",\n"));
  put(".initial_objects", advice.initial_objects, "");
  to.put(std::string_view("    .max_objects_by_tier = {"));
  std::string_view between;
  for (const auto bound : advice.max_objects_by_tier) {
    to.put(between, bound);
    between = ", ";
  }
  to.put(std::string_view("},\n"));
  if (advice.max_bytes > options::default_max_bytes) put(".max_bytes", advice.max_bytes, "");
  put("// .capacity", advice.capacity, "  // exact, but threads have no caches then");
  put(".limit_bytes", advice.limit_bytes, "");
  if (advice.large_cache_bytes != 0) put(".large_cache_bytes", advice.large_cache_bytes, "");
  to.put(std::string_view("};\n"));
  return out;
}

}  // namespace tarn
