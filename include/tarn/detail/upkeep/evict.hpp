// SPDX-License-Identifier: MIT
#pragma once

// How ready blocks leave without a get, and where their slabs go.

#include <bit>

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/events/tell_gone.hpp>
#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

template <class Config>
std::size_t core<Config>::evict(std::uint32_t tier, std::uint64_t keep, evict_reason why,
                                std::uint64_t most) noexcept {
  return front::evict(*this, tier, keep, why, most);
}

/// Up to 64 blocks at a time are taken out under the lock; their objects are destroyed outside it,
/// and they are parked under it. So a getter never waits for more than these.
template <class Config>
std::size_t core<Config>::evict_ready(std::uint32_t tier, std::uint64_t keep, evict_reason why,
                                      std::uint64_t most) noexcept {
  auto& t = tiers_[tier];
  const auto going = slabs_for(why);
  const bool needs_care = settings_.keeps_objects || hears_of(this->observers_, why);
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
    waiting().call(tier);
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
  memory_returned to;
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
    return_memory(memory, bytes, parent, to);
    slabs_.arrive();
  }
  // Only now: a coroutine that is resumed here would wait for slabs that are on their way.
  announce(to);
}

/// `announce` has to follow, once the caller holds nothing that a request may need.
template <class Config>
void core<Config>::return_memory(void* memory, std::size_t bytes, slab_type* parent,
                                 memory_returned& to) noexcept {
  if (parent == nullptr) {
    source_bytes_.fetch_sub(bytes, std::memory_order::relaxed);  // a statistic
    source_.deallocate_unheard(memory, bytes, settings_.slab_bytes);
    to.to_source = true;
    upkeep_totals.released(bytes);
    return upkeep<Config>::note_returned(*this, bytes);
  }
  // All pieces are back: the larger block is whole again, and home.
  const auto tier = parent->tier;
  locked(tiers_[tier].lock, [&] {
    ++tiers_[tier].home.count.created;
    --tiers_[tier].home.carved_out;
  });
  if (front::put_ready(*this, tier, memory)) {
    to.tiers |= std::uint64_t{1} << tier;
  } else {
    bring_home(tier, memory);
  }
}

/// Calls requests that wait, and keeps the bounds of tiers that blocks came back to.
template <class Config>
void core<Config>::announce(const memory_returned& to) noexcept {
  if (to.to_source) waiting().call(waiting().no_line);
  for (auto left = to.tiers; left != 0; left &= left - 1) {
    const auto tier = static_cast<std::uint32_t>(std::countr_zero(left));
    waiting().call(tier);
    evict_excess(tier);
  }
}

}  // namespace tarn::detail
