// SPDX-License-Identifier: MIT
//
// valgrind_blocks: memcheck sees a use of blocks that were given back. Needs valgrind's headers.
//
//   tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
//                   tarn::traits<tarn::power_of_two_tiers<>,
//                                tarn::checked_with<tarn::valgrind_blocks>>> pool;

#pragma once

#include <cstddef>

#include <valgrind/memcheck.h>

#include <tarn/policy/check_parts.hpp>

namespace tarn {

/// A part of a check, see `checked_with`: what `poison_blocks` tells AddressSanitizer, for
/// valgrind's memcheck. It also reports a use of bytes that were not written since the get.
///
/// Complexity: O(capacity) per get and per put under valgrind, else a few instructions that do
/// nothing.
struct valgrind_blocks {
  static constexpr bool hides_idle = true;
  static void on_get(const checked_block& b) noexcept {
    if (b.is_free) {
      VALGRIND_MAKE_MEM_UNDEFINED(b.bytes, b.capacity);
    } else {
      VALGRIND_MAKE_MEM_DEFINED(b.bytes, b.capacity);
    }
  }
  static void on_idle(const checked_block& b) noexcept {
    VALGRIND_MAKE_MEM_NOACCESS(b.bytes, b.capacity);
  }
  static void on_memory(std::byte* first, std::size_t n) noexcept {
    VALGRIND_MAKE_MEM_DEFINED(first, n);
  }
};

}  // namespace tarn
