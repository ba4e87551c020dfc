// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/base/settings.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/depot/depot.hpp>
#include <tarn/detail/frontend/cached_holds.hpp>
#include <tarn/detail/frontend/exchange.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>

namespace tarn::detail {

/// What a front end has seen of the ready blocks that it holds itself.
struct stack_view {
  std::uint64_t ready = 0;
  std::uint64_t still = 0;  // of these, those that no get took since the last tick
};

/// A front end is what stands before the depots of a core: caches or stacks, and who may enter
/// them. The core asks it for everything that depends on that; `Config::shape` chooses it.
///
/// This is the part that front ends with caches have in common: ready blocks lie in the depot, and
/// the blocks of a cache are not home. All functions are those of the core `c`, or of its tier `t`
/// with the tier's lock held where that is said.
template <class Config>
struct cached_front : cached_holds<Config> {
  using core_type = core<Config>;
  using tier_type = core_tier<Config>;
  using env = typename Config::env;
  using cache_type = tier_cache<env>;
  using slab_type = slab<env>;
  using acquired_type = acquired<env>;

  static constexpr std::uint64_t mark = Config::counts ? one_get : 0;
  /// Whether slabs carry links, and the ready blocks lie outside the depot.
  static constexpr bool is_stack = false;
  /// Whether the hit path can be closed without a test of its own, by what `pop_hot` finds.
  static constexpr bool closes_itself = false;
  /// Whether `pop_hot` and `push_hot` may be asked for any cache up to the end of a gap.
  static constexpr bool has_gap = false;
  static constexpr std::size_t depot_alignment = 64;

  /// What the front end keeps of the whole core.
  struct core_part {};
  static void dismantle(core_type&) noexcept {}

  /// What a pool object keeps of the place of its threads' shards: nothing here.
  struct entrance {
    void set(std::uintptr_t) noexcept {}
  };
  template <class Core>
  [[nodiscard]] TARN_FORCE_INLINE static const auto& place_in(const entrance&, Core& c) noexcept {
    return c.hot_place();
  }

  // Gets.

