// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/frontend/single_front.hpp>
#include <tarn/detail/frontend/stripes.hpp>

namespace tarn::detail {

/// A `single_front` that gets stripes when threads wait for each other, so that two threads are
/// faster than one. Where it has no stripes it is a `single_front`.
///
/// A lock that two threads take in turns moves its cache line, and that of the blocks, from one
/// processor to the other for each get and each put. With stripes, a get and a put are an exchange
/// of a word that only the threads of one processor use.
///
/// A pool whose idle blocks or memory are bounded has no stripes: under an exact bound every idle
/// block must be where any thread finds it. Locks are taken in this order: `making`, a door, the
/// lock of a tier.
template <class Config>
struct striped_front : single_front<Config> {
  using base = cached_front<Config>;
  using single = single_front<Config>;
  using base::mark;
  using typename base::cache_type;
  using typename base::core_type;
  using typename base::env;
  using typename base::tier_type;
  using lock_type = typename Config::lock;
  using stripe_type = stripe<env>;

  struct core_part {
    stripe_list<env> stripes;
    lock_type making;  // held while they are made
  };
  struct tier_part : single::tier_part {
    std::uint32_t meetings = 0;  // of threads at the tier's lock, which guards the number
    // Whether the ready blocks have a bound, so that no stripe may hold any. Set under the lock.
    typename env::template atomic<bool> is_bounded{false};
  };
  static void dismantle(core_type& c) noexcept {
    c.front_part_.stripes.destroy(c.tier_count_, c.room_of_tier(), c.own());
  }

  // Gets.

  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop(core_type& c, std::size_t tier, Shard*) {
    if (c.front_part_.stripes.are_made()) [[unlikely]]
      return pop_striped(c, tier);
    auto& t = c.tiers_[tier];
    void* block = nullptr;
    if (!try_locked(t.lock, [&] { block = t.cache.template pop<mark>(); })) [[unlikely]]
      block = meet(c, t);
    return block;
  }
  /// Refills the caller's stripe from the depot, or from another stripe if the depot is empty.
  [[nodiscard]] static void* pop_again(core_type& c, std::uint32_t tier) noexcept {
    stripe_type* const s = c.front_part_.stripes.try_enter();
    if (s == nullptr) return nullptr;
    auto& cache = s->of(tier);
    const bool has_block = cache.level() != 0;  // this thread may have moved
    if (!has_block && cache.limit != 0 && !refill_from_depot(c, c.tiers_[tier], cache))
      steal(c, tier, *s);
    void* const block = cache.template pop<mark>();
    s->leave();
    return block;
  }
  [[nodiscard]] static bool pop_bulk(core_type& c, std::uint32_t tier, void** blocks,
                                     std::size_t count) noexcept {
    auto& stripes = c.front_part_.stripes;
    if (!stripes.are_made()) return single::pop_bulk(c, tier, blocks, count);
    stripe_type* const s = stripes.try_enter();
    if (s == nullptr) return false;
    auto& cache = s->of(tier);
    const bool enough = cache.level() >= count;
    if (enough) static_cast<void>(cache.template pop_bulk<mark>(blocks, count));
    s->leave();
    return enough;
  }

  static void hold_home(core_type& c, tier_type& t, void** blocks, std::size_t count,
                        held_blocks& held) noexcept {
    // Under the lock of the tier a thread may try a door, but not wait at it.
    if (stripe_type* const s = c.front_part_.stripes.try_enter()) {
      const auto n = s->of(t.home.shape.number).hold(blocks + held.ready, count - held.ready);
      s->leave();
      held.ready += n;
      held.cached += n;
    }
    base::hold_home(c, t, blocks, count, held);
  }
  static void put_held(core_type& c, std::uint32_t tier, void* const* blocks,
                       const held_blocks& held) noexcept {
    auto rest = held;
    if (stripe_type* const s = c.front_part_.stripes.try_enter()) {
      const auto n = s->of(tier).unhold(blocks, held.cached);
      s->leave();
      blocks += n;
      rest.ready -= n;
      rest.cached -= n;
    }
    base::put_held(c, tier, blocks, rest);
  }

