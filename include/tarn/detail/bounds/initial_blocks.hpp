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

  /// Too few blocks of a tier.
  struct shortage {
    std::uint32_t tier = 0;
    std::size_t blocks = 0;  // 0: no block is missing
    [[nodiscard]] explicit operator bool() const noexcept { return blocks != 0; }
  };

  /// Makes the blocks ready. Calls `then()`, which throws nothing, when all blocks exist and before
  /// the first one is ready. `afresh`: the blocks come from memory bought for them alone. Returns:
  /// what can't be had; nothing has changed then. Throws: what making the blocks throws.
  template <class Core, class Then>
  [[nodiscard]] shortage make(Core& core, bool afresh, Then&& then) const {
    return make_from(core, {afresh, false, stops_at_limit}, then, 0, bytes,
                     static_cast<batch<Core>*>(nullptr));
  }

  /// As `make`, in a pool where these blocks and all idle ones have no room beside each other: the
  /// ready blocks stay as far as they are wanted, and only missing ones are made. Other idle memory
  /// goes when these exist. Only if they find no room otherwise, it goes before; then a failure may
  /// leave fewer blocks of other tiers ready.
  template <class Core>
  [[nodiscard]] shortage make_missing(Core& core) const {
    using bounds_type = bounds<typename Core::config>;
    const auto empty = [&] {
      bounds_type::drain_to(core, [&](std::uint32_t t) { return wanted_in(core, t); });
    };
    const auto missed =
        make_from(core, {false, true, false}, empty, 0, bytes, static_cast<batch<Core>*>(nullptr));
    if (!missed) return missed;
    if (!stops_at_limit && !fits_without_surplus(core, missed)) return missed;
    return replace(core, 0, [&] {
      empty();
      const auto nothing = [] {};
      return make_from(core, {false, true, stops_at_limit}, nothing, 0, bytes,
                       static_cast<batch<Core>*>(nullptr));
    });
  }

 private:
  struct way {
    bool afresh;   // existing blocks are not used
    bool missing;  // ready blocks count
    bool partly;   // as many as the limit leaves are enough
  };

  /// The blocks of `tier`, if there are as many of the tiers before it.
  template <class Core>
  [[nodiscard]] std::size_t wanted_in(const Core& core, std::uint32_t tier) const noexcept {
    std::size_t left = bytes;
    for (std::uint32_t t = 0; t < tier && t < core.tiers(); ++t)
      left -= of(core.shape_of(t).stride, left) * core.shape_of(t).stride;
    return tier < core.tiers() ? of(core.shape_of(tier).stride, left) : 0;
  }

  /// Whether the missing blocks may have room when all other idle memory is gone.
  template <class Core>
  [[nodiscard]] bool fits_without_surplus(Core& core, const shortage& missed) const noexcept {
    using bounds_type = bounds<typename Core::config>;
    if (bounds_type::why_no_more(core, missed.tier, missed.blocks) == refusal::capacity) {
      return false;
    }
    std::size_t needed = 0;
    for (std::uint32_t t = 0; t != core.tiers(); ++t) {
      const auto wanted = wanted_in(core, t);
      const auto ready = bounds_type::reachable(core, t);
      const auto before = needed;
      if (wanted > ready && !bounds_type::has_room_for(core, t, wanted - ready, needed) &&
          needed == before) {
        return false;  // the limit is less than these alone
      }
    }
    return bounds_type::idle_may_help(core, needed);
  }

  /// Calls `make()`. If that fails, the blocks that were ready in `tier` and the tiers after it
  /// become ready again, as far as the source allows it.
  template <class Core, class Make>
  static shortage replace(Core& core, std::uint32_t tier, Make&& make) {
    if (tier == core.tiers()) return make();
    const auto ready = bounds<typename Core::config>::reachable(core, tier);
    try {
      const auto missed = replace(core, tier + 1, make);
      if (missed) restore(core, tier, ready);
      return missed;
    } catch (...) {
      restore(core, tier, ready);
      throw;
    }
  }
  template <class Core>
  static void restore(Core& core, std::uint32_t tier, std::uint64_t ready) {
    const auto now = bounds<typename Core::config>::reachable(core, tier);
    if (now >= ready) return;
    try {
      batch<Core> again(core, tier);
      if (again.reserve(ready - now, true) && again.fill()) again.publish();
    } catch (...) {  // the first failure is the one to report
    }
  }

  template <class Core, class Then>
  [[nodiscard]] shortage make_from(Core& core, way how, Then& then, std::uint32_t tier,
                                   std::size_t left_bytes, batch<Core>* others) const {
    using bounds_type = bounds<typename Core::config>;
    if (tier != core.tiers()) {
      const auto stride = core.shape_of(tier).stride;
      const auto wanted = of(stride, left_bytes);
      const auto kept = how.missing ? cast_to<std::size_t>(min_of<std::uint64_t>(
                                          wanted, bounds_type::reachable(core, tier)))
                                    : 0;
      batch<Core> made(core, tier, how.afresh);
      if (!made.reserve(wanted - kept, how.partly)) return {tier, wanted - kept};
      made.next = others;
      made.kept = kept;
      return make_from(core, how, then, tier + 1, left_bytes - (kept + made.size()) * stride,
                       &made);
    }
    for (auto* b = others; b != nullptr; b = b->next) {
      if (!b->fill()) return {b->tier(), b->size()};
    }
    then();
    for (auto* b = others; b != nullptr; b = b->next) {
      upkeep<typename Core::config>::keep_at_least(core, b->tier(), b->kept + b->size());
      b->publish();
    }
    return {};
  }
};

}  // namespace tarn::detail