  /// `pop` and `push` of requests whose block needs no further work.
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop_hot(core_type& c, std::size_t place, Shard* s) {
    return core_type::front::pop(c, place, s);
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push_hot(core_type& c, Shard* s, std::size_t place,
                                                       void* block) noexcept {
    return core_type::front::push(c, s, place, block);
  }
  /// Whether the next `pop` from this cache is certain to find a block: only the calling thread
  /// enters it, and it is not empty.
  template <class Shard>
  [[nodiscard]] static bool has_next(core_type&, std::size_t, Shard*) noexcept {
    return false;
  }
  /// Opens or closes `pop_hot` and `push_hot`.
  static void open_hot(core_type&, bool) noexcept {}
  /// The part of `pop` that is not worth inlining.
  [[nodiscard]] static void* pop_again(core_type&, std::uint32_t) noexcept { return nullptr; }
  /// Under the lock. Returns: whether there was a block, which is counted then.
  [[nodiscard]] static bool take_ready(core_type& c, tier_type& t, acquired_type& got) noexcept {
    cache_type* const cache = c.own_cache(t);
    if (cache == nullptr) return false;
    got = {cache->template pop<mark>()};
    if (got.block != nullptr) return true;
    core_type::front::widen_cache(c, t);
    if (cache->limit == 0 || t.home.waited) return false;  // the rest is for those who wait
    const auto ready_before = t.home.ready();
    if (refill(t.home, *cache, !c.settings_.keeps_objects) == 0) return false;
    c.moved_bytes(t, static_cast<std::int64_t>(t.home.ready() - ready_before));
    c.refit(t);
    got = {cache->template pop<mark>()};
    return true;
  }
  /// Under the lock: a block that `take_ready` did not find.
  [[nodiscard]] static acquired_type take_home(tier_type& t) noexcept { return t.home.take(); }
  /// Under the lock: takes a ready block to carve it. Returns: null if no block is ready here.
  [[nodiscard]] static void* take_to_carve(core_type& c, tier_type& t) noexcept {
    cache_type* const cache = c.own_cache(t);
    return cache != nullptr ? cache->take_home() : nullptr;
  }
  /// Under the lock: counts gets (a put) of blocks that were in no cache.
  static void count_get(core_type& c, tier_type& t, std::size_t n = 1) noexcept {
    if (cache_type* const cache = c.own_cache(t)) return cache->passed_out(mark, n);
    if (mark != 0) t.home.count.gets += n;
  }
  static void count_put(core_type& c, tier_type& t) noexcept {
    if (cache_type* const cache = c.own_cache(t)) return cache->passed_home();
    if (mark != 0) ++t.home.count.puts;
  }

  // Puts.

  /// For a block that the hit path did not take. The recorder has been told.
  static void put_past_cache(core_type& c, std::uint32_t tier, void* block) noexcept {
    auto& t = c.tiers_[tier];
    bool excess = false;
    bool closed = false;
    bool waited = false;
    {
      const guard<typename core_type::lock_type> hold(t.lock);
      closed = t.home.closed;
      waited = t.home.waited && !closed;
      if (closed) {
        count_put(c, t);
      } else {
        excess = core_type::front::put_locked(c, t, block);
      }
      c.refit(t);
      // The block may be home now, and with it the last reason for the core to stay.
      excess = excess && t.home.ready() > c.ready_to_keep(t);
      if (excess || waited) c.pin();
    }
    if (closed) return c.bring_home(tier, block);
    if (waited) c.waiting().call(tier);  // first: an eviction calls again
    if (excess) c.evict_excess(tier);
    if (excess || waited) c.drop_life();
  }
  /// Under the lock: counts a put and takes its block into the cache, which is emptied in part if
  /// it is full, or into the depot. Returns: whether blocks came into the depot.
  [[nodiscard]] static bool put_locked(core_type& c, tier_type& t, void* block) noexcept {
    core_type::front::grow_cache(c, t);
    cache_type* const cache = c.own_cache(t);
    if (cache == nullptr || cache->limit == 0 || t.home.waited) {
      put_ready_locked(c, t, block);
      count_put(c, t);
      return true;
    }
    const bool is_full = cache->level() >= cache->limit;
    if (is_full) {
      const auto amount = max_of(cache->level() - cache->limit + 1,
                                 min_of(batch_of(t.home, *cache), cache->level()));
      absorb(t.home, *cache, amount);
      c.moved_bytes(t, amount);
    }
    static_cast<void>(cache->template push<mark>(block));
    return is_full;
  }
  static void put_ready_locked(core_type& c, tier_type& t, void* block) noexcept {
    t.home.magazines.put(block);
    c.moved_bytes(t, 1);
  }
  /// Makes a block that holds what a get expects ready. Returns: false if the core is closed.
  [[nodiscard]] static bool put_ready(core_type& c, std::uint32_t tier, void* block) noexcept {
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] {
      if (t.home.closed) return false;
      put_ready_locked(c, t, block);
      c.refit(t);
      return true;
    });
  }

  // Idle memory.

  /// Empties the calling thread's cache of one tier, or that of the shard `left`, which only this
  /// call uses.
  template <class Shard>
  static void flush(core_type& c, std::uint32_t tier, Shard* left) noexcept {
    auto& t = c.tiers_[tier];
    for (;;) {
      void* block = nullptr;
      {
        const guard<typename core_type::lock_type> hold(t.lock);
        cache_type* const cache =
            left != nullptr ? core_type::front::cache_of(t, left) : c.own_cache(t);
        const auto level = cache != nullptr ? cache->level() : 0;
        if (level == 0) return;
        if (!t.home.closed) {
          absorb(t.home, *cache, level);
          c.moved_bytes(t, level);
          c.refit(t);
        } else {
          block = cache->take_home();
        }
      }
      if (block == nullptr) return c.waiting().call(tier);
      if (c.settings_.keeps_objects) c.dispose(block);
      c.park_home(tier, block);
    }
  }
  /// The same for all tiers.
  template <class Shard>
  static void flush_all(core_type& c, Shard* left) noexcept {
    if (!core_type::front::has_caches(c, left)) return;
    for (std::uint32_t t = 0; t != c.tier_count_; ++t)
      c.flush(t, left);
  }

