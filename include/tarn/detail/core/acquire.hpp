// SPDX-License-Identifier: MIT
#pragma once

// How a core gets blocks out of its caches and depots.

#include <bit>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
auto core<Config>::take_miss(std::uint32_t tier, std::size_t size, where_type where) -> taken_type {
  taken_type got{this->take_due(tier)};
  if (got.block == nullptr)
    got = is_per_thread && find_shard() != nullptr ? take_slow(tier) : take_first(tier);
  if (got.block != nullptr) {
    this->with_recorder(
        [&](auto& recorder) { this->note_get(recorder, tier, got.block, size, where); });
  }
  return got;
}

template <class Config>
auto core<Config>::take_first(std::uint32_t tier) -> taken_type {
  if constexpr (has_shards) {
    follow_orders();
    static_cast<void>(attach(true));
  }
  return take_or_grow(tier, true);
}

template <class Config>
auto core<Config>::take_slow(std::uint32_t tier) -> taken_type {
  if constexpr (is_per_thread) {
    follow_orders();  // may take the shard away
    // relaxed: a hint; the shard is published by the shard lock.
    if (shard_wanted_.load(std::memory_order::relaxed) &&
        shard_wanted_.exchange(false, std::memory_order::relaxed)) {
      make_spare_shard();
    }
    if (shard_type* const s = find_shard()) fit_budget(s);
  }
  return take_or_grow(tier, true);
}

/// One block under the tier's lock; none if only a new slab can help, or nothing.
template <class Config>
auto core<Config>::take_locked(tier_state& t, bool counted) noexcept -> taken_type {
  if (t.home.closed) return {};
  cache_type* const cache = own_cache(t);
  taken_type got;
  if (!counted) {
    got = t.home.take_from_slab();  // one that holds no object
  } else if constexpr (is_lock_free) {
    got = {pop_index(t)};
    if (got.block != nullptr) return got;  // counted there
    got = t.home.take_from_slab();
    if (got.block != nullptr) t.counts.get();
  } else if (cache != nullptr) {
    got = {cache->template pop<mark>()};
    if (got.block != nullptr) return got;
    if (cache->limit != 0) {
      const auto ready_before = t.home.ready();
      if (refill(t.home, *cache, !settings_.keeps_objects) != 0) {
        moved_bytes(t, static_cast<std::int64_t>(t.home.ready() - ready_before));
        refit(t);
        return {cache->template pop<mark>()};
      }
    }
    got = t.home.take();
    if (got.block != nullptr) cache->passed_out(mark);
  } else {
    got = t.home.take();
    if (got.block != nullptr && mark != 0) ++t.home.count.gets;
  }
  if (got.block == nullptr || !counted) return got;
  if (got.from == origin::ready) {
    moved_bytes(t, -1);
    refit(t);
  }
  if (got.from == origin::fresh || (settings_.keeps_objects && got.from == origin::parked)) {
    ++t.home.count.misses;
  }
  return got;
}

/// At most one thread per tier grows it; the others wait and look again, so that N threads that
/// miss at the same time don't buy N slabs. If the source has nothing, a get gives all idle memory
/// that can be reached back to it and asks once more. (Making blocks ready does not: it would take
/// what it has just made.)
template <class Config>
auto core<Config>::take_or_grow(std::uint32_t tier, bool counted) -> taken_type {
  auto& t = tiers_[tier];
  for (bool last = !counted;;) {
    const auto arrived = slabs_.arrived.load(std::memory_order::acquire);  // (1) pairs with (2)
    bool wait = false;
    bool reuniting = false;
    {
      const guard<lock_type> hold(t.lock);
      const auto got = take_locked(t, counted);
      if (got.block != nullptr || t.home.closed || t.home.live() >= t.home.max_live) return got;
      wait = t.busy.load(std::memory_order::relaxed) != 0;  // set under this lock
      if (!wait) t.busy.store(1, std::memory_order::relaxed);
      if (t.home.lent != 0) {
        // Less and less often where it does not help: with a piece in use a block stays carved.
        const auto missed = ++t.home.missed;
        reuniting = missed <= most_missed || std::has_single_bit(missed);
      }
    }
    if (wait) {
      env::wait(t.busy, 1);
      continue;
    }
    const auto got = grow(t, counted, reuniting);
    stop_being_busy(t);
    if (got.block != nullptr || this->closed()) return got;
    // Not while this thread is the one that grows: objects that are destroyed here may want a
    // block.
    if (!last) reclaim();
    // Slabs that another thread is giving back are in no list, and not in the source either: nobody
    // is told that there is no memory until they have arrived.
    if (last && !slabs_.await(arrived)) return {};
    last = true;
  }
}

template <class Config>
void* core<Config>::take_bare(std::uint32_t tier) {
  if constexpr (is_per_thread) follow_orders();
  return take_or_grow(tier, false).block;
}

}  // namespace tarn::detail
