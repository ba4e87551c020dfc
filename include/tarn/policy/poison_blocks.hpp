// SPDX-License-Identifier: MIT
//
// poison_blocks: AddressSanitizer sees a use of blocks that were given back.
//
//   tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
//                   tarn::traits<tarn::power_of_two_tiers<>,
//                                tarn::checked_with<tarn::poison_blocks>>> pool;

#pragma once

#include <cstddef>

#include <tarn/detail/system/sanitizer.hpp>
#include <tarn/policy/check_parts.hpp>

namespace tarn {

/// A part of a check, see `checked_with`. In a program that is compiled with AddressSanitizer each
/// idle block is poisoned: an access ends the program, with the places of the access and of the
/// memory. Without the sanitizer it does nothing.
///
/// The part sees what the check sees: raw blocks, handles, bulk, blocks above the last tier, and
/// objects that are destroyed as they come back. Objects that are kept stay accessible, as the pool
/// resets and destroys them, and so do the nodes of shared bytes. Memory is accessible again before
/// it goes back to the source. A block that was given back is found as long as it is idle; its next
/// owner has it then, and `fill_blocks` may help.
///
/// Bytes between the requested size and the capacity belong to the user, so they are accessible.
///
/// In a file that is compiled without the sanitizer this is another type, and so are the pools that
/// have it: no pool can be used by files of both kinds.
///
/// Complexity: O(capacity / 8) per get and per put with the sanitizer, else none.
/// Source of the idea: the pools of Chromium and brpc.
template <bool Active>
struct basic_poison_blocks {
  static constexpr bool is_active = Active;

  static constexpr bool hides_idle = true;
  static void on_get(const checked_block& b) noexcept { tool::show(b.bytes, b.capacity); }
  static void on_idle(const checked_block& b) noexcept { tool::hide(b.bytes, b.capacity); }
  static void on_memory(std::byte* first, std::size_t n) noexcept { tool::show(first, n); }

 private:
  using tool = detail::address_sanitizer<Active>;
};
using poison_blocks = basic_poison_blocks<detail::has_address_sanitizer>;

}  // namespace tarn
