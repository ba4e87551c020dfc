// SPDX-License-Identifier: MIT
#pragma once

// How blocks come home, and how idle memory leaves.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
void core<Config>::give_slow(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  shard_type* s = nullptr;
  if constexpr (is_per_thread) {
    const bool had_shard = own_shard() != nullptr;
    follow_orders();
    s = attach(false);
    if (!had_shard) s != nullptr ? s->recorder.on_put(tier) : recorder_.on_put(tier);
    if (s != nullptr) fit_budget(s);
  }
  bool excess = false;
  bool closed = false;
  {
    const guard<lock_type> hold(t.lock);
    cache_type* const cache = cache_of(t, s);
    closed = t.home.closed;
    if (is_lock_free || closed) {
      if constexpr (is_lock_free) {
        if (!closed) ++t.home.count.discarded;  // above the bound; the put was counted
      } else if (cache != nullptr) {
        cache->passed_home();
      } else if (mark != 0) {
        ++t.home.count.puts;
      }
    } else if (cache == nullptr || cache->limit == 0) {
      t.home.put(block);
      moved_bytes(t, 1);
      cache != nullptr ? cache->passed_home() : void(t.home.count.puts += mark != 0 ? 1 : 0);
      excess = true;
    } else {
      if (cache->level() >= cache->limit) {
        const auto amount =
            max_of(cache->level() - cache->limit + 1, min_of(t.home.shape.rounds, cache->level()));
        t.home.absorb(*cache, amount);
        moved_bytes(t, amount);
        excess = true;
      }
      static_cast<void>(cache->push(block));
    }
    refit(t);
    // The block may be home now, and with it the last reason for the core to stay.
    excess = excess && t.home.ready() > ready_to_keep(t);
    if (excess) this->pin();
  }
  if (is_lock_free || closed) {
    // The block is nobody's now, and not home: the core stays until it is parked.
    if (settings_.keeps_objects) this->dispose(block);
    park_home(tier, block);
  } else if (excess) {
    shed_excess(tier);
    this->drop_life();
  }
}

template <class Config>
void core<Config>::give_bulk(std::uint32_t tier, void* const* blocks, std::size_t count) noexcept {
  std::size_t given = 0;
  if constexpr (is_per_thread) {
    while (given != count) {
      shard_type* const s = own_shard();
      if (s == nullptr) break;
      const auto n = s->caches()[tier].push_bulk(blocks + given, count - given);
      for (std::size_t i = 0; i != n; ++i)
        s->recorder.on_put(tier);
      given += n;
      if (given != count) {
        s->recorder.on_put(tier);
        give_slow(tier, blocks[given++]);
      }
    }
  }
  while (given != count)
    give(tier, blocks[given++]);
}

/// Takes a block home into its slab, and gives the slab back if that made it whole.
template <class Config>
void core<Config>::park_home(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  slab_list<env> whole;
  this->pin();  // the block, not yet home, keeps the core until here
  std::uint32_t ended = 1;
  {
    const guard<lock_type> hold(t.lock);
    park(t, block, whole);
    ended += settled(t);
  }
  release_slabs(tier, whole);
  this->drop_life(ended);
}

template <class Config>
void core<Config>::park(tier_state& t, void* block, slab_list<env>& whole) noexcept {
  if (slab_type* const s = t.home.park(directory_.find(block), block)) whole.push(s);
}

template <class Config>
void core<Config>::give_ready(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  if constexpr (is_lock_free) {
    if (push_index(t, block)) return;
  } else {
    const bool taken_home = locked(t.lock, [&] {
      if (t.home.closed) return false;
      t.home.put(block);
      moved_bytes(t, 1);
      refit(t);
      return true;
    });
    if (taken_home) return;
  }
  if (settings_.keeps_objects) this->dispose(block);
  park_home(tier, block);
}

template <class Config>
void core<Config>::give_bare(std::uint32_t tier, void* block) noexcept {
  park_home(tier, block);
}

template <class Config>
void core<Config>::give_empty(std::uint32_t tier, void* block, because reason) noexcept {
  auto& t = tiers_[tier];
  const bool undone = reason == because::undone_get;
  {
    const guard<lock_type> hold(t.lock);
    cache_type* const cache = cache_of(t, own_shard_or_null());
    if constexpr (is_lock_free) {
      undone ? t.counts.unget() : t.counts.put();
    } else if (cache != nullptr) {
      undone ? cache->came_back(mark) : cache->passed_home();
    } else if (mark != 0) {
      undone ? --t.home.count.gets : ++t.home.count.puts;
    }
    if (undone) --t.home.count.misses;
  }
  park_home(tier, block);
}

