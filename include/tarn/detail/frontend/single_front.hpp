// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/frontend/cached_front.hpp>
#include <tarn/detail/frontend/shard.hpp>

namespace tarn::detail {

/// One cache per tier, which the tier's lock guards together with the depot: for a user's lock, and
/// for pools of one thread.
template <class Config>
struct single_front : cached_front<Config> {
  using base = cached_front<Config>;
  using base::mark;
  using typename base::cache_type;
  using typename base::core_type;
  using typename base::env;
  using typename base::tier_type;

  static constexpr bool has_shards = false;

  struct tier_part {
    cache_type cache;
    no_counts counts;
    // Under `max_bytes`: the blocks that the cache may hold, and the most that it may be granted.
    typename env::template atomic<std::uint32_t> granted{~std::uint32_t{0}};
    std::uint32_t most_granted = 0;

    void destroy(const tier_shape& shape) noexcept {
      // Null, and the stride not set, if there was no memory for the core.
      if (cache.rounds != nullptr) shape.own.destroy_array(cache.rounds, room_for(shape.stride));
    }
  };
  /// Throws: `std::bad_alloc`.
  static void prepare(tier_type& t) {
    using cell = typename cache_type::template cell<void*>;
    const auto& shape = t.home.shape;
    t.cache.rounds = shape.own.template make_array<cell>(room_for(shape.stride));
    if (t.cache.rounds == nullptr) throw std::bad_alloc();
  }

  template <class Shard>
  [[nodiscard]] static cache_type* cache_of(tier_type& t, Shard*) noexcept {
    return &t.cache;
  }
  [[nodiscard]] static cache_type* own_cache(core_type&, tier_type& t) noexcept { return &t.cache; }

  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop(core_type& c, std::size_t tier, Shard*) {
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] { return t.cache.template pop<mark>(); });
  }
  template <class Shard>
  [[nodiscard]] static bool has_next(core_type& c, std::size_t tier, Shard*) noexcept {
    return !Config::is_shared && c.tiers_[tier].cache.level() != 0;
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push(core_type& c, Shard*, std::size_t tier,
                                                   void* block) noexcept {
    tell_put(c.recorder_, c.named_tiers_, static_cast<std::uint32_t>(tier));
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] { return t.cache.template push<mark>(block); });
  }
  /// Takes all of `count` blocks out of the cache, or none. Returns: whether it took them.
  [[nodiscard]] static bool pop_bulk(core_type& c, std::uint32_t tier, void** blocks,
                                     std::size_t count) noexcept {
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] {
      return t.cache.level() >= count && t.cache.template pop_bulk<mark>(blocks, count) == count;
    });
  }
  /// Counts blocks of the cache that were held, where that needs no lock.
  [[nodiscard]] static bool count_cached(core_type&, tier_type&, std::size_t) noexcept {
    return false;
  }
  /// Returns: how many of the blocks it took home; it told the recorder of these.
  static std::size_t give_bulk(core_type& c, std::uint32_t tier, void* const* blocks,
                               std::size_t count) noexcept {
    auto& t = c.tiers_[tier];
    for (std::size_t i = 0; i != count; ++i)
      c.note_put(c.recorder_, tier, blocks[i]);
    for (std::size_t given = 0; given != count;) {
      given += locked(t.lock, [&] { return t.cache.push_bulk(blocks + given, count - given); });
      if (given != count) c.give_slow(tier, blocks[given++]);
    }
    return count;
  }

  static void prepare_get(core_type& c) { c.join_recorders(); }
  static void follow_orders(core_type&) noexcept {}
  static void put(core_type& c, std::uint32_t tier, void* block) noexcept {
    base::put_past_cache(c, tier, block);
  }
  template <class Shard>
  [[nodiscard]] static bool has_caches(core_type&, Shard*) noexcept {
    return true;
  }
  static void drain(core_type& c) noexcept { c.flush_all(); }
  template <class Shard>
  static void leave(core_type&, Shard*) noexcept {}
  static void renew(core_type&) noexcept {}
  static void order_tick(core_type&) noexcept {}

  /// Under the lock. The bound holds for cache and depot together, so the cache's limit depends on
  /// the ready blocks in the depot.
  static void refit(tier_type& t) noexcept {
    const auto ready = t.home.ready();
    const auto left = t.home.bound > ready ? t.home.bound - ready : 0;
    const auto room = min_of(room_for(t.home.shape.stride), granted(t));
    const auto limit = t.home.closed || t.home.waited ? 0 : min_of<std::uint64_t>(room, left);
    t.cache.limit = static_cast<std::uint32_t>(limit);
  }
  /// A put into a cache does not look at `max_bytes`. So a cache has room only for what it was
  /// granted, which counts as idle; a tier that is in use gets its grant from what is left then.
  static void prepare_all(core_type& c) noexcept {
    if (!c.settings_.bounds_idle_bytes) return;
    for (std::uint32_t i = 0; i != c.tier_count_; ++i) {
      auto& t = c.tiers_[i];
      const auto share = c.settings_.max_idle_bytes / 2 / c.tier_count_ / t.home.shape.stride;
      t.most_granted =
          static_cast<std::uint32_t>(min_of<std::size_t>(share, room_for(t.home.shape.stride)));
      t.granted.store(0, std::memory_order::relaxed);  // no other thread uses the core yet
      refit(t);
    }
  }
  /// Under the lock.
  static void grow_cache(core_type& c, tier_type& t) noexcept {
    const auto now = granted(t);
    if (now >= t.most_granted) return;
    const auto number = t.home.shape.number;
    const auto more =
        min_of<std::uint64_t>(t.most_granted - now, bounds<Config>::room_for_idle(c, number));
    t.granted.store(now + static_cast<std::uint32_t>(more), std::memory_order::relaxed);  // a bound
    refit(t);
  }
  [[nodiscard]] static std::uint32_t granted(const tier_type& t) noexcept {
    return t.granted.load(std::memory_order::relaxed);  // a bound, which may be seen late
  }
  [[nodiscard]] static std::size_t cached_bytes(const core_type& c) noexcept {
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i != c.tier_count_; ++i)
      bytes += granted(c.tiers_[i]) * c.tiers_[i].home.shape.stride;
    return bytes;
  }
  [[nodiscard]] static std::uint64_t beside_depot(const tier_type& t) noexcept {
    return t.cache.level();
  }
  static void note_bound(tier_type&, std::uint64_t) noexcept {}
  [[nodiscard]] static std::uint64_t most_cached(const tier_type&) noexcept { return 0; }
  static void apply_bound(core_type& c, std::uint32_t tier, std::uint64_t) noexcept {
    c.flush(tier);
    c.evict_excess(tier, evict_reason::trimmed);
  }

  template <class Action>
  static void for_each_cache(const core_type&, tier_type& t, Action&& action) {
    action(static_cast<const cache_type&>(t.cache));
  }
  /// The caller's shard where the hit path does not see it.
  [[nodiscard]] static auto hidden_shard(core_type&) noexcept {
    return static_cast<typename core_type::shard_type*>(nullptr);
  }
};

struct single_shape {
  static constexpr bool has_shards = false;
  static constexpr bool has_recorder_shards = false;
  template <class Config>
  using front = single_front<Config>;
};

}  // namespace tarn::detail
