// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/bounds/batch.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// The blocks that a pool makes ready at first: `blocks` of each tier, the smaller tiers first, up
/// to `bytes` in all.
struct initial_blocks {
  std::size_t blocks = 0;
  std::size_t bytes = 0;
  bool stops_at_limit = false;  // at the limit, stop without an error

  [[nodiscard]] std::size_t of(std::size_t stride, std::size_t left_bytes) const noexcept {
    return min_of(blocks, left_bytes / stride);
  }

  /// Whether limit and capacity leave room for these blocks beside all idle blocks.
  template <class Core>
  [[nodiscard]] bool fit_beside(const Core& core) const noexcept {
    using bounds_type = bounds<typename Core::config>;
    std::size_t needed = 0;
    std::size_t left = bytes;
    for (std::uint32_t t = 0; t != core.tiers(); ++t) {
      const auto stride = core.shape_of(t).stride;
      const auto wanted = of(stride, left);
      if (!bounds_type::has_room_for(core, t, wanted, needed, true)) return false;
      left -= wanted * stride;
    }
    return true;
  }

  /// Makes the blocks ready. Calls `then()`, which throws nothing, when all blocks exist and before
  /// the first one is ready. `afresh`: the blocks come from memory bought for them alone. If the
  /// blocks can't be had, calls `refuse(tier, blocks)`, which throws.
  template <class Core, class Refuse, class Then>
  void make(Core& core, bool afresh, Refuse&& refuse, Then&& then) const {
    make_from(core, afresh, 0, bytes, static_cast<batch<Core>*>(nullptr), refuse, then);
  }

  /// Calls `empty()`, then `make()`. If that throws, the blocks that were ready in `tier` and the
  /// tiers after it become ready again, as far as the factory and the source allow it.
  template <class Core, class Empty, class Make>
  static void replace(Core& core, std::uint32_t tier, Empty&& empty, Make&& make) {
    if (tier == core.tiers()) return empty(), make();
    const auto ready = bounds<typename Core::config>::reachable(core, tier);
    try {
      replace(core, tier + 1, empty, make);
    } catch (...) {
      try {
        batch<Core> again(core, tier);
        if (again.reserve(ready, true) && again.fill()) again.publish();
      } catch (...) {  // the first exception is thrown below
      }
      throw;
    }
  }

 private:
  template <class Core, class Refuse, class Then>
  void make_from(Core& core, bool afresh, std::uint32_t tier, std::size_t left_bytes,
                 batch<Core>* others, Refuse& refuse, Then& then) const {
    if (tier != core.tiers()) {
      const auto stride = core.shape_of(tier).stride;
      const auto wanted = of(stride, left_bytes);
      batch<Core> made(core, tier, afresh);
      if (!made.reserve(wanted, stops_at_limit)) refuse(tier, wanted);
      made.next = others;
      return make_from(core, afresh, tier + 1, left_bytes - made.size() * stride, &made, refuse,
                       then);
    }
    for (auto* b = others; b != nullptr; b = b->next) {
      if (!b->fill()) refuse(b->tier(), b->size());
    }
    then();
    for (auto* b = others; b != nullptr; b = b->next) {
      upkeep<typename Core::config>::keep_at_least(core, b->tier(), b->size());
      b->publish();
    }
  }
};

}  // namespace tarn::detail
