// SPDX-License-Identifier: MIT
//
// Parts of checks, for `checked_with`: they find writes to memory that is not the writer's.

#pragma once

#include <cstddef>

#include <tarn/detail/check/pattern.hpp>
#include <tarn/policy/check.hpp>

namespace tarn {

/// Fills each block with one byte as it goes out, and with another as it comes home. So code that
/// reads what it has not written, or has given back, reads the same wrong value each time. Before a
/// block goes out again, its bytes are compared: a write after the put is `misuse::written_idle`,
/// reported by that get.
///
/// Where zeroing is asked for, zeros win: `zeroing::on_get` leaves the pattern of idle blocks only,
/// all others leave none. Objects that are kept stay as they are. Memory that came from the source,
/// lost its pages, or was a part of another block in between is not compared, and neither is a
/// block above the last tier.
///
/// Complexity: O(capacity) per get and per put.
struct fill_blocks {
  static constexpr std::byte taken{0xcd};  ///< the bytes of a block that was just taken
  static constexpr std::byte given{0xdd};  ///< the bytes of a block that was given back

  static constexpr bool watches_idle = true;
  static check_finding on_get(const checked_block& b) noexcept {
    const bool was_written = b.is_left && !detail::is_filled(b.bytes, given, b.capacity);
    if (b.is_free) detail::fill_memory(b.bytes, taken, b.capacity);
    return was_written ? check_finding(misuse::written_idle) : check_finding();
  }
  static void on_idle(const checked_block& b) noexcept {
    if (b.is_free) detail::fill_memory(b.bytes, given, b.capacity);
  }
};

/// Puts a fence of 32 bytes behind the capacity of each block, and looks at it when the block comes
/// home: a write behind the capacity is `misuse::overrun`. The block is taken back. What lies
/// behind the fence may have been written as well.
///
/// Bytes between the requested size and the capacity belong to the user (`buffer::capacity`), so a
/// write there is none. Blocks are further apart: 192 instead of 128 bytes, so a pool with fences
/// doesn't cut larger idle blocks for smaller requests, and serves alignments above 64 from the
/// source unless `options::alignment` asks for them.
///
/// Complexity: O(1) per get and per put.
struct fence_blocks {
  static constexpr std::byte mark{0xfd};  ///< the bytes of the fence

  static constexpr std::size_t room_bytes = 32;
  static void on_get(const checked_block& b) noexcept {
    detail::fill_memory(b.room, mark, room_bytes);
  }
  static check_finding on_put(const checked_block& b) noexcept {
    return detail::is_filled(b.room, mark, room_bytes) ? check_finding()
                                                       : check_finding(misuse::overrun);
  }
};

}  // namespace tarn
