// SPDX-License-Identifier: MIT
#pragma once

// How idle memory leaves down to a number of bytes.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Gives all idle memory that it can reach back to the source. No lock is held.
template <class Config>
void core<Config>::reclaim() noexcept {
  give_more_back();
  this->end_detention();
  flush_all();
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
}

/// Bytes of idle blocks in the depots, ready or parked.
template <class Config>
std::size_t core<Config>::idle_at_home() const noexcept {
  std::size_t bytes = 0;
  for (std::uint32_t t = 0; t != tier_count_; ++t) {
    auto& home = tiers_[t].home;
    const auto blocks =
        front::stacked(*this, t) + locked(tiers_[t].lock, [&] { return home.home(); });
    bytes += cast_to<std::size_t>(blocks) * home.shape.stride;
  }
  return bytes;
}

/// Idle blocks that came home out of order lie in slabs that ready blocks keep. So at last the
/// ready blocks are exchanged, or leave if they hold objects, wherever that frees slabs.
template <class Config>
std::size_t core<Config>::trim(std::size_t to_bytes) noexcept {
  const auto before = slab_bytes_taken();
  this->end_detention();
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
  for (std::uint32_t t = 0; t != tier_count_ && idle_at_home() > to_bytes; ++t) {
    const auto stacked = front::stacked(*this, t);
    auto& home = tiers_[t].home;
    if (!locked(tiers_[t].lock, [&] { return home.is_scattered(stacked); })) continue;
    settings_.keeps_objects ? static_cast<void>(evict(t, 0, evict_reason::trimmed)) : compact(t);
  }
  upkeep<Config>::release_to_system(*this);
  const auto after = slab_bytes_taken();
  return before > after ? before - after : 0;
}

}  // namespace tarn::detail
