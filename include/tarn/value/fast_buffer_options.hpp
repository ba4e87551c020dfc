// SPDX-License-Identifier: MIT
//
// The options of a fast_buffer, and its counts.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/fwd.hpp>
#include <tarn/value/size_hint.hpp>

namespace tarn {

/// Traits of a fast_buffer: the byte_pool that it grows in, and the number of bytes in the object
/// itself before it takes a block (single owner only).
template <class Pool, std::size_t InlineBytes>
struct fast_buffer_traits {
  using pool_type = Pool;
  static constexpr std::size_t inline_bytes = InlineBytes;
};

/// The run-time options of a fast_buffer. Every value of each is valid, and so is every
/// combination: sizes are wishes, except `max_bytes`.
struct fast_buffer_options {
  /// The least capacity of the first block, within `max_bytes`. The first byte takes that block. If
  /// the pool has no such block, it takes one for the first bytes.
  std::size_t initial_bytes = 0;
  /// The most bytes that it may hold; above that it throws `std::length_error`. Larger values mean
  /// PTRDIFF_MAX; for several threads, 8 TiB. If content comes and goes near this bound, the block
  /// is half as large again, or of the next tier, if the pool has one.
  std::size_t max_bytes = detail::max_size;
  /// `clear` gives a block back if its capacity is larger than this.
  std::size_t keep_bytes = detail::max_size;
  /// Bytes that are left free before the content, for `prepend`: growth and moves leave them free
  /// too, unless the pool has no memory for them. Not for several threads.
  std::size_t front_bytes = 0;
  /// Supplies a start size, as `initial_bytes`, and receives the sizes; null: no hint. Must outlive
  /// the buffer.
  size_hint* hint = nullptr;
};

/// The counts of a fast_buffer, if its stats policy counts.
struct fast_buffer_numbers {
  std::uint64_t growths = 0;   // blocks taken to have more room, with the first one
  std::uint64_t bytes = 0;     // written or attached in its whole life
  std::size_t peak_bytes = 0;  // the most at one time
};

/// What a fast_buffer with `recording_stats` recorded.
struct fast_buffer_history {
  /// The sizes of the last contents in bytes, oldest first.
  std::vector<std::size_t> recent_sizes;
  /// The number of contents by size: `size_buckets` has the buckets.
  std::vector<std::uint64_t> size_histogram;
  /// The number of blocks that it took, by tier of the pool.
  std::vector<std::uint64_t> blocks;
  /// The number of blocks that it took above the last tier.
  std::uint64_t large_blocks = 0;
};

namespace detail {

/// The capacity that growth wants in place of `capacity` bytes: twice as many, so that growth moves
/// O(1) bytes for each byte written. `is_first`: there is no block yet.
[[nodiscard]] inline std::size_t usual_capacity(const fast_buffer_options& o, std::size_t capacity,
                                                bool is_first) noexcept {
  const std::size_t twice = 2 * capacity;  // of a block: never overflows
  if (!is_first) return twice;
  return max_of(twice, max_of(o.initial_bytes, o.hint != nullptr ? o.hint->bytes() : 0));
}

/// Updates the counts of a fast_buffer when content leaves, not when it is appended: appends pay
/// nothing.
struct write_counts {
  void grown() noexcept { ++totals_.growths; }
  /// Counts that `gone` of `held` bytes were dropped.
  void dropped(std::size_t gone, std::size_t held) noexcept {
    totals_.bytes += gone;
    if (held > totals_.peak_bytes) totals_.peak_bytes = held;
  }
  [[nodiscard]] fast_buffer_numbers read(std::size_t held) const noexcept {
    write_counts now = *this;
    now.dropped(held, held);
    return now.totals_;
  }

 private:
  fast_buffer_numbers totals_{};
};

/// The counts under a stats policy that does not count.
struct no_write_counts {
  static void grown() noexcept {}
  static void dropped(std::size_t, std::size_t) noexcept {}
  [[nodiscard]] static fast_buffer_numbers read(std::size_t) noexcept { return {}; }
};

}  // namespace detail
}  // namespace tarn
