// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Where a block came from: out of a magazine, parked in its slab, or never handed out before.
enum class origin : std::uint8_t { ready, parked, fresh };

template <class Env>
struct acquired {
  void* block = nullptr;
  origin from = origin::ready;
};

/// The same with the moment when the get began, for pools that time gets; 0 if this one is not
/// timed.
template <class Env>
struct timed_acquired : acquired<Env> {
  timed_acquired(void* ready) noexcept : acquired<Env>{ready} {}
  timed_acquired(const acquired<Env>& got, std::int64_t when) noexcept
      : acquired<Env>(got), began(when) {}

  std::int64_t began = 0;
};

/// Why ready blocks leave without a get. It decides how they are counted and what happens to their
/// slabs.
enum class evict_reason : std::uint8_t {
  bound,     ///< they came back above a bound
  aged,      ///< they were not needed for long
  trimmed,   ///< on demand, or because memory was short
  closed,    ///< the pool ended
  reunited,  ///< their slab is a piece of a larger block that is wanted; all other slabs stay
  purged,    ///< only their pages go; their slabs stay
};

/// Numbers of one tier, cumulative unless stated otherwise. All are exact under the tier's lock.
struct tier_counts {
  std::uint64_t created = 0;    // blocks carved, or built from reunited pieces
  std::uint64_t retired = 0;    // blocks whose memory went to the source or to another tier
  std::uint64_t recarved = 0;   // retired blocks that were carved for a smaller tier
  std::uint64_t abandoned = 0;  // blocks left in shards of threads that a fork left behind
  std::uint64_t discarded = 0;  // blocks returned but not kept, because a bound was reached
  std::uint64_t aged = 0;       // blocks given up: not needed for long
  std::uint64_t trimmed = 0;    // blocks given up on demand, or because memory was short
  std::uint64_t purged = 0;     // blocks that stayed but lost their pages
  std::uint64_t purged_bytes = 0;
  std::uint64_t idle_purged = 0;  // blocks parked without pages now
  std::uint64_t misses = 0;       // gets that were served by a block never handed out
  std::uint64_t gets = 0;         // gets and puts that did not go through a shard
  std::uint64_t puts = 0;
  std::uint64_t double_puts = 0;  // blocks that came home but were there; not of pools that check
  std::uint64_t peak_outstanding = 0;  // high-water mark of blocks that were not home

  /// Counts ready blocks that left without a get.
  void left(evict_reason why, std::uint64_t blocks) noexcept {
    if (why == evict_reason::bound) discarded += blocks;
    if (why == evict_reason::aged) aged += blocks;
    if (why == evict_reason::trimmed) trimmed += blocks;
  }
};

}  // namespace tarn::detail
