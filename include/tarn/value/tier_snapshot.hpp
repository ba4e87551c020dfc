// SPDX-License-Identifier: MIT
//
// What one tier of a pool looks like at one moment.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/value/basic/large_snapshot.hpp>  // large_snapshot
#include <tarn/value/time_span.hpp>

namespace tarn {

/// The blocks of one tier. At rest, created = idle + in use + retired + abandoned.
struct tier_occupancy {
  static constexpr std::uint64_t no_bound = ~std::uint64_t{0};

  std::size_t size_bytes = 0;          ///< of a block, as the user sees it
  std::size_t stride_bytes = 0;        ///< of a block, as memory sees it
  std::uint64_t created = 0;           ///< since the pool began
  std::uint64_t retired = 0;           ///< of those, given back to the source or to another tier
  std::uint64_t recarved = 0;          ///< of the retired, carved for a smaller tier
  std::uint64_t abandoned = 0;         ///< of those created, left in threads a fork left behind
  std::uint64_t idle = 0;              ///< ready for a get, anywhere
  std::uint64_t idle_in_threads = 0;   ///< of those, in thread caches
  std::uint64_t idle_pinned = 0;       ///< of those, parked in slabs that other blocks still use
  std::uint64_t idle_purged = 0;       ///< of those, without memory of their own until a get
  std::uint64_t in_use = 0;            ///< under load an estimate, never negative
  std::uint64_t max_idle = no_bound;   ///< more in the depot are discarded
  time_span idle_for{};                ///< for at least so long some in the depot were not needed
  std::uint64_t peak_outstanding = 0;  ///< high-water mark of blocks not in the depot: in use, in
                                       ///< caches and, under lock_free, on the stack

  // Why idle blocks ceased to be idle without a get:
  std::uint64_t discarded = 0;     ///< came back above a bound
  std::uint64_t aged = 0;          ///< were not needed for long: `maintain`
  std::uint64_t trimmed = 0;       ///< on demand (trim, drain, clear, resize) or memory was short
  std::uint64_t purged = 0;        ///< only their pages went: the blocks stay idle
  std::uint64_t purged_bytes = 0;  ///< of those pages
};

/// Bytes by class: what gets were given, and what became of the memory behind it.
struct byte_snapshot {
  std::uint64_t requested = 0;  ///< only a recording stats policy knows
  std::uint64_t reserved = 0;   ///< of the blocks that the gets were given
  std::uint64_t fresh = 0;      ///< of those, never handed out before
  std::uint64_t reused = 0;     ///< of those, all others
  std::uint64_t dropped = 0;    ///< discarded on their return, because of a bound
  std::uint64_t recarved = 0;   ///< carved for a smaller tier
  std::uint64_t purged = 0;     ///< pages given back to the system while their blocks stayed

  /// The part of the reserved bytes that nobody asked for; 0 if it is not known what was asked.
  [[nodiscard]] double waste() const noexcept {
    if (requested == 0 || reserved == 0) return 0;
    return 1 - static_cast<double>(requested) / static_cast<double>(reserved);
  }
};

/// The same with what a counting stats policy adds.
struct tier_snapshot : tier_occupancy {
  std::uint64_t gets = 0;  ///< served by this tier
  std::uint64_t puts = 0;
  std::uint64_t misses = 0;           ///< gets of a block never handed out or prewarmed before
  std::uint64_t requested_bytes = 0;  ///< by those gets; only a recording stats policy knows
  std::uint64_t most_in_use = 0;      ///< high-water mark, sampled; only a recording one knows

  /// Those that only grow.
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
