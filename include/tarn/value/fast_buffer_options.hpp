// SPDX-License-Identifier: MIT
//
// What can be chosen for a fast_buffer, and what it counts.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/fwd.hpp>
#include <tarn/value/size_hint.hpp>

namespace tarn {

/// Traits of a fast_buffer: the byte_pool it grows in, and how many bytes lie in the object itself
/// before it takes a block at all (single owner only).
template <class Pool, std::size_t InlineBytes>
struct fast_buffer_traits {
  using pool_type = Pool;
  static constexpr std::size_t inline_bytes = InlineBytes;
};

/// Everything about a fast_buffer that is decided at run time. No value is wrong.
struct fast_buffer_options {
  /// The least capacity of the first block, which is taken at the first byte.
  std::size_t initial_bytes = 0;
  /// The most bytes that it may hold; what goes beyond throws `std::length_error`. Where content
  /// comes and goes near this bound, the block is half as large again, or the next tier.
  std::size_t max_bytes = detail::max_size;
  /// `clear` gives a block of a larger capacity back instead of keeping it.
  std::size_t keep_bytes = detail::max_size;
  /// Where to look up a start size, and to report to; null: nowhere. Must outlive the buffer.
  size_hint* hint = nullptr;
};

/// What a fast_buffer counts if its stats policy does.
struct fast_buffer_numbers {
  std::uint64_t growths = 0;   // blocks taken to have more room, the first one included
  std::uint64_t bytes = 0;     // ever written
  std::size_t peak_bytes = 0;  // held at one time
};

namespace detail {

/// The capacity to ask for where `needed` bytes are to fit instead of `capacity`: at least twice
/// that, so that the bytes that growing moves are O(1) for each byte written.
[[nodiscard]] inline std::size_t wanted_capacity(const fast_buffer_options& o, std::size_t needed,
                                                 std::size_t capacity) noexcept {
  std::size_t usual = 2 * capacity;  // of a block: never overflows
  if (capacity == 0) usual = max_of(o.initial_bytes, o.hint != nullptr ? o.hint->bytes() : 0);
  return min_of(max_of(needed, usual), o.max_bytes);
}

/// Keeps the numbers of a fast_buffer up to date where content goes, never where it comes: appends
/// cost nothing.
struct write_counts {
  void grown() noexcept { ++totals_.growths; }
  /// `gone` of `held` bytes are dropped.
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

/// The same for a stats policy that does not count.
struct no_write_counts {
  static void grown() noexcept {}
  static void dropped(std::size_t, std::size_t) noexcept {}
  [[nodiscard]] static fast_buffer_numbers read(std::size_t) noexcept { return {}; }
};

}  // namespace detail
}  // namespace tarn