/// A handful at a time: taken out under the lock, their objects destroyed outside, parked under the
/// lock. So a getter never waits for more than that.
template <class Config>
std::size_t core<Config>::shed(std::uint32_t tier, std::uint64_t keep) noexcept {
  auto& t = tiers_[tier];
  if constexpr (is_lock_free) return shed_stack(tier, keep);
  std::size_t blocks = 0;
  std::uint32_t ended = 0;
  void* taken[64];  // half a kilobyte of stack
  // Destructors may put objects as fast as they are shed: what comes meanwhile stays.
  auto left = ready_of(tier);
  while (left != 0) {
    std::uint32_t count = 0;
    slab_list<env> whole;
    const auto park_all = [&] {
      for (std::uint32_t i = 0; i != count; ++i)
        park(t, taken[i], whole);
      ended += settled(t);
    };
    {
      const guard<lock_type> hold(t.lock);
      count = t.home.take_above(keep, taken,
                                static_cast<std::uint32_t>(min_of<std::uint64_t>(left, 64)));
      moved_bytes(t, -static_cast<std::int64_t>(count));
      refit(t);
      // At once if nothing is to be destroyed: at its capacity a pool must find them here or there.
      if (!settings_.keeps_objects) park_all();
    }
    if (count == 0) break;
    if (settings_.keeps_objects) {
      for (std::uint32_t i = 0; i != count; ++i)
        this->dispose(taken[i]);
      const guard<lock_type> hold(t.lock);
      park_all();
    }
    blocks += count;
    left -= count;
    release_slabs(tier, whole);
  }
  slab_list<env> whole;
  locked(t.lock, [&] {
    while (slab_type* const s = t.home.pop_untouched())
      whole.push(s);
  });
  release_slabs(tier, whole);
  if (ended != 0) this->drop_life(ended);  // never the last: the caller keeps the core
  return blocks;
}

/// How many ready blocks the bounds of the tier and of the pool leave. The lock is held.
template <class Config>
std::uint64_t core<Config>::ready_to_keep(const tier_state& t) const noexcept {
  const auto stride = t.home.shape.stride;
  const auto ready = t.home.ready();
  auto bound = t.home.bound;
  if constexpr (is_single) bound -= min_of<std::uint64_t>(bound, t.cache.level());
  // relaxed: a bound that may be seen a moment late.
  const auto total = ready_bytes_.load(std::memory_order::relaxed);
  if (total <= 0 || static_cast<std::size_t>(total) <= settings_.max_idle_bytes) {
    return bound;
  }
  const auto over = (static_cast<std::size_t>(total) - settings_.max_idle_bytes - 1) / stride + 1;
  return min_of<std::uint64_t>(bound, over < ready ? ready - over : 0);
}

/// Discards what is above the bounds. The caller keeps the core alive.
template <class Config>
void core<Config>::shed_excess(std::uint32_t tier) noexcept {
  auto& t = tiers_[tier];
  const auto keep = locked(t.lock, [&] { return ready_to_keep(t); });
  const auto blocks = shed(tier, keep);
  locked(t.lock, [&] { t.home.count.discarded += blocks; });
}

/// Memory of whole slabs goes back to where it came from. No lock is held.
template <class Config>
void core<Config>::release_slabs(std::uint32_t tier, slab_list<env>& whole) noexcept {
  auto& t = tiers_[tier];
  while (slab_type* const s = whole.pop()) {
    std::byte* const memory = s->base;
    const auto bytes = s->bytes;
    slab_type* const parent = s->parent;
    directory_.set(memory, bytes, parent);
    magazine_list<env> surplus;
    locked(t.lock, [&] {
      if (parent != nullptr) --t.home.carved_slabs;
      t.home.magazines.pop_surplus(surplus);
      t.home.push_spare(s);
    });
    surplus.destroy_all(t.home.shape.rounds);
    return_memory(memory, bytes, parent);
  }
}

template <class Config>
void core<Config>::return_memory(void* memory, std::size_t bytes, slab_type* parent) noexcept {
  if (parent == nullptr) {
    source_.deallocate(memory, bytes, settings_.slab_bytes);
    source_bytes_.fetch_sub(bytes, std::memory_order::relaxed);  // guards only itself
    return;
  }
  // All pieces are back: the block is one again, and home.
  const auto tier = parent->tier;
  locked(tiers_[tier].lock, [&] {
    ++tiers_[tier].home.count.created;
    --tiers_[tier].home.lent;
  });
  give_ready(tier, memory);
}

