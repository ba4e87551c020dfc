// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// When a cache was last seen in use. Used by its owner only.
struct idle_mark {
  std::uint64_t word = 0;  // the word of the cache at that time
  std::uint64_t tick = 0;
  std::uint64_t word_at_shortage = 0;  // and when the thread last looked for unused room
  static constexpr auto was_used = ~std::uint64_t{0};  // a word that no cache has
  std::uint32_t full_puts = 0;    // puts that found it full since a get found it empty
  std::uint32_t fetch_again = 0;  // blocks that a flush took, and that no get fetched again
};

/// What the caches of a thread may hold besides what each was granted. Used by its owner only.
struct cache_budget {
  std::size_t left = 0;         // bytes
  std::uint32_t shortages = 0;  // grants that were too small since the last look for unused room
  std::uint32_t next = 0;       // the tier that is looked at next for room that it does not use
  bool is_below_first = false;  // one of them left a tier with less than it gets at first
};

/// One thread's caches of all tiers of one core, and its part of the statistics. Lives as long as
/// the core; a thread that ends leaves it, with its counts, to the next thread.
template <class Env, class Recorder>
struct alignas(no_sharing_alignment) shard {
  using cache = tier_cache<Env>;

  /// How many caches there are.
  struct layout {
    std::uint32_t tiers = 0;  // with that of nodes
    std::uint32_t named = 0;  // without it
    std::uint32_t gap = 0;    // caches behind those of named tiers, for sizes above the last tier
    [[nodiscard]] constexpr std::uint32_t caches() const noexcept { return tiers + gap; }
  };

  constexpr explicit shard(layout l) noexcept : tiers(l.tiers), named(l.named), gap(l.gap) {}

  /// The caches. First those of named tiers. Those of the gap stay empty and full at once, so that
  /// a request above the last tier misses without a test of its own. The cache of nodes is last.
  [[nodiscard]] cache* caches() noexcept { return reinterpret_cast<cache*>(this + 1); }
  [[nodiscard]] cache& cache_of(std::uint32_t tier) noexcept {
    return caches()[tier < named ? tier : tier + gap];
  }

  /// One mark per cache. They lie apart from the caches, so that the hit path finds a cache by a
  /// shift.
  [[nodiscard]] idle_mark* marks() noexcept {
    return reinterpret_cast<idle_mark*>(caches() + tiers + gap);
  }

  bool is_null = false;   // whether it is the null shard; first, so that every type has it there
  shard* next = nullptr;  // immutable once linked
  shard* next_vacant = nullptr;     // while no thread has it; lock: the core's shard lock
  std::uint32_t tiers, named, gap;  // immutable, see `layout`
  std::size_t bytes = 0;            // of the shard and all that lies behind it; immutable
  std::uint64_t seen_drains = 0;    // the newest drain followed. Owner only
  std::uint64_t seen_ticks = 0;     // the newest tick of upkeep followed. Owner only
  std::uint64_t seen_bounds = 0;    // the bounds the limits were made for. Owner only
  std::size_t seen_threads = 0;     // the number of threads the limits were made for. Owner only
  cache_budget budget;
  TARN_NO_UNIQUE_ADDRESS Recorder recorder;

  /// `room_of(tier)`: blocks that a tier's cache holds. Returns: null if there is no memory.
  template <class RoomOf>
  [[nodiscard]] static shard* make(layout l, RoomOf&& room_of, const own_memory& own) noexcept {
    using cell = typename cache::template cell<void*>;
    std::size_t total = 0;
    for (std::uint32_t t = 0; t != l.tiers; ++t)
      total += room_of(t);
    const auto bytes = sizeof(shard) + l.caches() * sizeof(cache) + l.tiers * sizeof(idle_mark) +
                       total * sizeof(cell);
    void* const memory = own.take(bytes, alignof(shard));
    if (memory == nullptr) return nullptr;
    auto* const made = ::new (memory) shard(l);
    made->bytes = bytes;
    auto* rounds = reinterpret_cast<cell*>(made->marks() + l.tiers);
    for (std::uint32_t i = 0; i != l.caches(); ++i)
      ::new (made->caches() + i) cache;
    for (std::uint32_t t = 0; t != l.tiers; ++t) {
      ::new (made->marks() + t) idle_mark;
      auto& c = made->cache_of(t);
      c.rounds = rounds;
      const auto room = room_of(t);  // its limit stays 0 until it is used
      // Trivial cells are not touched: the pages of tiers that are never used cost nothing.
      if constexpr (!std::is_trivially_default_constructible_v<cell>) {
        for (std::uint32_t i = 0; i != room; ++i)
          ::new (rounds + i) cell{nullptr};
      }
      rounds += room;
    }
    return made;
  }

  /// Preconditions: the same `room_of` as for `make`.
  template <class RoomOf>
  static void destroy(shard* s, [[maybe_unused]] RoomOf&& room_of, const own_memory& own) noexcept {
    using cell = typename cache::template cell<void*>;
    if constexpr (!std::is_trivially_destructible_v<cell>) {
      for (std::uint32_t t = 0; t != s->tiers; ++t) {
        for (std::uint32_t i = 0; i != room_of(t); ++i)
          s->cache_of(t).rounds[i].~cell();
      }
    }
    for (std::uint32_t i = 0; i != s->tiers + s->gap; ++i)
      s->caches()[i].~cache();
    const auto bytes = s->bytes;
    s->~shard();
    own.give(s, bytes, alignof(shard));
  }
};

/// The shard in a thread's table where the thread has no shard of its own. Its caches are empty and
/// full at once, so that a hit needs no test for null. One null shard serves the pools of every
/// type: nothing is stored to it, and shards with a recorder are tested for `is_null` before
/// anything else. `Caches`: as many as a core may have tiers, and one for nodes; a gap makes them
/// no more than that.
template <class Env, std::size_t Caches = max_tiers + 1>
struct null_shard {
  struct no_recorder {};

  constexpr null_shard() noexcept { head.is_null = true; }

  shard<Env, no_recorder> head{{}};
  tier_cache<Env> caches[Caches];
};

// No user requests the nodes of a core, so no recorder is told of them.
template <class Recorder>
TARN_FORCE_INLINE void tell_put(Recorder& recorder, std::uint32_t named_tiers,
                                std::uint32_t tier) noexcept {
  if (tier < named_tiers) recorder.on_put(tier);
}

}  // namespace tarn::detail
