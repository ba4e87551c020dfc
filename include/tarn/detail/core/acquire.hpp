// SPDX-License-Identifier: MIT
#pragma once

// How a core gets blocks out of its caches and depots.

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
auto core<Config>::take_miss(std::uint32_t tier, std::size_t size, where_type where) -> taken_type {
  return take_in_turn(tier, size, where, turn::none);
}

template <class Config>
auto core<Config>::take_in_turn(std::uint32_t tier, std::size_t size, where_type where, turn whose)
    -> taken_type {
  const auto began = this->begin_get();
  acquired_type got{this->take_due(tier)};
  if (got.block == nullptr) got.block = front::pop_again(*this, tier);
  if (got.block == nullptr) {
    front::prepare_get(*this);
    got = this->search([&] { return take_or_grow(tier, true, whose); });
  }
  if (got.block != nullptr && !is_bare(got)) {
    this->with_recorder(
        [&](auto& recorder) { this->note_get(recorder, tier, got.block, size, where, began); });
  } else if (got.block == nullptr) {
    got.from = origin::fresh;  // so that it is not taken for a ready block
  }
  if constexpr (core::samples) {
    return {got, began};
  } else {
    return got;
  }
}

/// Whether an object must still be made in the block. If that fails there was no get, so
/// `count_made` counts the get when the object exists.
template <class Config>
bool core<Config>::is_bare(const acquired_type& got) const noexcept {
  return settings_.keeps_objects && got.from != origin::ready;
}

template <class Config>
void core<Config>::count_made(std::uint32_t tier, const taken_type& got, std::size_t size,
                              where_type where) noexcept {
  held_blocks held;
  ++(got.from == origin::fresh ? held.fresh : held.parked);
  count_held(tier, held);
  if constexpr (core::samples) {
    note_held(tier, size, &got.block, 1, where, got.began);
  } else {
    note_held(tier, size, &got.block, 1, where);
  }
}

/// For a thread that has no shard, which may hold caches, a recorder or both.
template <class Config>
void core<Config>::join_recorders() {
  if constexpr (has_shards) {
    follow_orders();
    static_cast<void>(attach(true));
  }
}

/// Takes one block under the tier's lock. Returns: no block if only a new slab can help, or
/// nothing.
template <class Config>
auto core<Config>::take_locked(tier_state& t, bool counted) noexcept -> acquired_type {
  if (t.home.closed) return {};
  acquired_type got;
  if (!counted) {
    got = t.home.take_bare();  // one that holds no object
  } else if (front::take_ready(*this, t, got)) {
    return got;
  } else if (settings_.keeps_objects && t.home.ready() == 0) {
    return t.home.take_bare();  // it counts when the object exists
  } else {
    got = front::take_home(t);
  }
  if (got.block == nullptr || !counted) return got;
  front::count_get(*this, t);
  if (got.from == origin::ready) {
    moved_bytes(t, -1);
    refit(t);
  }
  if (got.from == origin::fresh) ++t.home.count.misses;
  return got;
}

/// At most one thread per tier grows it; the others wait and look again, so that N threads that
/// miss at the same time don't buy N slabs. If the source has nothing, a get gives all idle memory
/// that it can reach back to the source and asks once more. Last, it orders other threads to empty
/// their caches. (Making blocks ready does neither: it would take back the blocks it has just
/// made.)
template <class Config>
auto core<Config>::take_or_grow(std::uint32_t tier, bool counted, turn whose) -> acquired_type {
  auto& t = tiers_[tier];
  unsigned turns = 0;  // spent on waiting for other threads' caches
  bool reunited = false;
  for (bool last = !counted;;) {
    const auto arrived = slabs_.arrived.load(std::memory_order::acquire);  // (1) pairs with (2)
    bool wait = false;
    bool reuniting = false;
    {
      const guard<lock_type> hold(t.lock);
      if (counted && is_overtaking(tier, whose)) return {};
      const auto got = take_locked(t, counted);
      if (got.block != nullptr || t.home.closed || t.home.live() >= t.home.max_live) return got;
      if (counted && !may_grow(whose)) return got;
      reuniting = !reunited && is_to_reunite(t);
      wait = !reuniting && t.busy.load(std::memory_order::relaxed) != 0;  // set under this lock
      if (!wait && !reuniting) t.busy.store(1, std::memory_order::relaxed);
    }
    // Not while this thread is the grower: what comes home calls requests, and a coroutine that is
    // resumed by that may want a block of this tier.
    if (reuniting) {
      reunite(tier);
      reunited = true;
      continue;
    }
    if (wait) {
      wait_with<env, lock_type>(t.busy, 1);
      continue;
    }
    memory_returned to;
    const auto got = grow(t, counted, to);
    stop_being_busy(t);
    if (to.grew) waiting().call(tier);
    announce(to);
    if (got.block != nullptr || this->closed()) return got;
    // Not while this thread is the grower: objects that are destroyed here may request a block.
    if (!last && bounds<Config>::idle_may_help(*this, t.home.shape.slab_bytes)) reclaim();
    // Slabs that another thread is giving back are in no list, and not in the source either: no get
    // fails until they have arrived.
    if (last && !slabs_.template await<lock_type>(arrived) &&
        !(counted && whose == turn::none && bounds<Config>::recall(*this, tier, turns)))
      return {};  // a request that waits gave this order as it began
    last = true;
  }
}

template <class Config>
auto core<Config>::take_bare(std::uint32_t tier) -> acquired_type {
  front::follow_orders(*this);
  return take_or_grow(tier, false);
}

}  // namespace tarn::detail