  // Puts.

  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push(core_type& c, Shard*, std::size_t tier,
                                                   void* block) noexcept {
    tell_put(c.recorder_, c.named_tiers_, static_cast<std::uint32_t>(tier));
    if (c.front_part_.stripes.are_made()) [[unlikely]]
      return push_striped(c, tier, block);
    auto& t = c.tiers_[tier];
    bool taken = false;
    if (!try_locked(t.lock, [&] { taken = t.cache.template push<mark>(block); })) [[unlikely]]
      taken = push_waiting(t, block);
    return taken;
  }
  static std::size_t give_bulk(core_type& c, std::uint32_t tier, void* const* blocks,
                               std::size_t count) noexcept {
    auto& stripes = c.front_part_.stripes;
    if (!stripes.are_made()) return single::give_bulk(c, tier, blocks, count);
    for (std::size_t i = 0; i != count; ++i)
      c.note_put(c.recorder_, tier, blocks[i]);
    for (std::size_t given = 0; given != count;) {
      if (stripe_type* const s = stripes.try_enter()) {
        given += s->of(tier).push_bulk(blocks + given, count - given);
        s->leave();
      }
      if (given != count) c.give_slow(tier, blocks[given++]);
    }
    return count;
  }
  static void put(core_type& c, std::uint32_t tier, void* block) noexcept {
    bool taken = false, excess = false;
    if (stripe_type* const s = c.front_part_.stripes.try_enter()) {
      auto& cache = s->of(tier);
      if (cache.limit != 0 && cache.level() >= cache.limit) excess = empty_half(c, tier, cache);
      taken = cache.template push<mark>(block);
      s->leave();
    }
    if (!taken) base::put_past_cache(c, tier, block);
    if (excess) {
      c.evict_excess(tier);
      c.drop_life();
    }
  }

  // Idle memory.

  template <class Shard>
  static void flush(core_type& c, std::uint32_t tier, Shard* left) noexcept {
    auto& t = c.tiers_[tier];
    c.front_part_.stripes.enter_each([&](stripe_type& s) { empty(c, t, s.of(tier)); });
    base::flush(c, tier, left);
  }
  static void drain(core_type& c) noexcept { c.flush_all(); }

  // Fork: the child finds no thread in a stripe.

  static void lock(core_type& c) noexcept {
    c.front_part_.making.lock();
    c.front_part_.stripes.for_each([](stripe_type& s) { s.enter(); });
  }
  static void unlock(core_type& c) noexcept {
    c.front_part_.stripes.for_each([](stripe_type& s) { s.leave(); });
    c.front_part_.making.unlock();
  }

  // Bounds.

  [[nodiscard]] static std::uint64_t reachable(core_type& c, tier_type& t) noexcept {
    std::uint64_t blocks = 0;
    for_each_cache(c, t, [&](const cache_type& cache) { blocks += cache.level(); });
    return blocks;
  }
  static void note_bound(tier_type& t, std::uint64_t blocks) noexcept {
    // relaxed: the tier's lock orders it.
    t.is_bounded.store(blocks < core_settings::no_limit, std::memory_order::relaxed);
  }
  [[nodiscard]] static std::uint64_t most_cached(const tier_type& t) noexcept {
    return t.is_bounded.load(std::memory_order::relaxed) ? 0 : ~std::uint64_t{0};
  }
  static void apply_bound(core_type& c, std::uint32_t tier, std::uint64_t blocks) noexcept {
    c.front_part_.stripes.enter_each([&](stripe_type& s) { fit(c, s); });
    single::apply_bound(c, tier, blocks);
  }

  template <class Action>
  static void for_each_cache(const core_type& c, tier_type& t, Action&& action) {
    single::for_each_cache(c, t, action);
    c.front_part_.stripes.for_each(
        [&](stripe_type& s) { action(static_cast<const cache_type&>(s.of(t.home.shape.number))); });
  }

  /// Gives the core stripes, unless it has some or is bounded. No lock is held.
  static void make_stripes(core_type& c) noexcept {
    const auto& s = c.settings_;
    constexpr auto none = core_settings::no_limit;
    if (s.bounds_idle_bytes || s.max_ready != none || s.capacity != none || s.limit_bytes != none)
      return;
    auto& stripes = c.front_part_.stripes;
    if (stripes.are_made()) return;
    const auto own = c.own();
    const auto layout = stripes.layout_of(c.tier_count_, c.room_of_tier());
    void* const memory = own.take(layout.bytes, stripes.alignment);  // not under the lock
    if (memory == nullptr) return;
    bool are_new = false;
    static_cast<void>(try_locked(c.front_part_.making, [&] {
      if (stripes.are_made()) return;
      are_new = true;
      stripes.make(layout, memory, c.tier_count_, c.room_of_tier());
      stripes.enter_each([&](stripe_type& one) { fit(c, one); });
    }));
    if (!are_new) own.give(memory, layout.bytes, stripes.alignment);
    // What the tiers' own caches hold is nearer in the depots now. In a closed core this destroys
    // objects, so no lock is held.
    for (std::uint32_t i = 0; are_new && i != c.tier_count_; ++i)
      base::flush(c, i, static_cast<typename core_type::shard_type*>(nullptr));
  }

