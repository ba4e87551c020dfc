// SPDX-License-Identifier: MIT
#pragma once

// How blocks come home.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/events/tell_gone.hpp>

namespace tarn::detail {

template <class Config>
void core<Config>::give_slow(std::uint32_t tier, void* block) noexcept {
  front::put(*this, tier, block);
}

/// Takes a block home that is not to be ready. It may hold an object.
template <class Config>
void core<Config>::bring_home(std::uint32_t tier, void* block) noexcept {
  // No thread owns the block now, and it is not home: the core stays until it is parked.
  if (settings_.keeps_objects) this->dispose(block);
  park_home(tier, block);
}

/// Takes a block home into its slab, and gives the slab back if that made it whole.
template <class Config>
void core<Config>::park_home(std::uint32_t tier, void* block, whole_slabs going) noexcept {
  park_by(tier, [&](tier_state& t, slab_list<env>& whole) { park(t, block, whole, going); });
}

/// Calls `park_one(tier, whole)` under the lock, which takes one block home that was out and adds
/// its slab to `whole` if that is to go.
template <class Config>
template <class Park>
void core<Config>::park_by(std::uint32_t tier, Park&& park_one) noexcept {
  auto& t = tiers_[tier];
  slab_list<env> whole;
  this->pin();  // the block, not yet home, keeps the core until here
  std::uint32_t ended = 1;
  {
    const guard<lock_type> hold(t.lock);
    park_one(t, whole);
    ended += settled(t);
  }
  release_slabs(tier, whole);
  waiting().call(tier);
  this->drop_life(ended);
}

template <class Config>
void core<Config>::park(tier_state& t, void* block, slab_list<env>& whole,
                        whole_slabs going) noexcept {
  // The thread that closed the pool has looked for whole slabs already, so none may stay behind.
  if (t.home.closed) going = whole_slabs::all;
  slab_type* const from = directory_.find(block);
  // A raw pointer that was given back twice stands in the caches twice. The block goes home once.
  // The get that the second put lacks is counted with it, so that what is in use stays right.
  if (from == nullptr || from->tier != t.home.shape.number ||
      from->is_here(from->index_of(block))) {
    ++t.home.count.double_puts;
    t.home.count.gets += mark != 0;
    return;
  }
  slab_type* const s = t.home.park(from, block, going);
  if (s == nullptr) return;
  slabs_.leave();
  whole.push(s);
}

template <class Config>
void core<Config>::give_ready(std::uint32_t tier, void* block) noexcept {
  if (!front::put_ready(*this, tier, block)) return bring_home(tier, block);
  waiting().call(tier);  // the caller keeps the core
}

template <class Config>
void core<Config>::give_empty(std::uint32_t tier, void* block) noexcept {
  auto& t = tiers_[tier];
  this->with_recorder([&](auto& recorder) { this->note_put(recorder, tier, block); });
  locked(t.lock, [&] { front::count_put(*this, t); });
  park_home(tier, block);
}

}  // namespace tarn::detail
