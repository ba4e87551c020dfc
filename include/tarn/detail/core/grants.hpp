// SPDX-License-Identifier: MIT
#pragma once

// Which caches of a thread get the bytes that they may hold together.

#include <tarn/detail/core/budget.hpp>
#include <tarn/detail/core/core.hpp>
#include <tarn/detail/frontend/exchange.hpp>

namespace tarn::detail {

/// Grants the budget of a thread to the tiers that the thread uses.
///
/// The caches of a thread begin without room. At its first use a tier gets two magazines' worth or
/// one block, then half as much again each time that a get finds its cache empty and the depot not.
/// So a fill, which brings half of what fits, brings as many blocks as were too few before. Room
/// that a cache does not use goes to the caches that need it. The room of a cache that was not used
/// at all goes back at a tick, and when the others ask for it often.
///
/// Only the owner of a shard changes its limits, so no cache holds more than it was granted, and
/// all of them no more than the budget; see `fit` for the exception.
template <class Config>
struct grants {
  using core_type = core<Config>;
  using tier_type = core_tier<Config>;
  using shard_type = typename core_type::shard_type;
  using budget = budgets<Config>;

  /// Fits the limits of the shard's caches to the number of threads and to the bounds. A cache that
  /// must shrink keeps its blocks until its thread uses it again.
  static void fit(core_type& c, shard_type* s) noexcept {
    if (s->tiers == 0) return;  // the shard has no caches
    const auto threads = max_of<std::size_t>(c.registry_->threads(), 1);
    // (2) acquire, pairs with (1): a thread that sees the number sees the bounds. A thread that
    // misses it sees it on a later slow path.
    const auto bounds = c.bounds_.load(std::memory_order::acquire);
    if (s->seen_threads == threads && s->seen_bounds == bounds) return;
    const bool is_new = s->seen_threads == 0;
    s->seen_threads = threads;
    s->seen_bounds = bounds;
    const auto bytes = budget::bytes_of(c, threads);
    const auto share = budget::share_of(c, bytes);
    std::size_t granted = 0;
    for (std::uint32_t t = 0; t != s->tiers; ++t) {
      auto& limit = s->cache_of(t).limit;
      if (is_new) {
        limit =
            begins_with_room<typename core_type::env> ? room_for(c.tiers_[t].home.shape.stride) : 0;
      }
      limit = min_of(limit, budget::most_of(c, t, share));
      granted += limit * c.tiers_[t].home.shape.stride;
    }
    // If it is too much now, all tiers lose the same part, in steps of 1/1024.
    const auto part = granted > bytes ? bytes / (granted / 1024 + 1) : 1024;
    s->budget.left = bytes;
    for (std::uint32_t t = 0; t != s->tiers; ++t) {
      auto& limit = s->cache_of(t).limit;
      limit = static_cast<std::uint32_t>(limit * part / 1024);
      s->budget.left -= limit * c.tiers_[t].home.shape.stride;
    }
  }

  /// No lock is held. Returns: the calling thread's shard, with limits that fit; null if it has no
  /// shard.
  static shard_type* fit_own(core_type& c) noexcept {
    take_back_unused(c);
    shard_type* const s = c.find_shard();
    if (s != nullptr) fit(c, s);
    return s;
  }

  /// Under the lock of the tier, whose cache the caller owns: a get found the cache empty. If the
  /// depot has blocks, a larger cache would have spared the way here.
  static void grant_to_get(core_type& c, tier_type& t) noexcept {
    const bool has_more =
        t.home.ready() != 0 || (!c.settings_.keeps_objects && t.home.parked() != 0);
    shard_type* const s = has_more ? user_of(c, t) : nullptr;
    if (s == nullptr) return;
    const auto& cache = s->cache_of(t.home.shape.number);
    auto& mark = s->marks()[t.home.shape.number];
    mark.full_puts = 0;
    mark.word_at_shortage = mark.was_used;
    const auto fetched = min_of(mark.fetch_again, batch_of(t.home, cache));
    mark.fetch_again -= fetched;
    grant(c, t, *s, fetched != 0 ? 0 : max_of(cache.limit / 2, 1U));
  }
  /// The same: a put found the cache full. A cache that is often full and never empty gets no
  /// block that its thread needs, so its room shrinks.
  static void grant_to_put(core_type& c, tier_type& t) noexcept {
    shard_type* const s = user_of(c, t);
    if (s == nullptr) return;
    auto& limit = s->cache_of(t.home.shape.number).limit;
    auto& mark = s->marks()[t.home.shape.number];
    mark.word_at_shortage = mark.was_used;
    const auto first = room_for(t.home.shape.stride);
    if (limit < first) return grant(c, t, *s, 0);
    if (limit == first || ++mark.full_puts < most_full_puts) return;
    mark.full_puts = 0;
    const auto less = min_of(limit - first, max_of(limit / 4, 1U));
    limit -= less;
    s->budget.left += less * t.home.shape.stride;
  }

