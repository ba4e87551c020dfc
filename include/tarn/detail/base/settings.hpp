// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

template <class Config>
struct upkeep;
template <class Config>
struct bounds;
template <class Config>
struct budgets;
template <class Config>
struct grants;

/// What happens to the pages of aged blocks. `none`: nothing, since aged blocks don't stay; `lazy`:
/// the system takes the pages when it needs them; `at_once`: the pages are given back at once.
enum class purge_mode : std::uint8_t { none, lazy, at_once };

/// The settings of a core. The pool has checked them.
struct core_settings {
  static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

  std::size_t slab_bytes = std::size_t{64} << 10;  // power of two
  std::size_t limit_bytes = no_limit;              // bytes held of the source
  std::size_t max_idle_bytes = no_limit;           // bytes ready in the depots
  bool bounds_idle_bytes = false;                  // lock-free: count idle bytes for that
  std::size_t max_ready = no_limit;                // ready blocks per tier
  std::size_t capacity = no_limit;                 // blocks per tier that may exist
  std::size_t shard_bytes = 0;                     // per thread, plus one; 0: from the thread count
  std::size_t node_bytes = 0;                      // of one more tier, for the core's own use
  std::uint32_t cache_gap = 0;                     // caches between those of tiers and of nodes
  std::size_t alignment = 1;                       // of all blocks but nodes; at most a slab's
  std::size_t least_stride = 1;                    // over-aligned objects need more than their size
  bool keeps_objects = false;                      // ready blocks hold a live object
  bool keeps_zeros = false;                        // blocks that were out are zero while idle
  purge_mode aged_pages = purge_mode::none;        // only where the source can lose pages
};

/// A larger block is carved only for slabs of at least an eighth of its size, so that a small
/// request doesn't pin a huge block (synk's "split max 8x").
inline constexpr std::size_t most_carved = 8;
/// A tier whose blocks were missed this often while some were carved is not carved any more until
/// the next tick of ageing: its users need the blocks, and the smaller tier buys its own memory.
inline constexpr std::uint32_t most_carve_misses = 16;

/// How often a get that found nothing checks whether other threads have emptied their caches. It
/// spins for a microsecond, then it leaves the processor to them.
inline constexpr unsigned most_turns = 256;

/// Blocks per magazine: 32 KiB worth. A trip to the depot then moves enough blocks to be rare, and
/// few enough not to hoard.
[[nodiscard]] constexpr std::uint32_t rounds_for(std::size_t stride) noexcept {
  return static_cast<std::uint32_t>(
      clamp_to<std::size_t>((std::size_t{32} << 10) / stride, 1, 256));
}

/// Blocks that a cache gets room for at first: two magazines' worth; one block from 64 KiB on.
[[nodiscard]] constexpr std::uint32_t room_for(std::size_t stride) noexcept {
  return stride > std::size_t{64} << 10 ? 1 : 2 * rounds_for(stride);
}

}  // namespace tarn::detail