  static std::size_t evict(core_type& c, std::uint32_t tier, std::uint64_t keep, evict_reason why,
                           std::uint64_t most) noexcept {
    return c.evict_ready(tier, keep, why, most);
  }
  /// Under the lock: takes a ready block out, which is no get. Returns: null if none is ready.
  [[nodiscard]] static void* take_idle(core_type& c, tier_type& t) noexcept {
    if (t.home.ready() == 0) return nullptr;
    c.moved_bytes(t, -1);
    return t.home.magazines.take();
  }
  /// Under the lock: the reverse of `take_idle`. Returns: whether the block is ready now.
  [[nodiscard]] static bool put_idle(core_type& c, tier_type& t, void* block) noexcept {
    put_ready_locked(c, t, block);
    return true;
  }
  /// Under the lock: ready blocks in the front end, if it counts them.
  [[nodiscard]] static std::uint64_t counted_stacked(const tier_type&) noexcept { return 0; }
  /// Under the lock: what `close` has to give home, for `give_home`.
  [[nodiscard]] static std::uint32_t seal(core_type&, tier_type&) noexcept { return 0; }
  static void give_home(core_type&, std::uint32_t, std::uint32_t) noexcept {}
  /// Looks at ready blocks before a tick, and marks those that lie there after it.
  [[nodiscard]] static stack_view look(const core_type&, std::uint32_t) noexcept { return {}; }
  static void mark_idle(core_type&, std::uint32_t) noexcept {}
  /// Under the lock. Returns: the ready blocks.
  [[nodiscard]] static std::uint64_t note_idle(tier_type& t, const stack_view&) noexcept {
    return t.home.ready();
  }

  // Waiting.

  /// Makes every put come to the lock of its tier, or no longer. The gate is held.
  static void divert(core_type& c, bool on) noexcept {
    for (std::uint32_t i = 0; i != c.tier_count_; ++i) {
      auto& t = c.tiers_[i];
      locked(t.lock, [&] {
        t.home.waited = on;
        core_type::front::end_waiting(t);
        c.refit(t);
      });
    }
  }
  /// Gives the blocks that only the calling thread can reach to those who wait, before it sleeps.
  static void begin_waiting(core_type&) noexcept {}
  /// Under the lock of a tier that no request waits for any more.
  static void end_waiting(tier_type&) noexcept {}
  /// Before a look: makes sure that each put from here on comes to the lock; that of `tier`, or of
  /// all tiers. Returns: false if a tier has idle blocks that make this impossible.
  [[nodiscard]] static bool arm(core_type&, std::uint32_t, bool) noexcept { return true; }

  // Fork. Around the locks of the tiers; in the child also before they are released.

  static void lock(core_type&) noexcept {}
  static void unlock(core_type&) noexcept {}
  static void forget_threads(core_type&) noexcept {}

  // Bounds and slabs.

  /// Under the lock: blocks in caches that the calling thread can empty.
  [[nodiscard]] static std::uint64_t reachable(core_type& c, tier_type& t) noexcept {
    const cache_type* const cache = c.own_cache(t);
    return cache != nullptr ? cache->level() : 0;
  }
  /// Under the lock: the most blocks that may be ready.
  [[nodiscard]] static std::uint64_t bound_of(const tier_type& t) noexcept { return t.home.bound; }
  [[nodiscard]] static std::uint32_t magazines_for(tier_type& t, std::uint32_t blocks) noexcept {
    return t.home.magazines.magazines_for(blocks);
  }
  /// Returns: false if there is no memory for what the front end keeps of a slab.
  [[nodiscard]] static bool adopt_slab(core_type&, tier_type&, slab_type*) noexcept { return true; }
  /// For a tier of a core that is being made, and once all tiers have their shapes.
  static void prepare_bounds(tier_type&, const core_settings&) noexcept {}
  static void prepare_all(core_type&) noexcept {}
  /// Under the lock: gives a cache that is full more room, if bounds allow that.
  static void grow_cache(core_type&, tier_type&) noexcept {}
  /// Under the lock: the same for a cache that a get found empty.
  static void widen_cache(core_type&, tier_type&) noexcept {}
  /// Bytes in caches, or granted to them, that `max_bytes` counts.
  [[nodiscard]] static std::size_t cached_bytes(const core_type&) noexcept { return 0; }

  // Reading.

  /// Ready blocks in the depot or in the front end, but for those in caches.
  [[nodiscard]] static std::uint64_t ready(const core_type& c, std::uint32_t tier) noexcept {
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] { return t.home.ready(); });
  }
  /// Of these, the blocks in the front end.
  [[nodiscard]] static std::uint64_t stacked(const core_type&, std::uint32_t) noexcept { return 0; }
  /// In a fork's child: the same, while no other thread is there.
  [[nodiscard]] static std::uint64_t stacked_alone(core_type&, tier_type&, std::uint64_t) noexcept {
    return 0;
  }
};

}  // namespace tarn::detail
