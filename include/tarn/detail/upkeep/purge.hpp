// SPDX-License-Identifier: MIT
#pragma once

// Drops pages of idle memory that stays, and gives memory that went back to the source on to the
// system. The system is called outside every lock: blocks are taken out, and marked when they are
// parked again.

#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

template <class Config>
void upkeep<Config>::release_to_system(core_type& c) noexcept {
  if constexpr (requires {
                  { c.source_.trim() } noexcept;
                }) {
    auto& returned = c.upkeep_.returned;
    // relaxed, both: of two callers at the same time one does the work, or both do.
    if (returned.load(std::memory_order::relaxed) < least_to_release) return;
    returned.store(0, std::memory_order::relaxed);
    c.source_.trim();
  }
}

template <class Config>
std::size_t upkeep<Config>::purge(core_type& c) noexcept {
  std::size_t bytes = 0;
  c.flush_all();
  // The smallest tiers first: pieces of a carved block are reunited and the block is ready before
  // its own tier is purged.
  for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
    c.evict(t, 0, evict_reason::purged);
    bytes += purge_parked(c, t, ~std::uint64_t{0}, false);
  }
  return bytes;
}

/// Drops the pages of parked blocks that have some: block by block if each has a page of its own,
/// otherwise slab by slab, in slabs of which no block is in use.
template <class Config>
std::size_t upkeep<Config>::purge_parked(core_type& c, std::uint32_t tier, std::uint64_t most,
                                         bool lazily) noexcept {
  auto& t = c.tiers_[tier];
  if (!has_own_pages(t.home.shape.stride)) return purge_slabs(c, t, lazily);
  // No more than there are now: a block that the system refuses would come again.
  most = min_of(most, locked(t.lock, [&] { return t.home.resident(); }));
  return purge_blocks(c, t, most, lazily);
}

template <class Config>
std::size_t upkeep<Config>::purge_blocks(core_type& c, tier_type& t, std::uint64_t most,
                                         bool lazily) noexcept {
  const auto stride = t.home.shape.stride;
  std::size_t bytes = 0;
  std::uint32_t ended = 0;
  void* taken[64];
  std::size_t dropped[64];
  // No more than about a megabyte at a time is out of reach of all threads.
  const auto batch = clamp_to<std::size_t>((std::size_t{1} << 20) / stride, 1, 64);
  while (most != 0) {
    std::uint32_t count = 0;
    locked(t.lock, [&] {
      const auto wanted = t.home.closed ? 0 : min_of<std::uint64_t>(batch, most);
      while (count != wanted && (taken[count] = t.home.take_resident()) != nullptr)
        ++count;
      if (count != 0) c.slabs_.leave();  // a getter that finds nothing else waits for them
    });
    if (count == 0) break;
    most -= count;
    // Before the system is called: it may drop some of the pages and refuse the others.
    for (std::uint32_t i = 0; t.home.shape.leaves && i != count; ++i)
      c.directory_.find(taken[i])->forget_left(taken[i]);
    for (std::uint32_t i = 0; i != count; ++i)
      dropped[i] = drop_inside(taken[i], stride, lazily);
    slab_list<typename core_type::env> whole;
    locked(t.lock, [&] {
      for (std::uint32_t i = 0; i != count; ++i) {
        if (dropped[i] != 0) {
          auto* const s = c.directory_.find(taken[i]);
          s->mark_purged(s->index_of(taken[i]));
          t.home.note_purged(1, dropped[i]);
        }
        c.park(t, taken[i], whole, whole_slabs::carved);
        bytes += dropped[i];
      }
      ended += c.settled(t);
    });
    c.slabs_.arrive();
    c.release_slabs(t.home.shape.number, whole);
    c.waiting().call(t.home.shape.number);
  }
  if (ended != 0) c.drop_life(ended);  // never the last: the caller keeps the core
  return bytes;
}

template <class Config>
std::size_t upkeep<Config>::purge_slabs(core_type& c, tier_type& t, bool lazily) noexcept {
  std::size_t bytes = 0;
  std::uint32_t ended = 0;
  for (bool dropped_all = true; dropped_all;) {
    slab_type* const s = locked(t.lock, [&]() -> slab_type* {
      auto* const found = t.home.closed ? nullptr : t.home.take_whole();
      if (found != nullptr) c.slabs_.leave();  // a getter that finds nothing else waits for it
      return found;
    });
    if (s == nullptr) break;
    s->forget_left();
    const auto dropped = drop_resident(*s, lazily);
    dropped_all = dropped != 0;  // 0: the system refuses, and would again
    slab_list<typename core_type::env> whole;
    locked(t.lock, [&] {
      const auto before = s->purged;
      if (dropped_all) s->mark_all_purged();
      t.home.put_back(s, s->purged - before, dropped);
      if (t.home.closed) {
        t.home.forget(s);
        c.slabs_.leave();
        whole.push(s);
      }
      ended += c.settled(t);
    });
    bytes += dropped;
    c.slabs_.arrive();
    c.release_slabs(t.home.shape.number, whole);
    c.waiting().call(t.home.shape.number);
  }
  if (ended != 0) c.drop_life(ended);  // never the last: the caller keeps the core
  return bytes;
}

/// Drops the pages of those blocks of a whole slab that have some. Only the caller uses the slab.
/// Returns: the bytes of those pages; 0 if the system refuses.
template <class Config>
std::size_t upkeep<Config>::drop_resident(slab_type& s, bool lazily) noexcept {
  const auto page = page_size();
  std::size_t bytes = 0;
  std::size_t done = 0;  // so that no page is dropped twice: two blocks may share one
  for (std::uint32_t i = 0; i != s.carved;) {
    if (s.is_purged(i)) {
      ++i;
      continue;
    }
    auto end = i;
    while (end != s.carved && !s.is_purged(end))
      ++end;
    // All blocks are idle, so the pages at both ends may go as well.
    const auto from = max_of(done, i * s.stride / page * page);
    done = min_of(s.bytes / page * page, align_up(end * s.stride, page));
    if (from < done) {
      const auto dropped = drop_inside(s.base + from, done - from, lazily);
      if (dropped == 0) return 0;
      bytes += dropped;
    }
    i = end;
  }
  return bytes;
}

}  // namespace tarn::detail
