// SPDX-License-Identifier: MIT
//
// The numbers of one tier of a pool at one moment.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/value/basic/large_snapshot.hpp>  // large_snapshot
#include <tarn/value/time_span.hpp>

namespace tarn {

/// The blocks of one tier. At rest, created = idle + in use + retired + abandoned.
struct tier_occupancy {
  static constexpr std::uint64_t no_bound = ~std::uint64_t{0};

  std::size_t size_bytes = 0;          ///< of a block, usable
  std::size_t stride_bytes = 0;        ///< of a block, in memory
  std::uint64_t created = 0;           ///< blocks since the pool began
  std::uint64_t retired = 0;           ///< blocks given back to the source or to another tier
  std::uint64_t recarved = 0;          ///< retired blocks that were carved for a smaller tier
  std::uint64_t abandoned = 0;         ///< blocks lost in the threads that a fork left behind
  std::uint64_t idle = 0;              ///< blocks ready for a get, anywhere
  std::uint64_t idle_in_threads = 0;   ///< idle blocks in caches of threads or processors
  std::uint64_t idle_pinned = 0;       ///< idle blocks parked in slabs with other blocks in use
  std::uint64_t idle_purged = 0;       ///< idle blocks without pages until a get
  std::uint64_t in_use = 0;            ///< live blocks; under load an estimate, never negative
  std::uint64_t max_idle = no_bound;   ///< bound of the depot; blocks above it are discarded
  time_span idle_for{};                ///< least time that some idle blocks were not needed
  std::uint64_t peak_outstanding = 0;  ///< high-water mark of blocks outside the depot: in use, in
                                       ///< caches and, under lock_free, on the stack

  // Idle blocks that left without a get, by reason:
  std::uint64_t discarded = 0;  ///< came back above a bound
  std::uint64_t aged = 0;       ///< were not needed for long: `maintain`
  std::uint64_t trimmed = 0;    ///< on demand (trim, drain, clear, resize), or for lack of memory
  std::uint64_t purged = 0;     ///< blocks that lost their pages and stay idle
  std::uint64_t purged_bytes = 0;  ///< bytes of the purged pages

  /// The idle blocks that the bounds count: without those that only their slab keeps. Other pools
  /// call these their idle objects.
  [[nodiscard]] std::uint64_t idle_kept() const noexcept {
    return idle < idle_pinned ? 0 : idle - idle_pinned;
  }
};

/// Bytes by class: what the gets received, and what happened to that memory.
struct byte_snapshot {
  std::uint64_t requested = 0;  ///< by gets; only a recording stats policy knows
  std::uint64_t reserved = 0;   ///< size of the blocks that the gets received
  std::uint64_t fresh = 0;      ///< reserved bytes that were never handed out before
  std::uint64_t reused = 0;     ///< all other reserved bytes
  std::uint64_t dropped = 0;    ///< discarded on return, above a bound
  std::uint64_t recarved = 0;   ///< carved for a smaller tier
  std::uint64_t purged = 0;     ///< pages given back to the system, with their blocks kept

  /// The part of the reserved bytes that was not requested; 0 if the requested bytes are not known.
  [[nodiscard]] double waste() const noexcept {
    if (requested == 0 || reserved == 0) return 0;
    return 1 - static_cast<double>(requested) / static_cast<double>(reserved);
  }
};

/// The numbers of one tier under a stats policy that counts.
struct tier_snapshot : tier_occupancy {
  std::uint64_t gets = 0;  ///< served by this tier
  std::uint64_t puts = 0;
  std::uint64_t misses = 0;           ///< gets of a block never handed out or prewarmed before
  std::uint64_t requested_bytes = 0;  ///< by those gets; only a recording stats policy knows
  std::uint64_t most_in_use = 0;  ///< sampled high-water mark, never below the blocks that are in
                                  ///< use now; only a recording stats policy knows

  /// The counters that never fall.
  using self = tier_snapshot;
  static constexpr std::uint64_t self::* counts[] = {
      &self::created, &self::retired, &self::recarved,       &self::abandoned,    &self::discarded,
      &self::aged,    &self::trimmed, &self::purged,         &self::purged_bytes, &self::gets,
      &self::puts,    &self::misses,  &self::requested_bytes};

  [[nodiscard]] std::uint64_t hits() const noexcept { return gets - misses; }
  /// The part of the gets that were hits: 1 - (allocations - oversized) / gets, where an allocation
  /// is a miss. Returns: 0 before the first get.
  [[nodiscard]] double hit_rate() const noexcept {
    return gets == 0 ? 0 : static_cast<double>(hits()) / static_cast<double>(gets);
  }
  [[nodiscard]] byte_snapshot bytes() const noexcept {
    return {requested_bytes,        gets * size_bytes,     misses * size_bytes, hits() * size_bytes,
            discarded * size_bytes, recarved * size_bytes, purged_bytes};
  }
};

}  // namespace tarn
