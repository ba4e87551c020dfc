// SPDX-License-Identifier: MIT
#pragma once

// Makes other blocks ready than those that came home first, so that more slabs can go.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Whether blocks that came home above a bound left slabs behind that only ready blocks keep. The
/// lock is held. Objects are not exchanged: one that is ready is worth more than its memory.
template <class Config>
bool core<Config>::is_worth_compacting(const tier_state& t) const noexcept {
  return !settings_.keeps_objects && !t.home.closed &&
         t.home.is_worth_compacting(front::counted_stacked(t));
}

/// Exchanges the ready blocks for as many in the fullest slabs, and gives slabs that are whole by
/// then back. This is no eviction: as many blocks are ready after it as before. Up to 64 blocks at
/// a time move under the lock. Preconditions: blocks hold no objects. The caller keeps the core.
/// Complexity: linear in the ready blocks.
template <class Config>
void core<Config>::compact(std::uint32_t tier) noexcept {
  auto& t = tiers_[tier];
  constexpr std::uint32_t batch = 64;
  std::uint32_t ended = 0;
  // Calls `move()`, which returns whether it moved a block and one more may follow.
  const auto move_all = [&](std::uint64_t most, auto&& move) {
    std::uint64_t moved = 0;
    for (bool more = true; more && moved != most;) {
      slab_list<env> whole;
      {
        const guard<lock_type> hold(t.lock);
        const std::uint64_t lowest =
            t.home.magazines.lowest;  // blocks that move here were not needed
        for (std::uint32_t i = 0; more && i != batch && moved != most; ++i) {
          more = move(whole);
          moved += more;
        }
        t.home.magazines.lowest = lowest;
        refit(t);
        ended += settled(t);
      }
      release_slabs(tier, whole);
    }
    return moved;
  };
  const auto ready = move_all(ready_of(tier), [&](slab_list<env>& whole) {
    void* const block = t.home.closed ? nullptr : front::take_idle(*this, t);
    if (block != nullptr) park(t, block, whole, whole_slabs::carved);
    return block != nullptr;
  });
  move_all(ready, [&](slab_list<env>& whole) {
    void* const block = t.home.closed ? nullptr : t.home.take_resident();
    if (block == nullptr) return false;
    if (front::put_idle(*this, t, block)) return true;
    park(t, block, whole, whole_slabs::carved);  // other blocks came, up to the bound
    return false;
  });
  locked(t.lock, [&] { t.home.note_compacted(front::counted_stacked(t)); });
  release_unused(tier, evict_reason::trimmed);
  if (ended != 0) this->drop_life(ended);  // never the last: the caller keeps the core
}

template <class Config>
void core<Config>::compact_if_scattered(std::uint32_t tier) noexcept {
  auto& t = tiers_[tier];
  const auto stacked = front::stacked(*this, tier);
  const bool scattered =
      !settings_.keeps_objects && locked(t.lock, [&] { return t.home.is_scattered(stacked); });
  if (scattered) compact(tier);
}

}  // namespace tarn::detail
