// SPDX-License-Identifier: MIT
#pragma once

// How blocks come home.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/events/tell_gone.hpp>

namespace tarn::detail {

template <class Config>
void core<Config>::give_slow(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  if constexpr (is_per_thread) {
    follow_orders();
    shard_type* const s = attach(false);
    this->with_recorder([&](auto& recorder) { this->note_put(recorder, tier, block); });
    if (s != nullptr) {
      if (s->caches()[tier].template push<mark>(block)) return;
      fit_budget(s);
    }
  }
  bool excess = false;
  bool closed = false;
  {
    const guard<lock_type> hold(t.lock);
    cache_type* const cache = own_cache(t);
    closed = t.home.closed;
    if (is_lock_free || closed) {
      if constexpr (is_lock_free) {
        if (!closed) t.home.count.left(evict_reason::bound, 1);  // the put is counted already
      } else if (cache != nullptr) {
        cache->passed_home();
      } else if (mark != 0) {
        ++t.home.count.puts;
      }
    } else if (cache == nullptr || cache->limit == 0) {
      t.home.magazines.put(block);
      moved_bytes(t, 1);
      cache != nullptr ? cache->passed_home() : void(t.home.count.puts += mark != 0 ? 1 : 0);
      excess = true;
    } else {
      if (cache->level() >= cache->limit) {
        const auto amount =
            max_of(cache->level() - cache->limit + 1, min_of(t.home.shape.rounds, cache->level()));
        absorb(t.home, *cache, amount);
        moved_bytes(t, amount);
        excess = true;
      }
      static_cast<void>(cache->template push<mark>(block));
    }
    refit(t);
    // The block may be home now, and it may have been the last one that kept the core.
    excess = excess && t.home.ready() > ready_to_keep(t);
    if (excess) this->pin();
  }
  if (is_lock_free || closed) {
    if (!closed) tell_gone(this->observers_, evict_reason::bound, tier, t.home.shape.size, block);
    // The block has no owner now and is not home, so it keeps the core until it is parked.
    if (settings_.keeps_objects) this->dispose(block);
    park_home(tier, block);
  } else if (excess) {
    evict_excess(tier);
    this->drop_life();
  }
}

/// Takes a block home into its slab, and gives the slab back if that made it whole.
template <class Config>
void core<Config>::park_home(std::uint32_t tier, void* block, whole_slabs going) noexcept {
  auto& t = tiers_[tier];
  slab_list<env> whole;
  this->pin();  // the block, not yet home, keeps the core until here
  std::uint32_t ended = 1;
  {
    const guard<lock_type> hold(t.lock);
    park(t, block, whole, going);
    ended += settled(t);
  }
  release_slabs(tier, whole);
  this->drop_life(ended);
}

template <class Config>
void core<Config>::park(tier_state& t, void* block, slab_list<env>& whole,
                        whole_slabs going) noexcept {
  // The thread that closed the pool has looked for whole slabs already, so none may stay behind.
  if (t.home.closed) going = whole_slabs::all;
  slab_type* const s = t.home.park(directory_.find_known(block), block, going);
  if (s == nullptr) return;
  slabs_.leave();
  whole.push(s);
}

template <class Config>
void core<Config>::give_ready(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  if constexpr (is_lock_free) {
    if (push_index(t, block)) return;
  } else {
    const bool taken_home = locked(t.lock, [&] {
      if (t.home.closed) return false;
      t.home.magazines.put(block);
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
void core<Config>::give_empty(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  this->with_recorder([&](auto& recorder) { this->note_put(recorder, tier, block); });
  locked(t.lock, [&] {
    cache_type* const cache = own_cache(t);
    if constexpr (is_lock_free) {
      t.counts.put();
    } else if (cache != nullptr) {
      cache->passed_home();
    } else if (mark != 0) {
      ++t.home.count.puts;
    }
  });
  park_home(tier, block);
}

}  // namespace tarn::detail