/// The owner empties its cache of one tier.
template <class Config>
void core<Config>::flush(shard_type* s, std::uint32_t tier) noexcept {
  auto& t = tiers_[tier];
  for (;;) {
    void* block = nullptr;
    {
      const guard<lock_type> hold(t.lock);
      cache_type* const cache = cache_of(t, s);
      const auto level = cache->level();
      if (level == 0) return;
      if (!t.home.closed) {
        t.home.absorb(*cache, level);
        moved_bytes(t, level);
        refit(t);
        return;
      }
      block = cache->template pop<0>();
      cache->passed_home();
    }
    if (settings_.keeps_objects) this->dispose(block);
    park_home(tier, block);
  }
}

template <class Config>
void core<Config>::flush_all(shard_type* s) noexcept {
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    if (cache_of(tiers_[t], s) != nullptr) flush(s, t);
  }
}

template <class Config>
void core<Config>::drain() noexcept {
  if constexpr (is_per_thread) {
    // relaxed: the order that follows publishes it.
    drains_.fetch_add(1, std::memory_order::relaxed);
    env::registry().give_order();
    follow_orders();
  } else {
    flush_all(nullptr);
  }
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    shed(t, 0);
}

template <class Config>
std::size_t core<Config>::trim(std::size_t to_bytes) noexcept {
  const auto before = slab_bytes_taken();
  flush_all(own_shard_or_null());
  // Smallest tiers first: pieces of carved blocks come together before their blocks are shed.
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    std::size_t idle = 0;
    for (std::uint32_t u = 0; u != tier_count_; ++u) {
      idle += ready_of(u) * tiers_[u].home.shape.stride;
    }
    if (idle <= to_bytes) break;
    const auto stride = tiers_[t].home.shape.stride;
    const auto ready = ready_of(t);
    const auto over = (idle - to_bytes - 1) / stride + 1;
    shed(t, over < ready ? ready - over : 0);
  }
  const auto after = slab_bytes_taken();
  return before > after ? before - after : 0;
}

template <class Config>
std::size_t core<Config>::age() noexcept {
  std::size_t blocks = 0;
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    const auto ready = ready_of(t);
    const auto unused = locked(tiers_[t].lock, [&] {
      // An index stack has no low-water mark, but each get used one block at most. Where gets are
      // not counted, all that are idle at both ends count as unused.
      const auto used = is_lock_free ? tiers_[t].counts.gets() - tiers_[t].ticked_gets : 0;
      return tiers_[t].home.magazines.lowest - min_of<std::uint64_t>(tiers_[t].home.magazines.lowest, used);
    });
    blocks += shed(t, ready - min_of(ready, unused));
  }
  begin_ageing();
  return blocks;
}

template <class Config>
std::size_t core<Config>::begin_ageing() noexcept {
  flush_all(own_shard_or_null());  // what nobody fetches from the depot again is unused
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    const auto ready = ready_of(t);
    locked(tiers_[t].lock, [&] {
      tiers_[t].home.magazines.lowest = ready;
      tiers_[t].ticked_gets = tiers_[t].counts.gets();
    });
  }
  return 0;
}

template <class Config>
void core<Config>::set_bound(std::uint32_t tier, std::uint64_t blocks) noexcept {
  auto& t = tiers_[tier];
  locked(t.lock, [&] { bound_to(t, blocks); });
  bounds_.fetch_add(1, std::memory_order::relaxed);  // see fit_budget
  if constexpr (is_lock_free) {
    shed(tier, blocks);
    // relaxed: a bound may be seen late, and be off by what was on its way.
    t.stacked.store(static_cast<std::int64_t>(ready_of(tier)), std::memory_order::relaxed);
    t.most_stacked.store(static_cast<std::int64_t>(min_of<std::uint64_t>(blocks, INT64_MAX)),
                         std::memory_order::relaxed);
  } else {
    shard_type* const s = own_shard_or_null();
    if (s != nullptr) fit_budget(s);
    if (cache_of(t, s) != nullptr) flush(s, tier);
    shed_excess(tier);
  }
}

template <class Config>
void core<Config>::moved_bytes(const tier_state& t, std::int64_t blocks) noexcept {
  // relaxed: only a bound looks at it.
  ready_bytes_.fetch_add(blocks * static_cast<std::int64_t>(t.home.shape.stride),
                         std::memory_order::relaxed);
}

}  // namespace tarn::detail