 private:
  // Meetings of threads at the lock of one tier before the core gets stripes.
  static constexpr std::uint32_t most_meetings = 16;
  static constexpr std::uint32_t most_stolen = 64;  // blocks at a time: half a kilobyte of stack

  [[nodiscard]] TARN_COLD static void* pop_striped(core_type& c, std::size_t tier) noexcept {
    stripe_type* const s = c.front_part_.stripes.try_enter();
    if (s == nullptr) return nullptr;
    void* const block = s->of(tier).template pop<mark>();
    s->leave();
    return block;
  }
  [[nodiscard]] TARN_COLD static bool push_striped(core_type& c, std::size_t tier,
                                                   void* block) noexcept {
    stripe_type* const s = c.front_part_.stripes.try_enter();
    if (s == nullptr) return false;
    const bool taken = s->of(tier).template push<mark>(block);
    s->leave();
    return taken;
  }

  [[nodiscard]] TARN_COLD static bool push_waiting(tier_type& t, void* block) noexcept {
    return locked(t.lock, [&] { return t.cache.template push<mark>(block); });
  }
  /// A get that finds the tier's lock taken. Gets alone make stripes: a put needs no memory.
  [[nodiscard]] TARN_COLD static void* meet(core_type& c, tier_type& t) noexcept {
    bool is_frequent = false;
    void* const block = locked(t.lock, [&] {
      is_frequent = ++t.meetings % most_meetings == 0;
      return t.cache.template pop<mark>();
    });
    if (is_frequent) make_stripes(c);
    return block;
  }

  /// Inside the stripe. Returns: whether there was a block.
  [[nodiscard]] static bool refill_from_depot(core_type& c, tier_type& t,
                                              cache_type& cache) noexcept {
    return locked(t.lock, [&] {
      const auto before = static_cast<std::int64_t>(t.home.ready());
      if (t.home.closed || refill(t.home, cache, !c.settings_.keeps_objects) == 0) return false;
      c.moved_bytes(t, static_cast<std::int64_t>(t.home.ready()) - before);
      return true;
    });
  }
  /// Inside the stripe: takes up to half of the blocks of another one. It only tries the door,
  /// since the thread behind that may try this one.
  static void steal(core_type& c, std::uint32_t tier, stripe_type& into) noexcept {
    auto& cache = into.of(tier);
    c.front_part_.stripes.for_each([&](stripe_type& from) {
      if (cache.level() != 0 || from.of(tier).level() == 0 || !from.try_enter()) return;
      void* blocks[most_stolen];
      const auto half = (from.of(tier).level() + 1) / 2;
      const auto most = min_of(min_of(half, cache.limit), most_stolen);
      const auto n = from.of(tier).hold(blocks, most);
      from.leave();
      static_cast<void>(cache.unhold(blocks, n));  // it has room for all
    });
  }

  /// Inside the stripe: sets the limits of its caches.
  static void fit(core_type& c, stripe_type& s) noexcept {
    budgets<Config>::divide(
        c, c.front_part_.stripes.count(), [&](std::uint32_t tier, std::uint32_t blocks) {
          auto& t = c.tiers_[tier];
          // Under the lock: a thread that closes or bounds the tier comes to the stripes after
          // that.
          locked(t.lock, [&] {
            s.of(tier).limit = t.home.closed || most_cached(t) == 0 ? 0 : blocks;  // in blocks
          });
        });
  }
  /// Inside the stripe: takes all blocks of a cache home. In a closed core the cache takes no block
  /// any more, and the closing thread evicts those that came home.
  static void empty(core_type& c, tier_type& t, cache_type& cache) noexcept {
    locked(t.lock, [&] {
      if (t.home.closed) cache.limit = 0;
      const auto level = cache.level();
      if (level == 0) return;
      absorb(t.home, cache, level);
      c.moved_bytes(t, level);
    });
  }
  /// Inside the stripe: takes half of a full cache home. Returns: whether the depot has more than
  /// it should keep; the core is pinned then.
  [[nodiscard]] static bool empty_half(core_type& c, std::uint32_t tier,
                                       cache_type& cache) noexcept {
    auto& t = c.tiers_[tier];
    return locked(t.lock, [&] {
      const auto amount = (cache.level() + 1) / 2;
      absorb(t.home, cache, amount);
      c.moved_bytes(t, amount);
      const bool excess = t.home.ready() > c.ready_to_keep(t);
      if (excess) c.pin();
      return excess;
    });
  }
};

struct striped_shape {
  static constexpr bool has_shards = false;
  static constexpr bool has_recorder_shards = false;
  template <class Config>
  using front = striped_front<Config>;
};

}  // namespace tarn::detail
