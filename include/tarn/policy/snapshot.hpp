// SPDX-License-Identifier: MIT
//
// What a pool looks like at one moment, as plain values.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tarn {

/// The blocks of one tier. At rest, created = idle + in use + retired + abandoned.
struct tier_occupancy {
  std::size_t size_bytes = 0;         ///< of a block, as the user sees it
  std::size_t stride_bytes = 0;       ///< of a block, as memory sees it
  std::uint64_t created = 0;          ///< since the pool began
  std::uint64_t retired = 0;          ///< of those, given back to the source or to another tier
  std::uint64_t abandoned = 0;        ///< of those, left in threads that a fork left behind
  std::uint64_t idle = 0;             ///< ready for a get, anywhere
  std::uint64_t idle_in_threads = 0;  ///< of those, in thread caches
  std::uint64_t idle_pinned = 0;      ///< of those, parked in slabs that other blocks still use
  std::uint64_t in_use = 0;           ///< under load an estimate, never negative
  std::uint64_t discarded = 0;        ///< returned, but not kept because of a bound
  std::uint64_t most_away = 0;        ///< high-water mark of blocks not in the depot: in use, in
                                      ///< caches and, under lock_free, on the stack
};

/// The same with what a counting stats policy adds.
struct tier_snapshot : tier_occupancy {
  std::uint64_t gets = 0;  ///< served by this tier
  std::uint64_t puts = 0;
  std::uint64_t misses = 0;  ///< gets of a block that had never been handed out or prewarmed

  [[nodiscard]] std::uint64_t hits() const noexcept { return gets - misses; }
};

/// Blocks above the last tier, which pass through to the source or to the large cache.
struct large_snapshot {
  std::uint64_t gets = 0;
  std::uint64_t puts = 0;
  std::uint64_t reused = 0;     ///< of the gets, served by the large cache
  std::uint64_t discarded = 0;  ///< of the puts, not kept although there is a cache
  std::uint64_t in_use = 0;
  std::size_t in_use_bytes = 0;
  std::uint64_t kept = 0;
  std::size_t kept_bytes = 0;
};

/// Memory and blocks of a pool, whatever its stats policy.
struct occupancy {
  std::vector<tier_occupancy> tiers;
  large_snapshot large;
  tier_occupancy nodes;        ///< of shared buffers; byte pools only
  std::size_t slab_bytes = 0;  ///< held of the source as slabs

  [[nodiscard]] std::uint64_t in_use() const noexcept {
    std::uint64_t sum = large.in_use;
    for (const auto& t : tiers)
      sum += t.in_use;
    return sum;
  }
  [[nodiscard]] std::uint64_t idle() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& t : tiers)
      sum += t.idle;
    return sum;
  }
  [[nodiscard]] std::size_t idle_bytes() const noexcept {
    std::size_t sum = large.kept_bytes;
    for (const auto& t : tiers)
      sum += t.idle * t.stride_bytes;
    return sum;
  }
};

/// The numbers of a pool at one moment: a value. Exact when nobody uses the pool.
struct snapshot {
  std::string name;
  std::vector<tier_snapshot> tiers;
  large_snapshot large;
  tier_snapshot nodes;  ///< byte pools: what shared buffers need besides their block
  std::size_t slab_bytes = 0;
  std::uint64_t retains = 0;                ///< byte pools: references added to shared buffers
  std::uint64_t releases = 0;               ///< of those, dropped again
  std::uint64_t constructed = 0;            ///< object pools: objects that the factory made
  std::uint64_t reset_failures = 0;         ///< object pools: objects destroyed because reset threw
  std::vector<std::uint64_t> misuses;       ///< by `misuse`; empty unless the pool checks
  std::vector<std::size_t> recent_lengths;  ///< oldest first; empty unless recorded
  std::vector<std::uint64_t> size_histogram;  ///< see `size_buckets`; empty unless recorded

  /// The sums over all tiers; blocks above the last one are in `large` only.
  [[nodiscard]] tier_snapshot total() const noexcept {
    tier_snapshot sum;
    for (const auto& t : tiers) {
      sum.created += t.created;
      sum.retired += t.retired;
      sum.abandoned += t.abandoned;
      sum.idle += t.idle;
      sum.idle_in_threads += t.idle_in_threads;
      sum.idle_pinned += t.idle_pinned;
      sum.in_use += t.in_use;
      sum.discarded += t.discarded;
      sum.most_away += t.most_away;
      sum.gets += t.gets;
      sum.puts += t.puts;
      sum.misses += t.misses;
    }
    return sum;
  }

  /// What happened between two moments: counts become differences, states stay those of `after`.
  [[nodiscard]] friend snapshot operator-(snapshot after, const snapshot& before) {
    const auto less = [](std::uint64_t& now, std::uint64_t then) {
      now -= then < now ? then : now;
    };
    for (std::size_t i = 0; i < after.tiers.size() && i < before.tiers.size(); ++i) {
      auto& a = after.tiers[i];
      const auto& b = before.tiers[i];
      less(a.created, b.created);
      less(a.retired, b.retired);
      less(a.abandoned, b.abandoned);
      less(a.discarded, b.discarded);
      less(a.gets, b.gets);
      less(a.puts, b.puts);
      less(a.misses, b.misses);
    }
    less(after.retains, before.retains);
    less(after.releases, before.releases);
    less(after.large.gets, before.large.gets);
    less(after.large.puts, before.large.puts);
    less(after.large.reused, before.large.reused);
    less(after.large.discarded, before.large.discarded);
    for (std::size_t i = 0; i < after.misuses.size() && i < before.misuses.size(); ++i) {
      less(after.misuses[i], before.misuses[i]);
    }
    for (std::size_t i = 0; i < after.size_histogram.size() && i < before.size_histogram.size();
         ++i) {
      less(after.size_histogram[i], before.size_histogram[i]);
    }
    return after;
  }
};

}  // namespace tarn
