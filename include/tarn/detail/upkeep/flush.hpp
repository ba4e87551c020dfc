// SPDX-License-Identifier: MIT
#pragma once

// How the blocks of a cache go home.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Empties the calling thread's cache of one tier, or that of the shard `left`, which only this
/// call uses.
template <class Config>
void core<Config>::flush(std::uint32_t tier, shard_type* left) noexcept {
  auto& t = tiers_[tier];
  for (;;) {
    void* block = nullptr;
    {
      const guard<lock_type> hold(t.lock);
      cache_type* const cache = left != nullptr ? front::cache_of(t, left) : own_cache(t);
      const auto level = cache != nullptr ? cache->level() : 0;
      if (level == 0) return;
      if (!t.home.closed) {
        absorb(t.home, *cache, level);
        moved_bytes(t, level);
        refit(t);
        return;
      }
      block = cache->take_home();
    }
    if (settings_.keeps_objects) this->dispose(block);
    park_home(tier, block);
  }
}

template <class Config>
void core<Config>::flush_all(shard_type* left) noexcept {
  if (!front::has_caches(*this, left)) return;
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    flush(t, left);
}

}  // namespace tarn::detail
