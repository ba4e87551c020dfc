// SPDX-License-Identifier: MIT
//
// checked_with: a check that is a set of parts; and parts that find writes to memory that is not
// the writer's, and late second puts.

#pragma once

#include <cstddef>
#include <type_traits>

#include <tarn/detail/check/detention.hpp>
#include <tarn/detail/check/parts.hpp>
#include <tarn/detail/check/pattern.hpp>
#include <tarn/fwd.hpp>
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
/// * `check_finding on_release(const checked_block&)`: a block of which the bytes must still be as
///   `on_idle` left them leaves the queue of `quarantine_blocks`.
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
concept check_part = requires(const checked_block& b) { P::on_get(b); } ||
                     requires(const checked_block& b) { P::on_put(b); } ||
                     requires(const checked_block& b) { P::on_idle(b); } ||
                     requires { P::room_bytes; } || requires { P::most_blocks; };

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
  static check_finding on_release(const checked_block& b) noexcept {
    return detail::is_filled(b.bytes, given, b.capacity) ? check_finding()
                                                         : check_finding(misuse::written_idle);
  }
  static void on_idle(const checked_block& b) noexcept {
    if (b.is_free) detail::fill_memory(b.bytes, given, b.capacity);
  }
};

/// Puts a fence of 64 bytes behind the capacity of each block, and looks at it when the block comes
/// home, and when it goes out again: a write behind the capacity is `misuse::overrun`. The block is
/// taken back. What lies behind the fence may have been written as well.
///
/// The fence also lies before the next block, if the capacity is a multiple of 64. So a write
/// before a block is found as an overrun of the one before it in memory, if there is one that was
/// ever out.
///
/// Bytes between the requested size and the capacity belong to the user (`buffer::capacity`), so a
/// write there is no misuse. Blocks are further apart: 192 instead of 128 bytes. So a pool with
/// fences doesn't cut larger idle blocks for smaller requests, and serves alignments above 64 from
/// the source unless `options::alignment` asks for them.
///
/// Complexity: O(1) per get and per put.
struct fence_blocks {
  static constexpr std::byte mark{0xfd};  ///< the bytes of the fence

  static constexpr std::size_t room_bytes = 64;
  static constexpr bool watches_idle = true;
  static check_finding on_get(const checked_block& b) noexcept {
    const check_finding found = b.is_left ? on_put(b) : check_finding();
    detail::fill_memory(b.room, mark, room_bytes);
    return found;
  }
  static check_finding on_put(const checked_block& b) noexcept {
    return detail::is_filled(b.room, mark, room_bytes) ? check_finding()
                                                       : check_finding(misuse::overrun);
  }
  static check_finding on_release(const checked_block& b) noexcept { return on_put(b); }
  static void on_idle(const checked_block& b) noexcept {
    if (b.is_free) detail::fill_memory(b.room, mark, room_bytes);  // it may have been written
  }
};

/// Keeps blocks out of reach for a while. A block that comes home goes to the end of a queue of at
/// most `Blocks` blocks and `Bytes` bytes, and is handed out again only when newer ones have pushed
/// it out. So a late second put meets a block that is not out, and is `misuse::double_put`, where
/// the block would else have another owner by then. With `fill_blocks` the bytes are compared as
/// the block leaves the queue: a write after the put is `misuse::written_idle`, with the capacity
/// as its size, reported by the call that made the block leave.
///
/// The queue belongs to the pool, for all its threads. A block in it counts as idle. A get that
/// would fail, `trim`, `drain` and `close` empty the queue, and while gets wait (`get_for`,
/// `async_get`) it takes none. Blocks above the last tier, those of more than `Bytes`, and the
/// nodes of shared bytes go home at once. Objects that are kept are kept in it; a write to them is
/// not found.
///
/// By default 256 blocks and 1 MiB.
///
/// Cost: four more locks per put, and 16 bytes of the pool for each of `Blocks`. A put allocates
/// nothing.
template <std::size_t Blocks, std::size_t Bytes>
struct quarantine_blocks {
  static_assert(Blocks != 0, "quarantine_blocks: a queue of no blocks keeps none; leave it out");

  static constexpr std::size_t most_blocks = Blocks;
  static constexpr std::size_t most_bytes = Bytes;
  template <class Config>
  using detention = detail::detention<Config, Blocks, Bytes>;
};

}  // namespace tarn
