// SPDX-License-Identifier: MIT
#pragma once

// How idle memory leaves, and how it is kept in bounds.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/events/tell_gone.hpp>
#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Up to 64 blocks at a time are taken out under the lock; their objects are destroyed outside it,
/// and they are parked under it. So a getter never waits for more than these.
template <class Config>
std::size_t core<Config>::evict(std::uint32_t tier, std::uint64_t keep, evict_reason why,
                                std::uint64_t most) noexcept {
  auto& t = tiers_[tier];
  const auto going = slabs_for(why);
  const bool needs_care = settings_.keeps_objects || hears_of(this->observers_, why);
  if constexpr (is_lock_free) {
    if (going == whole_slabs::all) release_unused(tier, why);
    return evict_stack(tier, keep, why);
  }
  std::size_t blocks = 0;
  std::uint32_t ended = 0;
  void* taken[64];  // half a kilobyte of stack
  // Destructors may put objects as fast as they are evicted: objects that come meanwhile stay.
  auto left = min_of(ready_of(tier), most);
  while (left != 0) {
    std::uint32_t count = 0;
    slab_list<env> whole;
    const auto park_all = [&] {
      for (std::uint32_t i = 0; i != count; ++i)
        park(t, taken[i], whole, going);
      ended += settled(t);
    };
    {
      const guard<lock_type> hold(t.lock);
      count = t.home.take_above(keep, taken,
                                static_cast<std::uint32_t>(min_of<std::uint64_t>(left, 64)));
      t.home.count.left(why, count);
      moved_bytes(t, -static_cast<std::int64_t>(count));
      refit(t);
      // At once if no object is to be destroyed: a getter of a pool at its capacity must find each
      // block ready or parked.
      if (!needs_care) park_all();
    }
    if (count == 0) break;
    if (needs_care) {
      for (std::uint32_t i = 0; i != count; ++i) {
        tell_gone(this->observers_, why, tier, t.home.shape.size, taken[i]);
        if (settings_.keeps_objects) this->dispose(taken[i]);
      }
      const guard<lock_type> hold(t.lock);
      park_all();
    }
    blocks += count;
    left -= count;
    release_slabs(tier, whole);
  }
  if (going == whole_slabs::all) release_unused(tier, why);
  if (ended != 0) this->drop_life(ended);  // never the last: the caller keeps the core
  return blocks;
}

/// Gives back slabs that were bought but never needed, because a block came home meanwhile, and
/// slabs that became whole while only carved ones were to leave.
template <class Config>
void core<Config>::release_unused(std::uint32_t tier, evict_reason why) noexcept {
  auto& t = tiers_[tier];
  const bool whole_too = !upkeep<Config>::keeps_slabs(*this, why);
  slab_list<env> spare;
  locked(t.lock, [&] {
    while (slab_type* const s = t.home.pop_unused(whole_too)) {
      slabs_.leave();
      spare.push(s);
    }
  });
  release_slabs(tier, spare);
}

/// Gives the memory of whole slabs back to where it came from. No lock is held.
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
      t.home.slabs.push_spare(s);
    });
    surplus.destroy_all(t.home.shape.rounds, t.home.shape.own);
    return_memory(memory, bytes, parent);
    slabs_.arrive();
  }
}

template <class Config>
void core<Config>::return_memory(void* memory, std::size_t bytes, slab_type* parent) noexcept {
  if (parent == nullptr) {
    source_bytes_.fetch_sub(bytes, std::memory_order::relaxed);  // a statistic
    source_.deallocate(memory, bytes, settings_.slab_bytes);
    upkeep_totals.released(bytes);
    return upkeep<Config>::note_returned(*this, bytes);
  }
  // All pieces are back: the larger block is whole again, and home.
  const auto tier = parent->tier;
  locked(tiers_[tier].lock, [&] {
    ++tiers_[tier].home.count.created;
    --tiers_[tier].home.carved_out;
  });
  give_ready(tier, memory);
  evict_excess(tier);
}

/// Gives all idle memory that it can reach back to the source. No lock is held.
template <class Config>
void core<Config>::reclaim() noexcept {
  give_more_back();
  flush_all();
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
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
std::size_t core<Config>::trim(std::size_t to_bytes) noexcept {
  const auto before = slab_bytes_taken();
  flush_all();
  // Smallest tiers first: pieces of carved blocks are reunited before these blocks are evicted.
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    release_unused(t, evict_reason::trimmed);
    std::uint64_t idle = 0;
    for (std::uint32_t u = 0; u != tier_count_; ++u) {
      idle += ready_of(u) * tiers_[u].home.shape.stride;
    }
    if (idle <= to_bytes) continue;
    const auto stride = tiers_[t].home.shape.stride;
    const auto ready = ready_of(t);
    const auto over = (idle - to_bytes - 1) / stride + 1;
    evict(t, over < ready ? ready - over : 0, evict_reason::trimmed);
  }
  upkeep<Config>::release_to_system(*this);
  const auto after = slab_bytes_taken();
  return before > after ? before - after : 0;
}

}  // namespace tarn::detail
