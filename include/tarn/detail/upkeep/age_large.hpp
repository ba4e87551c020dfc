// SPDX-License-Identifier: MIT
#pragma once

// How blocks leave the large cache without a get.

#include <tarn/detail/depot/large.hpp>
#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/upkeep/tell_gone.hpp>
#include <tarn/detail/upkeep/totals.hpp>

namespace tarn::detail {

template <class Lock>
template <class Source>
std::size_t large_blocks<Lock>::let_go(extent* n, Source& source) noexcept {
  const auto bytes = n->bytes;
  upkeep_totals.released(bytes);
  source.deallocate(n->block, bytes, n->alignment);
  delete n;
  return bytes;
}

template <class Lock>
template <class Source>
std::size_t large_blocks<Lock>::trim(std::size_t to_bytes, Source& source) noexcept {
  for (std::size_t given = 0;;) {
    auto* const n = locked(lock_, [&]() -> extent* {
      extent** list = kept_ != nullptr ? &kept_ : &purged_;
      // Those that were taken out count as kept, but they are in no list.
      return count_.kept_bytes > to_bytes && *list != nullptr ? unlink(list, list) : nullptr;
    });
    if (n == nullptr) return given;
    given += let_go(n, source);
  }
}

/// Surplus is what no get took since the last tick: of two blocks that fit as well the newer one is
/// taken, so these are the same blocks all the time. Of their bytes a part stays, the newest first;
/// of all, no more than the percentage of the recent peak allows.
template <class Lock>
extent* large_blocks<Lock>::take_out(const tick_rules& rules) noexcept {
  const guard<Lock> hold(lock_);
  peak_ = max_of(faded(peak_, rules.passed), most_out_);
  most_out_ = count_.in_use_bytes;
  std::size_t left = 0;  // for those that were not needed
  for (auto* e = unused_; e != nullptr; e = e->next)
    left += e->bytes;
  left = rules.halvings < tick_rules::all ? left >> rules.halvings : 0;
  auto allowed = rules.percent >= 0 ? percent_of(peak_, rules.percent) : ~std::size_t{0};
  extent* gone = nullptr;
  bool needed = true;
  for (auto** place = &kept_; *place != nullptr;) {
    auto* const e = *place;
    needed = needed && e != unused_;
    if (e->bytes <= allowed && (needed || e->bytes <= left)) {
      allowed -= e->bytes;
      if (!needed) left -= e->bytes;
      place = &e->next;
    } else {
      *place = e->next;
      e->next = gone;
      gone = e;
    }
  }
  unused_ = kept_;
  return gone;
}

template <class Lock>
template <class Source>
std::size_t large_blocks<Lock>::settle(extent* e, bool stays, std::size_t dropped,
                                       Source& source) noexcept {
  {
    const guard<Lock> hold(lock_);
    if (stays && !closed_) {
      // What the system refused to drop is new again, and not asked for at once.
      auto*& list = dropped != 0 ? purged_ : kept_;
      e->next = list;
      list = e;
      if (dropped == 0) return 0;
      ++count_.purged, ++count_.kept_purged;
      count_.purged_bytes += dropped, count_.kept_purged_bytes += e->bytes;
      return 0;
    }
    --count_.kept;
    count_.kept_bytes -= e->bytes;
    if (!stays) ++count_.aged, count_.aged_bytes += e->bytes;
  }
  return let_go(e, source);
}

/// Does with kept blocks above the last tier as the rules say: they go or, with `pages`, lose those
/// and stay. The caller keeps the core, and holds no lock. Returns: how many. Adds the bytes of
/// pages to `dropped`.
template <class Core>
std::size_t shed_large(Core& c, const tick_rules& rules, dropping pages,
                       std::size_t& dropped) noexcept {
  const bool stays = pages != dropping::none;
  std::size_t blocks = 0;
  for (auto* e = c.large().take_out(rules); e != nullptr;) {
    auto* const next = e->next;
    const auto bytes = stays ? drop_inside(e->block, e->bytes, pages == dropping::lazy) : 0;
    if (!stays || bytes != 0) {
      tell_gone(c.watchers(), leaving::aged, c.tiers(), e->bytes, e->block);
      ++blocks;
    }
    dropped += bytes;
    upkeep<typename Core::config>::note_returned(c, c.large().settle(e, stays, bytes, c.source()));
    e = next;
  }
  return blocks;
}

}  // namespace tarn::detail
