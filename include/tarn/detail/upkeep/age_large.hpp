// SPDX-License-Identifier: MIT
#pragma once

// How blocks leave the large cache without a get.

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/events/tell_gone.hpp>
#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/extents/large.hpp>
#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

/// Gives the block of a retired extent back to the source. Returns: its bytes.
template <class Source>
std::size_t let_go(const extent& e, Source& source) noexcept {
  upkeep_totals.released(e.bytes);
  source.deallocate(e.block, e.bytes, e.alignment);
  return e.bytes;
}

template <class Lock>
template <class Source>
std::size_t large_blocks<Lock>::trim(std::size_t to_bytes, Source& source) noexcept {
  for (std::size_t given = 0;;) {
    const auto gone = locked(lock_, [&]() -> extent {
      // Extents that a sweep took out count as kept, but they can't be taken here.
      auto* const e = cache_.count().kept_bytes > to_bytes ? cache_.take_any() : nullptr;
      return e != nullptr ? retire(e) : extent{};
    });
    if (gone.block == nullptr) return given;
    given += let_go(gone, source);
  }
}

/// Surplus blocks are those that no get took since the last tick: of two equally good fits the
/// newer one is taken, so these are the same blocks all the time. A part of their bytes stays, the
/// newest first. Of all kept bytes, no more stay than the percentage of the recent peak allows.
template <class Lock>
auto large_blocks<Lock>::begin(const tick_rules& rules) noexcept -> sweep* {
  const guard<Lock> hold(lock_);
  peak_ = max_of(cast_to<std::size_t>(faded(peak_, rules.passed)), most_out_);
  most_out_ = count_.in_use_bytes;
  return cache_.begin(rules.halvings,
                      rules.percent >= 0 ? percent_of(peak_, rules.percent) : ~std::size_t{0});
}

template <class Lock>
template <class Source>
std::size_t large_blocks<Lock>::settle(sweep& s, extent* e, bool stays, std::size_t dropped,
                                       Source& source) noexcept {
  extent gone;
  {
    const guard<Lock> hold(lock_);
    using fate = large_cache::fate;
    // If the system refused to drop its pages, a block counts as new and is not tried again at
    // once.
    const auto what = !stays || closed_ ? fate::goes
                      : dropped != 0    ? fate::stays_purged
                                        : fate::stays;
    cache_.settle(s, e, what);
    if (what == fate::stays_purged) ++count_.purged, count_.purged_bytes += dropped;
    if (what != fate::goes) return 0;
    if (!stays) ++count_.aged, count_.aged_bytes += e->bytes;
    gone = retire(e);
  }
  return let_go(gone, source);
}

/// Applies the rules to kept blocks above the last tier: surplus blocks go or, with `pages`, lose
/// their pages and stay. The caller keeps the core alive and holds no lock. Returns: the number of
/// blocks. Adds the bytes of dropped pages to `dropped`.
template <class Core>
std::size_t evict_large(Core& c, const tick_rules& rules, purge_mode pages,
                        std::size_t& dropped) noexcept {
  const bool stays = pages != purge_mode::none;
  std::size_t blocks = 0;
  auto* const sweep = c.large().begin(rules);
  extent* e = nullptr;
  while (sweep != nullptr && c.large().take_out(*sweep, e)) {
    while (e != nullptr) {
      auto* const next = e->next;
      const auto bytes = stays ? drop_inside(e->block, e->bytes, pages == purge_mode::lazy) : 0;
      if (!stays || bytes != 0) {
        tell_gone(c.observers(), evict_reason::aged, c.tiers(), e->bytes, e->block);
        ++blocks;
      }
      dropped += bytes;
      upkeep<typename Core::config>::note_returned(
          c, c.large().settle(*sweep, e, stays, bytes, c.source()));
      c.waiting().call(bounds<typename Core::config>::no_tier);  // if it stays, it is there again
      e = next;
    }
  }
  return blocks;
}

}  // namespace tarn::detail
