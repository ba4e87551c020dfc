// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Walks over the blocks of a tier, in a core that one thread uses. `action` must not use the core.
template <class Config>
struct block_walk {
  using core_type = core<Config>;

  /// Calls `action(block)` for each idle block that a get would take first: those in the cache, and
  /// those in magazines. If the core keeps objects, each of them holds one.
  template <class Action>
  static void ready(core_type& c, std::uint32_t tier, Action&& action) {
    auto& t = c.tiers_[tier];
    core_type::front::for_each_cache(c, t, [&](const auto& cache) {
      for (std::uint32_t i = 0; i != cache.level(); ++i)
        action(static_cast<void*>(cache.rounds[i]));
    });
    t.home.magazines.for_each(action);
  }
  /// Calls `action(block)` for each block that is ready or in use.
  template <class Action>
  static void not_parked(core_type& c, std::uint32_t tier, Action&& action) {
    c.tiers_[tier].home.slabs.for_each([&](auto& slab) {
      for (std::uint32_t i = 0; i != slab.carved; ++i) {
        if (!slab.is_here(i)) action(slab.block(i));
      }
    });
  }
};

}  // namespace tarn::detail
