// SPDX-License-Identifier: MIT
#pragma once

// Gives idle memory that is not needed back, a part of it at a time.

#include <tarn/detail/upkeep/upkeep.hpp>

namespace tarn::detail {

template <class Config>
std::size_t upkeep<Config>::tick(core_type& c, const tick_rules& rules) noexcept {
  std::size_t blocks = 0;
  if (rules.passed != 0) {
    for (std::uint32_t t = 0; t != c.tier_count_; ++t)
      blocks += age(c, t, rules);
  }
  begin(c, rules);
  core_type::front::order_tick(c);
  release_to_system(c);
  return blocks;
}

template <class Config>
void upkeep<Config>::flush_idle(core_type& c) noexcept {
  const auto ticks = c.upkeep_.ticks.load(std::memory_order::relaxed);  // see `tick`
  bool flushed = false;
  for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
    // Looked up each time: a lock may have moved a fiber to a thread that has another shard.
    shard_type* const s = c.find_shard();
    if (s == nullptr || (t == 0 && s->seen_ticks == ticks)) return;
    s->seen_ticks = ticks;
    const auto word = s->cache_of(t).word.load(std::memory_order::relaxed);  // by its owner
    auto& mark = s->marks()[t];
    if (mark.word != word) {
      mark.word = word;
      mark.tick = ticks;
    } else if (ticks - mark.tick >= 2) {
      // The mark was made after one tick and before the next, so a whole tick has passed since
      // then. The flush changes the word, so the mark is made again next time.
      if (s->cache_of(t).level() != 0) {
        c.flush(t);
        flushed = true;
      }
      grants<Config>::take_back(c, t);
    }
  }
  if (flushed) evict_above_bounds(c);
}

template <class Config>
void upkeep<Config>::evict_above_bounds(core_type& c) noexcept {
  for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
    auto& tier = c.tiers_[t];
    if (locked(tier.lock, [&] { return tier.home.ready() > c.ready_to_keep(tier); })) {
      c.evict_excess(t);
    }
  }
}

template <class Config>
void upkeep<Config>::keep_at_least(core_type& c, std::uint32_t tier,
                                   std::uint64_t blocks) noexcept {
  locked(c.tiers_[tier].lock, [&] { c.tiers_[tier].ageing.least = blocks; });
}

/// How many ready blocks of a tier should go. The tier's lock is held.
template <class Config>
std::uint64_t upkeep<Config>::surplus(const core_type& c, const tier_type& t, std::uint64_t ready,
                                      const tick_rules& rules) noexcept {
  // Memory goes by slabs, so a slab's worth of blocks is the least that is worth keeping, unless
  // blocks lose their pages one by one. A kept object is worth more than its memory.
  const bool single = c.settings_.keeps_objects ||
                      (aged_pages(c) != purge_mode::none && has_own_pages(t.home.shape.stride));
  const auto unit = single ? 1 : slab_type::blocks_in(t.home.shape.slab_bytes, t.home.shape);
  const std::uint64_t never_needed = t.home.magazines.lowest;
  const auto units = rules.halvings < tick_rules::all ? never_needed / unit >> rules.halvings : 0;
  auto gone = rules.halvings == 0 ? 0 : min_of<std::uint64_t>(never_needed - units * unit, ready);
  if (rules.percent >= 0) {
    const auto allowed = percent_of(t.ageing.peak, rules.percent);
    if (ready > allowed) gone = max_of<std::uint64_t>(gone, ready - allowed);
  }
  const auto least = rules.keeps_initial ? t.ageing.least : 0;
  return min_of<std::uint64_t>(gone, ready > least ? ready - least : 0);
}

template <class Config>
std::size_t upkeep<Config>::age(core_type& c, std::uint32_t tier,
                                const tick_rules& rules) noexcept {
  auto& t = c.tiers_[tier];
  std::uint64_t ready = 0;
  std::uint64_t unneeded = 0;  // parked, with their pages
  const auto seen = core_type::front::look(c, tier);
  const auto gone = locked(t.lock, [&] {
    ready = core_type::front::note_idle(t, seen);
    unneeded = t.home.least_resident;
    note_peak(t, rules);
    return surplus(c, t, ready, rules);
  });
  const bool stays = keeps_slabs(c, evict_reason::aged);
  const auto blocks =
      c.evict(tier, ready - gone, stays ? evict_reason::purged : evict_reason::aged, gone);
  if (stays) {
    purge_parked(c, tier, unneeded + blocks, aged_pages(c) == purge_mode::lazy);
  }
  return blocks;
}

/// Notes the recent peak of a tier at a tick. The tier's lock is held.
template <class Config>
void upkeep<Config>::note_peak(tier_type& t, const tick_rules& rules) noexcept {
  // Blocks on an index stack are not home. Blocks that lay there all the time were not in use
  // either.
  const std::uint64_t never_needed = t.home.magazines.lowest;
  // Another tick may have begun since they were counted, after they went home.
  const auto stacked = core_type::front::is_stack ? min_of(never_needed, t.home.tick_away) : 0;
  t.ageing.peak = max_of(faded(t.ageing.peak, rules.passed), t.home.tick_away - stacked);
  const bool all_needed = t.home.least_home == 0 && never_needed == 0;
  if (all_needed || rules.passed == 0) t.ageing.needed_at = rules.now;
  t.ageing.ticked_at = rules.now;
}

/// Begins to record what is needed until the next tick.
template <class Config>
void upkeep<Config>::begin(core_type& c, const tick_rules& rules) noexcept {
  // Blocks that no thread takes from the depot again are unused.
  c.flush_all();
  for (std::uint32_t i = 0; i != c.tier_count_; ++i) {
    auto& t = c.tiers_[i];
    locked(t.lock, [&] {
      if (rules.passed == 0) note_peak(t, rules);
      t.home.magazines.lowest = t.home.ready();  // 0 under lock_free, which marks blocks instead
      t.home.least_home = t.home.home();
      t.home.least_resident = t.home.resident();
      t.home.tick_away = t.home.live() - t.home.home();
      t.home.carve_misses = 0;
    });
    c.evict_excess(i);
    core_type::front::mark_idle(c, i);  // last: evicting pushes blocks again
  }
}

}  // namespace tarn::detail
