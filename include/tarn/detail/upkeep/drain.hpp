// SPDX-License-Identifier: MIT
#pragma once

// How a core gives up what is idle, and how the threads follow.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

template <class Config>
void core<Config>::drain() noexcept {
  if constexpr (is_per_thread) {
    // relaxed: `give_order` publishes it.
    drains_.fetch_add(1, std::memory_order::relaxed);
    this->registry_->give_order();
    follow_orders();
  } else {
    flush_all();
  }
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
  upkeep<Config>::release_to_system(*this);
}

template <class Config>
void core<Config>::leave(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  if constexpr (is_per_thread) {
    flush_all(s);
    upkeep<Config>::evict_above_bounds(*this);
  }
  keep_vacant(s);
}

template <class Config>
void core<Config>::renew() noexcept {
  if constexpr (!is_per_thread) return;
  shard_type* const s = find_shard();
  if (s == nullptr) return;
  const auto drains = drains_.load(std::memory_order::relaxed);  // published by the order
  if (s->seen_drains == drains) return upkeep<Config>::flush_idle(*this);
  s->seen_drains = drains;
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    // The blocks in the depot now came after the drain: made ready by `reset_and_drain`, or put by
    // other threads. Only the blocks that lay in this cache have to go.
    const auto later = ready_of(t);
    flush(t);
    evict(t, later, evict_reason::trimmed);
  }
}

}  // namespace tarn::detail
