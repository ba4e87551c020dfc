// SPDX-License-Identifier: MIT
//
// checked_with: a check that is a set of parts; and parts that find writes to memory that is not
// the writer's.

#pragma once

#include <cstddef>
#include <type_traits>

#include <tarn/detail/check/parts.hpp>
#include <tarn/detail/check/pattern.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/value/basic/checked_block.hpp>

namespace tarn {

/// A part of a check: a type with some of these static members, each noexcept.
///
/// * `check_finding on_get(const checked_block&)`: the block goes out. The part may write its room,
///   and the bytes if `is_free`.
/// * `check_finding on_put(const checked_block&)`: the block came home, and is one of the pool's.
///   Its bytes are the user's still; an object is still there.
/// * `void on_idle(const checked_block&)`: the same, afterwards: its object is gone, if it had one.
///   The part may write the bytes if `is_free`. It is not called for objects that are kept.
/// * `std::size_t room_bytes`: how many bytes behind each block's capacity are the part's own.
/// * `bool watches_idle`: whether `on_get` looks at the bytes that `on_idle` left.
/// * `bool hides_idle`: whether idle bytes are inaccessible. Other parts come after it at a get,
/// and
///   before it at a put.
/// * `void on_memory(std::byte* first, std::size_t n)`: memory of idle blocks is about to be cut
///   anew, or to go back to the source.
///
/// At most one part of a check may write the bytes in `on_idle`, and one in `on_get`.
///
/// A finding is counted and reported as a misuse; the block goes its way all the same. `on_get` and
/// `on_put` may also return nothing. No lock is held. Complexity: each get and put calls each part
/// once. Thread safety: several threads call a part at the same time, each for another block.
template <class P>
concept check_part =
    requires(const checked_block& b) { P::on_get(b); } || requires(const checked_block& b) {
      P::on_put(b);
    } || requires(const checked_block& b) { P::on_idle(b); } || requires { P::room_bytes; };

namespace detail {
template <class Part, class... Parts>
inline constexpr bool is_among = (false || ... || std::is_same_v<Part, Parts>);
template <class... Parts>
inline constexpr bool are_distinct = true;
template <class Part, class... Parts>
inline constexpr bool are_distinct<Part, Parts...> =
    !is_among<Part, Parts...> && are_distinct<Parts...>;
}  // namespace detail

/// The checks of `checked`, and `Parts` in addition: a set, in any order.
///
/// `byte_pool<Lock, Stats, traits<Tiers, checked_with<fill_blocks, fence_blocks>>>`. A check of
/// your own may be derived from it: `struct mine : checked_with<fill_blocks, my_part> {};`.
///
/// Cost: as `checked`, and what the parts do.
template <class... Parts>
struct checked_with {
  static_assert(
      (true && ... && check_part<Parts>),
      "checked_with: a part of a check needs a static on_get, on_put or on_idle that takes "
      "a const tarn::checked_block&, or a static constexpr room_bytes");
  static_assert(detail::are_distinct<Parts...>, "checked_with: name each part once");
  static constexpr bool enabled = true;
  using parts = detail::check_parts<Parts...>;
};

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
/// write there is no misuse. Blocks are further apart: 192 instead of 128 bytes. So a pool with
/// fences doesn't cut larger idle blocks for smaller requests, and serves alignments above 64 from
/// the source unless `options::alignment` asks for them.
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
