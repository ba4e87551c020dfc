// SPDX-License-Identifier: MIT
#pragma once

// How a core gives up what is idle, and how the threads follow.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

template <class Config>
void core<Config>::drain() noexcept {
  this->end_detention();
  front::drain(*this);
  for (std::uint32_t t = 0; t != tier_count_; ++t)
    evict(t, 0, evict_reason::trimmed);
  upkeep<Config>::release_to_system(*this);
}

template <class Config>
void core<Config>::leave(void* shard) noexcept {
  auto* const s = static_cast<shard_type*>(shard);
  front::leave(*this, s);
  keep_vacant(s);
}

template <class Config>
void core<Config>::renew() noexcept {
  front::renew(*this);
}

}  // namespace tarn::detail
