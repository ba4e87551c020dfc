// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/frontend/cached_front.hpp>
#include <tarn/detail/frontend/registry.hpp>
#include <tarn/detail/frontend/shard.hpp>

namespace tarn::detail {

/// A cache per thread and tier, its shard, which the thread enters without a lock. The tier's lock
/// guards the depot only.
template <class Config>
struct per_thread_front : cached_front<Config> {
  using base = cached_front<Config>;
  using base::mark;
  using typename base::cache_type;
  using typename base::core_type;
  using typename base::env;
  using typename base::tier_type;
  using shard_type = shard<env, typename Config::recorder>;

  static constexpr bool has_shards = true;
  static constexpr bool closes_itself = true;  // by the null shard
  // A recorder needs the tier itself, which costs more without the comparison.
  static constexpr bool has_gap = std::is_empty_v<typename Config::recorder>;

  struct tier_part {
    no_counts counts;
    typename env::template atomic<std::uint64_t> most_cached{~std::uint64_t{0}};

    void destroy(const tier_shape&) noexcept {}
  };
  static void prepare(tier_type&) noexcept {}

  /// A copy of the place, so that the hit path needs no pointer to the core.
  struct entrance {
    typename env::template atomic<std::uintptr_t> place{0};
    void set(std::uintptr_t to) noexcept { place.store(to, std::memory_order::relaxed); }
  };
  template <class Core>
  [[nodiscard]] TARN_FORCE_INLINE static const auto& place_in(const entrance& e, Core&) noexcept {
    return e.place;
  }

  [[nodiscard]] static cache_type* cache_of(tier_type& t, shard_type* s) noexcept {
    return s != nullptr ? &s->cache_of(t.home.shape.number) : nullptr;
  }
  [[nodiscard]] static cache_type* own_cache(core_type& c, tier_type& t) noexcept {
    return cache_of(t, c.find_shard());
  }

  /// Preconditions: `s` is the caller's shard, or the null shard.
  [[nodiscard]] TARN_FORCE_INLINE static void* pop(core_type&, std::size_t place, shard_type* s) {
    return in_register(s->caches() + place)->template pop<mark>();
  }
  [[nodiscard]] static bool has_next(core_type&, std::size_t place, shard_type* s) noexcept {
    // The null shard has no recorder, so its caches do not lie where those of `s` would.
    return !(core_type::has_recorders && s->is_null) && s->caches()[place].level() != 0;
  }
  [[nodiscard]] TARN_FORCE_INLINE static bool push(core_type& c, shard_type* s, std::size_t place,
                                                   void* block) noexcept {
    if (core_type::has_recorders && s->is_null) [[unlikely]]
      return false;
    if (!in_register(s->caches() + place)->template push<mark>(block)) [[unlikely]]
      return false;
    tell_put(s->recorder, c.named_tiers_, static_cast<std::uint32_t>(place));
    return true;
  }
  [[nodiscard]] static bool pop_bulk(core_type& c, std::uint32_t tier, void** blocks,
                                     std::size_t count) noexcept {
    shard_type* const s = c.own_shard();
    if (s == nullptr || s->cache_of(tier).level() < count) return false;
    return s->cache_of(tier).template pop_bulk<mark>(blocks, count) == count;
  }
  /// Of no use if the cache holds too few: the depot is needed then, and the lock.
  static void hold_ready(core_type& c, tier_type& t, void** blocks, std::size_t count,
                         held_blocks& held) noexcept {
    shard_type* const s = c.own_shard();
    if (s == nullptr || s->cache_of(t.home.shape.number).level() < count) return;
    held.ready = held.cached = s->cache_of(t.home.shape.number).hold(blocks, count);
  }
  [[nodiscard]] static bool count_cached(core_type& c, tier_type& t, std::size_t n) noexcept {
    shard_type* const s = c.own_shard();
    if (s != nullptr) s->cache_of(t.home.shape.number).passed_out(mark, n);
    return s != nullptr;
  }
  static std::size_t give_bulk(core_type& c, std::uint32_t tier, void* const* blocks,
                               std::size_t count) noexcept {
    std::size_t given = 0;
    while (given != count) {
      shard_type* const s = c.own_shard();
      if (s == nullptr) break;
      const auto n = s->cache_of(tier).push_bulk(blocks + given, count - given);
      for (std::size_t i = 0; i != n; ++i)
        c.note_put(s->recorder, tier, blocks[given + i]);  // no other thread enters this cache
      given += n;
      if (given != count) c.give_slow(tier, blocks[given++]);
    }
    return given;
  }

