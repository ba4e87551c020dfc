// SPDX-License-Identifier: MIT
#pragma once

// What bounds the ready blocks of a tier, and how the bound is kept.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// To be called under the lock, after the ready blocks or their bound have changed.
template <class Config>
void core<Config>::refit(tier_state& t) noexcept {
  front::refit(t);
}

template <class Config>
void core<Config>::bound_to(tier_state& t, std::uint64_t blocks) noexcept {
  t.home.bound = blocks;
  front::note_bound(t, blocks);
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
  bounds_.fetch_add(1, std::memory_order::release);  // (1) pairs with (2) in grants::fit
  front::apply_bound(*this, tier, blocks);
  upkeep<Config>::release_to_system(*this);
  return before;
}

/// The idle bytes that `max_idle_bytes` bounds. A tier's lock may be held.
template <class Config>
std::size_t core<Config>::bounded_idle_bytes() const noexcept {
  // relaxed: a bound that may be seen a moment late.
  const auto ready = max_of<std::int64_t>(ready_bytes_.load(std::memory_order::relaxed), 0);
  const auto bytes = static_cast<std::size_t>(ready);
  return settings_.bounds_idle_bytes ? bytes + front::cached_bytes(*this) + idle_elsewhere()
                                     : bytes;
}

/// How many ready blocks the bounds of the tier and of the pool allow. The lock is held.
template <class Config>
std::uint64_t core<Config>::ready_to_keep(const tier_state& t) const noexcept {
  const auto stride = t.home.shape.stride;
  const auto ready = t.home.ready();
  auto bound = t.home.bound;
  bound -= min_of<std::uint64_t>(bound, front::beside_depot(t));
  const auto total = bounded_idle_bytes();
  if (total <= settings_.max_idle_bytes) return bound;
  const auto over = (total - settings_.max_idle_bytes - 1) / stride + 1;
  return min_of<std::uint64_t>(bound, over < ready ? ready - over : 0);
}

/// Evicts the blocks above the bounds. The caller keeps the core alive.
template <class Config>
void core<Config>::evict_excess(std::uint32_t tier, evict_reason why) noexcept {
  auto& t = tiers_[tier];
  evict(tier, locked(t.lock, [&] { return ready_to_keep(t); }), why);
  if (locked(t.lock, [&] { return is_worth_compacting(t); })) compact(tier);
}

template <class Config>
void core<Config>::moved_bytes(const tier_state& t, std::int64_t blocks) noexcept {
  // relaxed: only a bound reads it.
  ready_bytes_.fetch_add(blocks * static_cast<std::int64_t>(t.home.shape.stride),
                         std::memory_order::relaxed);
}

}  // namespace tarn::detail
