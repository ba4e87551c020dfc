// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/held_blocks.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>

namespace tarn::detail {

template <class Config>
class core;
template <class Config>
struct core_tier;

/// The part of `cached_front` for blocks that are not wanted for certain: see held_blocks.
template <class Config>
struct cached_holds {
  using core_type = core<Config>;
  using tier_type = core_tier<Config>;
  using cache_type = tier_cache<typename Config::env>;

  /// Takes up to `count` ready blocks where no lock is needed, but for that of the front end.
  static void hold_ready(core_type&, tier_type&, void**, std::size_t, held_blocks&) noexcept {}
  /// Under the lock: takes ready blocks until `count` are held.
  static void hold_home(core_type& c, tier_type& t, void** blocks, std::size_t count,
                        held_blocks& held) noexcept {
    if (cache_type* const cache = c.own_cache(t)) {
      const auto n = cache->hold(blocks + held.ready, count - held.ready);
      held.ready += n;
      held.cached += n;
    }
    std::int64_t moved = 0;
    for (; held.ready != count && t.home.ready() != 0; ++moved)
      blocks[held.ready++] = t.home.magazines.take();
    if (moved != 0) c.moved_bytes(t, -moved);
    c.refit(t);
  }
  /// Takes the ready blocks home as if they had not been taken.
  static void put_held(core_type& c, std::uint32_t tier, void* const* blocks,
                       const held_blocks& held) noexcept {
    if (held.ready == 0) return;
    auto& t = c.tiers_[tier];
    std::size_t n = 0;
    bool excess = false;
    {
      const guard<typename core_type::lock_type> hold(t.lock);
      if (!t.home.closed) {
        cache_type* const cache = t.home.waited ? nullptr : c.own_cache(t);
        if (cache != nullptr) n = cache->unhold(blocks, held.cached);
        c.moved_bytes(t, static_cast<std::int64_t>(held.ready - n));
        for (; n != held.ready; ++n)
          t.home.magazines.put(blocks[n]);
        c.refit(t);
        excess = t.home.ready() > c.ready_to_keep(t);  // others have put blocks meanwhile
        c.pin();  // the blocks may be home now, and with them the last reason for the core to stay
      }
    }
    const bool is_home = n == held.ready;
    if (excess) c.evict_excess(tier);
    for (; n != held.ready; ++n)
      c.bring_home(tier, blocks[n]);
    if (!is_home) return;
    c.waiting().call(tier);
    c.drop_life();
  }
};

}  // namespace tarn::detail