  /// Before a get looks at the depot.
  static void prepare_get(core_type& c) {
    if (c.find_shard() == nullptr) return c.join_recorders();
    c.follow_orders();  // may take the shard away
    // relaxed: a hint; the shard lock publishes the shard.
    if (c.shard_wanted_.load(std::memory_order::relaxed) &&
        c.shard_wanted_.exchange(false, std::memory_order::relaxed)) {
      c.make_spare_shard();
    }
    if (shard_type* const s = grants<Config>::fit_own(c)) {
      if (c.waiting().any()) flush_filled(c, *s);
    }
  }
  static void follow_orders(core_type& c) noexcept { c.follow_orders(); }
  static void put(core_type& c, std::uint32_t tier, void* block) noexcept {
    c.follow_orders();
    shard_type* s = c.attach(false);
    c.with_recorder([&](auto& recorder) { c.note_put(recorder, tier, block); });
    const bool waited = c.waiting().any();
    if (s != nullptr) {
      if (!waited && s->cache_of(tier).template push<mark>(block)) return;
      // What came into this cache before is for those who wait, too. The block keeps the core.
      s = grants<Config>::fit_own(c);
      if (waited && s != nullptr) flush_filled(c, *s);
    }
    base::put_past_cache(c, tier, block);
  }
  template <class Shard>
  static void flush(core_type& c, std::uint32_t tier, Shard* left) noexcept {
    base::flush(c, tier, left);
    if (left == nullptr) grants<Config>::note_flush(c, tier);
  }
  static void flush_filled(core_type& c, shard_type& s) noexcept {
    for (std::uint32_t i = 0; i != s.tiers; ++i) {
      if (s.cache_of(i).level() != 0) c.flush(i);
    }
  }
  [[nodiscard]] static bool has_caches(core_type& c, shard_type* left) noexcept {
    return left != nullptr || c.find_shard() != nullptr;
  }
  static void drain(core_type& c) noexcept {
    // relaxed: `give_order` publishes it.
    c.drains_.fetch_add(1, std::memory_order::relaxed);
    c.registry_->give_order(c);
    c.follow_orders();
  }
  static void leave(core_type& c, shard_type* s) noexcept {
    c.flush_all(s);
    upkeep<Config>::evict_above_bounds(c);
  }
  /// Follows drains and ticks that came since this thread looked last.
  static void renew(core_type& c) noexcept {
    shard_type* const s = c.find_shard();
    if (s == nullptr) return;
    const auto drains = c.drains_.load(std::memory_order::relaxed);  // the order published it
    if (s->seen_drains == drains) return upkeep<Config>::flush_idle(c);
    s->seen_drains = drains;
    for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
      // The blocks in the depot now came after the drain: `reset_and_drain` made them ready, or
      // other threads put them. Only the blocks of this cache are to go.
      const auto later = c.ready_of(t);
      c.flush(t);
      c.evict(t, later, evict_reason::trimmed);
    }
  }
  static void order_tick(core_type& c) noexcept {
    // relaxed: `give_order` publishes it.
    c.upkeep_.ticks.fetch_add(1, std::memory_order::relaxed);
    c.registry_->give_order(c);
  }

  static void begin_waiting(core_type& c) noexcept {
    if (shard_type* const s = c.find_shard()) flush_filled(c, *s);
  }
  /// Takes the shards off the hit path, and orders the threads to empty them: each does so in its
  /// next get or put. A put that is under way may still go into a cache of its thread.
  static void divert(core_type& c, bool on) noexcept {
    base::divert(c, on);
    if (c.slot_number_ == 0) return;
    c.publish_place(!on);
    if (!on) return;
    // relaxed: `give_order` publishes it.
    c.drains_.fetch_add(1, std::memory_order::relaxed);
    c.registry_->give_order(c);
  }

  static void refit(tier_type&) noexcept {}
  static void grow_cache(core_type& c, tier_type& t) noexcept {
    grants<Config>::grant_to_put(c, t);
  }
  static void widen_cache(core_type& c, tier_type& t) noexcept {
    grants<Config>::grant_to_get(c, t);
  }
  [[nodiscard]] static std::uint64_t beside_depot(const tier_type&) noexcept { return 0; }
  static void note_bound(tier_type& t, std::uint64_t blocks) noexcept {
    t.most_cached.store(blocks, std::memory_order::relaxed);  // see grants::fit
  }
  [[nodiscard]] static std::uint64_t most_cached(const tier_type& t) noexcept {
    return t.most_cached.load(std::memory_order::relaxed);
  }
  static void apply_bound(core_type& c, std::uint32_t tier, std::uint64_t) noexcept {
    grants<Config>::fit_own(c);
    c.flush(tier);
    c.evict_excess(tier, evict_reason::trimmed);
  }

  template <class Action>
  static void for_each_cache(const core_type& c, tier_type& t, Action&& action) {
    // (2) acquire, pairs with (1) in core::make_shard: a shard that is seen is complete.
    for (auto* s = c.shards_.load(std::memory_order::acquire); s != nullptr; s = s->next)
      action(static_cast<const cache_type&>(s->cache_of(t.home.shape.number)));
  }
  [[nodiscard]] static shard_type* hidden_shard(core_type& c) noexcept {
    return c.own_shard() == nullptr ? c.find_shard() : nullptr;
  }
};

struct per_thread_shape {
  static constexpr bool has_shards = true;
  static constexpr bool has_recorder_shards = false;
  template <class Config>
  using front = per_thread_front<Config>;
};

}  // namespace tarn::detail
