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
  flush_all();
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
}

template <class Config>
std::size_t core<Config>::trim(std::size_t to_bytes) noexcept {
  const auto before = slab_bytes_taken();
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
  upkeep<Config>::release_to_system(*this);
  const auto after = slab_bytes_taken();
  return before > after ? before - after : 0;
}

}  // namespace tarn::detail
