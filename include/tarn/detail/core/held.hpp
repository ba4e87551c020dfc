// SPDX-License-Identifier: MIT
#pragma once

// What becomes of blocks that were taken out before it was certain that they are wanted: they count
// as gets, or they go home as if they had never been taken. `bounds::hold` takes them.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Under the lock: counts held blocks as gets.
template <class Config>
void core<Config>::count_home(tier_state& t, const held_blocks& held) noexcept {
  front::count_get(*this, t, held.all());
  t.home.count_fresh(held.fresh);
  t.home.count.misses += settings_.keeps_objects ? held.bare() : held.fresh;
  t.home.note_away();
}

template <class Config>
void core<Config>::count_held(std::uint32_t tier, const held_blocks& held) noexcept {
  auto& t = tiers_[tier];
  if (held.cached == held.all() && front::count_cached(*this, t, held.cached)) return;
  locked(t.lock, [&] { count_home(t, held); });
}

template <class Config>
void core<Config>::note_held(std::uint32_t tier, std::size_t size, void* const* blocks,
                             std::size_t count, where_type where, std::int64_t began) noexcept {
  this->with_recorder([&](auto& recorder) {
    for (std::size_t i = 0; i != count; ++i)
      this->note_get(recorder, tier, blocks[i], size, where, began);
  });
}

template <class Config>
void core<Config>::put_held(std::uint32_t tier, void* const* blocks,
                            const held_blocks& held) noexcept {
  // The last one first, so that each is the last that was carved out of its slab.
  for (auto i = held.all(); i-- != held.ready;)
    put_bare(tier, blocks[i], held.origin_of(i));
  front::put_held(*this, tier, blocks, held);
}

template <class Config>
void core<Config>::put_bare(std::uint32_t tier, void* block, origin from) noexcept {
  park_by(tier, [&](tier_state& t, slab_list<env>& whole) {
    // A whole slab stays if it was whole before, unless the thread that closed the pool has looked
    // for whole slabs already.
    const auto going = t.home.closed ? whole_slabs::all : whole_slabs::carved;
    if (auto* const s = t.home.put_bare(directory_.find_known(block), block, from, going)) {
      slabs_.leave();
      whole.push(s);
    }
  });
}

template <class Config>
void core<Config>::count_bare(std::uint32_t tier, std::uint64_t fresh) noexcept {
  locked(tiers_[tier].lock, [&] { tiers_[tier].home.count_fresh(fresh); });
}

}  // namespace tarn::detail
