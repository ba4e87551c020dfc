// SPDX-License-Identifier: MIT
#pragma once

// What bounds the ready blocks of a tier, and how the bound is kept.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

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

/// How many ready blocks the bounds of the tier and of the pool allow. The lock is held.
template <class Config>
std::uint64_t core<Config>::ready_to_keep(const tier_state& t) const noexcept {
  const auto stride = t.home.shape.stride;
  const auto ready = t.home.ready();
  auto bound = t.home.bound;
  if constexpr (is_single) bound -= min_of<std::uint64_t>(bound, t.cache.level());
  // relaxed: a bound that may be seen a moment late.
  auto total = ready_bytes_.load(std::memory_order::relaxed);
  if (settings_.bounds_idle_bytes) total += static_cast<std::int64_t>(idle_elsewhere());
  if (total <= 0 || static_cast<std::size_t>(total) <= settings_.max_idle_bytes) {
    return bound;
  }
  const auto over = (static_cast<std::size_t>(total) - settings_.max_idle_bytes - 1) / stride + 1;
  return min_of<std::uint64_t>(bound, over < ready ? ready - over : 0);
}

/// Evicts the blocks above the bounds. The caller keeps the core alive.
template <class Config>
void core<Config>::evict_excess(std::uint32_t tier, evict_reason why) noexcept {
  auto& t = tiers_[tier];
  evict(tier, locked(t.lock, [&] { return ready_to_keep(t); }), why);
}

template <class Config>
void core<Config>::moved_bytes(const tier_state& t, std::int64_t blocks) noexcept {
  // relaxed: only a bound reads it.
  ready_bytes_.fetch_add(blocks * static_cast<std::int64_t>(t.home.shape.stride),
                         std::memory_order::relaxed);
}

}  // namespace tarn::detail