  /// The cache of the calling thread was emptied by upkeep, which is no sign that it is too small.
  static void note_flush(core_type& c, std::uint32_t tier) noexcept {
    shard_type* const s = c.find_shard();
    if (s != nullptr && s->tiers != 0) s->marks()[tier].fetch_again = s->cache_of(tier).limit;
  }
  /// Takes the room of an empty cache of the calling thread back, but for that of `kept` blocks.
  static void take_back(core_type& c, std::uint32_t tier, std::uint32_t kept = 0) noexcept {
    shard_type* const s = c.find_shard();
    if (s == nullptr || s->tiers == 0 || s->cache_of(tier).level() != 0) return;
    auto& limit = s->cache_of(tier).limit;
    const auto less = limit - min_of(limit, kept);
    s->budget.left += less * c.tiers_[tier].home.shape.stride;
    limit -= less;
  }

 private:
  /// If grants were often too small: takes the room of caches back that were not used since the
  /// last time. If tiers did not even get what each gets at first, also takes back what the others
  /// got later. No lock is held.
  static void take_back_unused(core_type& c) noexcept {
    bool flushed = false;
    bool to_first = false;
    for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
      // Looked up each time: a lock may have moved a fiber to a thread that has another shard.
      shard_type* const s = c.find_shard();
      if (s == nullptr || s->tiers == 0 || (t == 0 && s->budget.shortages < most_shortages)) return;
      if (t == 0) to_first = s->budget.is_below_first;
      s->budget.shortages = 0;
      s->budget.is_below_first = false;
      auto& mark = s->marks()[t];
      const auto word = s->cache_of(t).word.load(std::memory_order::relaxed);  // by its owner
      const bool was_used = mark.word_at_shortage != word;
      mark.word_at_shortage = word;
      const auto first = room_for(c.tiers_[t].home.shape.stride);
      const auto kept = !was_used ? 0 : to_first ? first : ~0U;
      if (s->cache_of(t).limit <= kept) continue;
      if (s->cache_of(t).level() != 0) {
        c.flush(t);
        flushed = true;
      }
      take_back(c, t, kept);
    }
    if (flushed) upkeep<Config>::evict_above_bounds(c);
  }

  static constexpr std::uint32_t most_full_puts = 16;
  static constexpr std::uint32_t most_shortages = 1024;
  static constexpr std::uint32_t urgent_shortage = 64;  // counts as many

  /// Returns: the calling thread's shard; null if its cache of `t` may get no room: the thread has
  /// no caches, the pool is closed, or another thread waits for a block.
  [[nodiscard]] static shard_type* user_of(core_type& c, tier_type& t) noexcept {
    shard_type* const s = c.find_shard();
    return s != nullptr && s->tiers != 0 && !t.home.closed && !t.home.waited ? s : nullptr;
  }
  /// Gives a cache room for `more` blocks, or as much as a tier gets at first.
  static void grant(core_type& c, tier_type& t, shard_type& s, std::uint32_t more) noexcept {
    const auto number = t.home.shape.number;
    const auto stride = t.home.shape.stride;
    auto& limit = s.cache_of(number).limit;
    const auto first = room_for(stride);
    const bool is_first = limit < first;
    // The first blocks of a tier are always worth a search, a larger cache is now and then.
    const bool searches = is_first || s.budget.shortages % 8 == 0;
    if (!searches && s.budget.left < more * stride) {
      ++s.budget.shortages;
      return;
    }
    const auto most =
        budget::most_of(c, number, budget::share_of(c, budget::bytes_of(c, s.seen_threads)));
    if (limit >= most) return;
    const auto wanted = min_of(is_first ? first - limit : more, most - limit);
    if (searches && s.budget.left < wanted * stride) gather(c, s, number, wanted * stride);
    const auto blocks =
        static_cast<std::uint32_t>(min_of<std::size_t>(wanted, s.budget.left / stride));
    if (blocks != wanted) s.budget.shortages += is_first ? urgent_shortage : 1;
    limit += blocks;
    if (limit < min_of(first, most)) s.budget.is_below_first = true;
    s.budget.left -= blocks * stride;
  }
  /// Takes half of the room that each other cache does not use, until `bytes` are left to grant.
  /// Each keeps what it got at first: the default budget is enough for that in all tiers.
  static void gather(core_type& c, shard_type& s, std::uint32_t number,
                     std::size_t bytes) noexcept {
    for (std::uint32_t n = 0; n != s.tiers && s.budget.left < bytes; ++n) {
      const auto tier = s.budget.next++ % s.tiers;
      auto& cache = s.cache_of(tier);
      const auto stride = c.tiers_[tier].home.shape.stride;
      const auto kept = max_of(cache.level(), room_for(stride));
      if (tier == number || cache.limit <= kept) continue;
      const auto wanted = (bytes - s.budget.left + stride - 1) / stride;
      const auto blocks =
          static_cast<std::uint32_t>(min_of<std::size_t>((cache.limit - kept + 1) / 2, wanted));
      cache.limit -= blocks;
      s.budget.left += blocks * stride;
    }
  }
};

}  // namespace tarn::detail
