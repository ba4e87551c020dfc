// SPDX-License-Identifier: MIT
#pragma once

// How caches are emptied, by order and when a thread ends, and how they are bounded.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Empties the calling thread's cache of one tier, or that of the shard `left`, which only this
/// call uses.
template <class Config>
void core<Config>::flush(std::uint32_t tier, shard_type* left) noexcept {
  auto& t = tiers_[tier];
  for (;;) {
    void* block = nullptr;
    {
      const guard<lock_type> hold(t.lock);
      cache_type* const cache = left != nullptr ? cache_of(t, left) : own_cache(t);
      const auto level = cache != nullptr ? cache->level() : 0;
      if (level == 0) return;
      if (!t.home.closed) {
        absorb(t.home, *cache, level);
        moved_bytes(t, level);
        refit(t);
        return;
      }
      block = cache->take_home();
    }
    if (settings_.keeps_objects) this->dispose(block);
    park_home(tier, block);
  }
}

template <class Config>
void core<Config>::flush_all(shard_type* left) noexcept {
  if constexpr (is_lock_free) return;
  if (is_per_thread && left == nullptr && find_shard() == nullptr) return;
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    flush(t, left);
}

template <class Config>
void core<Config>::drain() noexcept {
  if constexpr (is_per_thread) {
    // relaxed: `give_order` publishes it.
    drains_.fetch_add(1, std::memory_order::relaxed);
    this->registry_->give_order();
    follow_orders();
  } else {
    flush_all();
  }
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
  upkeep<Config>::release_to_system(*this);
}

template <class Config>
void core<Config>::leave(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  if constexpr (is_per_thread) {
    flush_all(s);
    upkeep<Config>::evict_above_bounds(*this);
  }
  keep_vacant(s);
}

template <class Config>
void core<Config>::renew() noexcept {
  if constexpr (!is_per_thread) return;
  shard_type* const s = find_shard();
  if (s == nullptr) return;
  const auto drains = drains_.load(std::memory_order::relaxed);  // published by the order
  if (s->seen_drains == drains) return upkeep<Config>::flush_idle(*this);
  s->seen_drains = drains;
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    // The blocks in the depot now came after the drain: made ready by `reset_and_drain`, or put by
    // other threads. Only the blocks that lay in this cache have to go.
    const auto later = ready_of(t);
    flush(t);
    evict(t, later, evict_reason::trimmed);
  }
}

/// Where one lock guards cache and depot, the bound holds for both together, so the cache's limit
/// depends on the ready blocks in the depot. The lock is held.
template <class Config>
void core<Config>::refit(tier_state& t) noexcept {
  if constexpr (is_single) {
    const auto ready = t.home.ready();
    const auto left = t.home.bound > ready ? t.home.bound - ready : 0;
    const auto limit =
        t.home.closed ? 0 : min_of<std::uint64_t>(room_for(t.home.shape.stride), left);
    t.cache.limit = static_cast<std::uint32_t>(limit);
  }
}

template <class Config>
void core<Config>::bound_to(tier_state& t, std::uint64_t blocks) noexcept {
  t.home.bound = blocks;
  t.most_cached.store(blocks, std::memory_order::relaxed);  // see fit_budget
  refit(t);
}

template <class Config>
std::uint64_t core<Config>::set_bound(std::uint32_t tier, std::uint64_t blocks) noexcept {
  auto& t = tiers_[tier];
  const auto before = locked(t.lock, [&] {
    const auto bound = t.home.bound;
    bound_to(t, blocks);
    return bound;
  });
  bounds_.fetch_add(1, std::memory_order::release);  // (1) pairs with (2) in fit_budget
  if constexpr (is_lock_free) {
    evict(tier, blocks, evict_reason::trimmed);
    // relaxed: a bound may be seen late, and be off by the blocks that were on their way.
    t.stacked.store(static_cast<std::int64_t>(ready_of(tier)), std::memory_order::relaxed);
    t.bound_stack(blocks);
  } else {
    if constexpr (is_per_thread) {
      if (shard_type* const s = find_shard()) fit_budget(s);
    }
    flush(tier);
    evict_excess(tier, evict_reason::trimmed);
  }
  upkeep<Config>::release_to_system(*this);
  return before;
}

}  // namespace tarn::detail
