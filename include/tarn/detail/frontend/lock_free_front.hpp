// SPDX-License-Identifier: MIT
#pragma once

#include <bit>

#include <tarn/detail/events/tell_gone.hpp>
#include <tarn/detail/frontend/placed_stack.hpp>

namespace tarn::detail {

/// One index stack of ready blocks per tier, which any thread enters without a lock. An index is a
/// slab's number and a block's place in the slab. What lies on a stack is not in the depot.
///
/// When threads meet at the stack of a tier, the tier gets places for blocks at each processor.
/// From then on a thread gets from the nearest places and puts there; between these and the stack
/// blocks move many at a time. A tier with a bound, and a pool that can be exhausted, has the stack
/// alone: there every idle block must be where any thread finds it.
template <class Config>
struct lock_free_front : placed_stack<Config> {
  using base = placed_stack<Config>;
  using typename base::acquired_type;
  using typename base::cache_type;
  using typename base::core_type;
  using typename base::env;
  using typename base::slab_type;
  using typename base::tier_type;
  using lock_type = typename Config::lock;
  using typename base::link_type;
  using typename base::places_type;
  using typename base::stack_type;

  static constexpr bool has_shards = false;
  static constexpr bool is_stack = true;
  static constexpr std::size_t depot_alignment = no_sharing_alignment;

  static void prepare(tier_type&) noexcept {}
  static void prepare_bounds(tier_type& t, const core_settings& settings) noexcept {
    const auto fit = settings.bounds_idle_bytes ? settings.max_idle_bytes / t.home.shape.stride
                                                : core_settings::no_limit;
    if (const auto most = min_of(settings.max_ready, fit); most != core_settings::no_limit)
      t.bound_stack(most);
  }
  static void prepare_all(core_type& c) noexcept {
    for (std::uint32_t i = 0; i != c.tier_count_; ++i)
      c.tiers_[i].numbers.set_place_bits(place_bits_for(c, i));
  }

  template <class Shard>
  [[nodiscard]] static cache_type* cache_of(tier_type&, Shard*) noexcept {
    return nullptr;
  }
  [[nodiscard]] static cache_type* own_cache(core_type&, tier_type&) noexcept { return nullptr; }

  // Gets and puts.

  template <class Shard>
  [[nodiscard]] static bool has_next(core_type&, std::size_t, Shard*) noexcept {
    return false;
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop(core_type& c, std::size_t tier, Shard*) {
    auto& t = c.tiers_[tier];
    places_type* const nearest = t.places.nearest();
    void* const block = nearest != nullptr ? nearest->take() : base::pop_stack(c, t);
    if (block != nullptr) t.counts.get();
    return block;
  }
  /// Refills the nearest places from the stack, or from the places of another processor.
  [[nodiscard]] static void* pop_again(core_type& c, std::uint32_t tier) noexcept {
    auto& t = c.tiers_[tier];
    places_type* const nearest = t.places.nearest();
    void* const block = nearest != nullptr ? base::refill(c, t, *nearest) : nullptr;
    if (block != nullptr) t.counts.get();
    return block;
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push(core_type& c, Shard*, std::size_t tier,
                                                   void* block) noexcept {
    tell_put(c.recorder_, c.named_tiers_, static_cast<std::uint32_t>(tier));
    auto& t = c.tiers_[tier];
    t.counts.put();  // the core may end once the block is home
    if (places_type* const nearest = t.places.nearest()) [[unlikely]]
      return nearest->put(block) || base::push_many(c, t, *nearest, block);
    return base::push_index(c, t, block);
  }
  [[nodiscard]] static bool pop_bulk(core_type&, std::uint32_t, void**, std::size_t) noexcept {
    return false;  // one by one: see hold_ready
  }
  static void hold_ready(core_type& c, tier_type& t, void** blocks, std::size_t count,
                         held_blocks& held) noexcept {
    while (held.ready != count) {
      void* const block = base::pop_uncounted(c, t);
      if (block == nullptr) break;
      blocks[held.ready++] = block;
    }
    held.cached = held.ready;
  }
  static void hold_home(core_type& c, tier_type& t, void** blocks, std::size_t count,
                        held_blocks& held) noexcept {
    hold_ready(c, t, blocks, count, held);
  }
  [[nodiscard]] static bool count_cached(core_type&, tier_type& t, std::size_t n) noexcept {
    t.counts.get(n);
    return true;
  }
  static void put_held(core_type& c, std::uint32_t tier, void* const* blocks,
                       const held_blocks& held) noexcept {
    for (auto i = held.ready; i-- != 0;)
      c.give_ready(tier, blocks[i]);
  }
  static std::size_t give_bulk(core_type&, std::uint32_t, void* const*, std::size_t) noexcept {
    return 0;
  }
  [[nodiscard]] static bool take_ready(core_type& c, tier_type& t, acquired_type& got) noexcept {
    got = {base::pop_uncounted(c, t)};
    if (got.block != nullptr) t.counts.get();
    return got.block != nullptr;
  }
  [[nodiscard]] static acquired_type take_home(tier_type& t) noexcept {
    return t.home.take_from_slab();
  }
  [[nodiscard]] TARN_COLD static void* take_to_carve(core_type& c, tier_type& t) noexcept {
    return base::pop_uncounted(c, t);
  }
  static void count_get(core_type&, tier_type& t, std::size_t n = 1) noexcept { t.counts.get(n); }
  static void count_put(core_type&, tier_type& t) noexcept { t.counts.put(); }
  static void prepare_get(core_type& c) { c.join_recorders(); }
  static void follow_orders(core_type&) noexcept {}
  /// For a block that the stack did not take: it is closed, armed or full.
  static void put(core_type& c, std::uint32_t tier, void* block) noexcept {
    auto& t = c.tiers_[tier];
    bool taken = false;
    const bool closed = locked(t.lock, [&] {
      if (t.home.closed) return true;
      c.pin();  // the block, which keeps the core, goes home
      taken = push_armed(c, t, block);
      if (!taken) t.home.count.left(evict_reason::bound, 1);  // the put was counted
      return false;
    });
    if (closed) return c.bring_home(tier, block);
    if (taken) {
      c.waiting().call(tier);
      return c.drop_life();
    }
    tell_gone(c.observers_, evict_reason::bound, tier, t.home.shape.size, block);
    c.bring_home(tier, block);
    if (locked(t.lock, [&] { return c.is_worth_compacting(t); })) c.compact(tier);
    c.drop_life();
  }
  [[nodiscard]] static bool put_ready(core_type& c, std::uint32_t tier, void* block) noexcept {
    auto& t = c.tiers_[tier];
    return base::push_index(c, t, block) || locked(t.lock, [&] { return push_armed(c, t, block); });
  }

  // Idle memory.

  template <class Shard>
  [[nodiscard]] static bool has_caches(core_type&, Shard*) noexcept {
    return false;
  }
  static void drain(core_type&) noexcept {}
  template <class Shard>
  static void leave(core_type&, Shard*) noexcept {}
  static void renew(core_type&) noexcept {}
  static void order_tick(core_type&) noexcept {}
  /// All of the stack leaves at once, whatever `most` says.
  static std::size_t evict(core_type& c, std::uint32_t tier, std::uint64_t keep, evict_reason why,
                           std::uint64_t) noexcept {
    if (slabs_for(why) == whole_slabs::all) c.release_unused(tier, why);
    return evict_stack(c, tier, keep, why);
  }
  [[nodiscard]] static void* take_idle(core_type& c, tier_type& t) noexcept {
    return take_to_carve(c, t);
  }
  [[nodiscard]] static bool put_idle(core_type& c, tier_type& t, void* block) noexcept {
    return base::push_index(c, t,
                            block);  // an armed stack stays so: only a put that calls may open it
  }
  [[nodiscard]] static std::uint64_t counted_stacked(const tier_type& t) noexcept {
    // relaxed: a number that may be off by the blocks on their way.
    const auto blocks = t.is_bounded() ? t.stacked.load(std::memory_order::relaxed) : 0;
    return static_cast<std::uint64_t>(max_of<std::int64_t>(blocks, 0));
  }
  [[nodiscard]] static std::uint32_t seal(core_type& c, tier_type& t) noexcept {
    const auto rest = t.stack.take_all(true);
    const auto all = base::gather(c, t, true);
    if (all.last == nullptr) return rest;
    all.last->store(rest, std::memory_order::release);  // (3) in `index_stack`
    return all.first;
  }
  static void give_home(core_type& c, std::uint32_t tier, std::uint32_t index) noexcept {
    auto& t = c.tiers_[tier];
    while (index != stack_type::none) {
      // relaxed: the chain is this thread's now.
      const auto next =
          stack_type::index_in(t.numbers.link_of(index).load(std::memory_order::relaxed));
      c.bring_home(tier, t.numbers.block_at(index));
      index = next;
    }
  }
  [[nodiscard]] static stack_view look(const core_type& c, std::uint32_t tier) noexcept {
    stack_view seen;
    seen.ready = walk(c, tier, [&](auto& link) {
      const auto word = link.load(std::memory_order::acquire);  // as in `ready`
      seen.still += (word & stack_type::still_bit) != 0;
      return word;
    });
    c.tiers_[tier].places.for_each([&](const places_type& p) {
      const auto there = p.look();
      seen.ready += there.blocks;
      seen.still += there.still;
    });
    return seen;
  }
  [[nodiscard]] static std::uint64_t note_idle(tier_type& t, const stack_view& seen) noexcept {
    t.home.magazines.lowest = seen.still;
    return seen.ready;
  }
  static void mark_idle(core_type& c, std::uint32_t tier) noexcept {
    walk(c, tier, [&](auto& link) {
      // acquire: as in `ready`. A block that is out by now loses the bit when it is put.
      return link.fetch_or(stack_type::still_bit, std::memory_order::acquire);
    });
    c.tiers_[tier].places.for_each([](places_type& p) { p.mark(); });
  }

  // Waiting. An empty stack that is closed is *armed*: a put that finds it so comes to the lock,
  // opens the stack and calls those who wait. A stack that has blocks can't be armed.

  static void end_waiting(tier_type& t) noexcept {
    if (!t.home.waited && !t.home.closed) t.stack.reopen();
  }
  [[nodiscard]] static bool arm(core_type& c, std::uint32_t tier, bool all) noexcept {
    bool armed = true;
    for (std::uint32_t i = 0; i != c.tier_count_; ++i) {
      auto& t = c.tiers_[i];
      if (!all && i != tier) continue;
      armed = locked(t.lock, [&] { return t.home.closed || t.stack.close_if_empty(); }) && armed;
    }
    return armed;
  }

  // Bounds and slabs.

  static void refit(tier_type&) noexcept {}
  [[nodiscard]] static std::uint64_t beside_depot(const tier_type&) noexcept { return 0; }
  static void note_bound(tier_type&, std::uint64_t) noexcept {}
  [[nodiscard]] static std::uint64_t most_cached(const tier_type&) noexcept { return 0; }
  static void apply_bound(core_type& c, std::uint32_t tier, std::uint64_t blocks) noexcept {
    auto& t = c.tiers_[tier];
    locked(t.lock, [&] {
      t.has_no_places = true;
      base::gather_into_stack(c, t, true);
    });
    c.evict(tier, blocks, evict_reason::trimmed);
    // relaxed: a bound may be seen late, and be off by the blocks on their way.
    t.stacked.store(static_cast<std::int64_t>(ready(c, tier)), std::memory_order::relaxed);
    t.bound_stack(blocks);
    c.compact_if_scattered(tier);
  }
  [[nodiscard]] static std::uint64_t bound_of(const tier_type& t) noexcept {
    return t.is_bounded() ? t.stack_bound() : t.home.bound;
  }
  [[nodiscard]] static std::uint32_t magazines_for(tier_type&, std::uint32_t) noexcept { return 0; }
  [[nodiscard]] static bool adopt_slab(core_type&, tier_type& t, slab_type* s) noexcept {
    return t.numbers.add(s, t.home.shape.own);
  }

  // Reading.

  [[nodiscard]] static std::uint64_t ready(const core_type& c, std::uint32_t tier) noexcept {
    // (4) acquire, pairs with (3) in index_stack.
    auto blocks = walk(c, tier, [](auto& link) { return link.load(std::memory_order::acquire); });
    c.tiers_[tier].places.for_each([&](const places_type& p) { blocks += p.look().blocks; });
    return blocks;
  }
  [[nodiscard]] static std::uint64_t stacked(const core_type& c, std::uint32_t tier) noexcept {
    return ready(c, tier);
  }
  [[nodiscard]] static std::uint64_t stacked_alone(core_type&, tier_type& t,
                                                   std::uint64_t most) noexcept {
    std::uint64_t blocks = 0;
    t.places.for_each([&](const places_type& p) { blocks += p.look().blocks; });
    // relaxed: one thread is left.
    for (auto i = t.stack.peek(); i != stack_type::none && blocks < most; ++blocks)
      i = stack_type::index_in(t.numbers.link_of(i).load(std::memory_order::relaxed));
    return blocks;
  }
  template <class Action>
  static void for_each_cache(const core_type&, tier_type&, Action&&) noexcept {}
  [[nodiscard]] static auto hidden_shard(core_type&) noexcept {
    return static_cast<typename core_type::shard_type*>(nullptr);
  }

 private:
  /// Calls `visit(link)`, which returns the link's word, for each block of a tier's stacks.
  /// Returns: the number of blocks.
  template <class Visit>
  static std::uint64_t walk(const core_type& c, std::uint32_t tier, Visit&& visit) noexcept {
    auto& t = c.tiers_[tier];
    // Links never leave, so the walk is safe; it is bounded, because the chain may change.
    std::uint64_t blocks = 0;
    const auto most = locked(t.lock, [&] { return t.home.live(); });
    for (auto i = t.stack.peek(); i != stack_type::none && blocks < most; ++blocks)
      i = stack_type::index_in(visit(t.numbers.link_of(i)));
    return blocks;
  }

  /// Bits for the place of a block in its slab, a carved slab included. The rest of 31 bits is for
  /// slabs: at 16 bytes a block, carved slabs and all, they reach 4 GiB; at 128 bytes, 32 GiB.
  [[nodiscard]] static std::uint32_t place_bits_for(const core_type& c,
                                                    std::uint32_t tier) noexcept {
    const auto& own = c.tiers_[tier].home.shape;
    auto most = own.slab_bytes / own.stride;
    for (std::uint32_t u = tier + 1; u < c.tier_count_; ++u) {
      const auto& larger = c.tiers_[u].home.shape;
      if (c.may_carve(larger.stride, own.slab_bytes))
        most = max_of(most, larger.stride / own.stride);
    }
    return cast_to<std::uint32_t>(std::bit_width(most - 1));
  }

  /// Under the lock, for a block that the stack did not take before: opens it if it is armed. If
  /// it was, and no request waits any more, it is open by now. The caller calls those who wait.
  [[nodiscard]] TARN_COLD static bool push_armed(core_type& c, tier_type& t, void* block) noexcept {
    if (t.home.closed) return false;
    if (t.home.waited && t.stack.reopen() && t.is_bounded()) {
      // It was empty, so what is counted are blocks that it did not take. relaxed: a bound, which
      // may be off by the blocks on their way.
      const auto counted = t.stacked.exchange(0, std::memory_order::relaxed);
      if (c.settings_.bounds_idle_bytes) c.moved_bytes(t, -counted);
    }
    return base::push_index(c, t, block);
  }
  /// Takes all blocks but the upper `keep` ones, which other threads can reach again at once.
  /// Returns: the first index of a chain that is the caller's.
  [[nodiscard]] static std::uint32_t take_above(core_type& c, tier_type& t,
                                                std::uint64_t keep) noexcept {
    if (keep >= t.home.live()) return stack_type::none;  // leaves the stack and its marks alone
    // What lies in places is nearest to those who get, so it leaves last.
    std::uint64_t placed = 0;
    t.places.for_each([&](const places_type& p) { placed += p.look().blocks; });
    if (keep < placed) {
      base::gather_into_stack(c, t, false);
    } else {
      keep -= placed;
    }
    const auto link = [&t](std::uint32_t i) -> auto& { return t.numbers.link_of(i); };
    // relaxed, all of these: the chain is this thread's.
    const auto first = t.stack.take_all(false);
    if (keep == 0 || first == stack_type::none) return first;
    auto last = first;
    for (std::uint64_t kept = 1; kept != keep; ++kept) {
      const auto next = stack_type::index_in(link(last).load(std::memory_order::relaxed));
      if (next == stack_type::none) break;
      last = next;
    }
    const auto doomed = stack_type::index_in(link(last).load(std::memory_order::relaxed));
    if (t.stack.push(first, link(last))) return doomed;
    link(last).store(doomed, std::memory_order::relaxed);
    return first;  // closed meanwhile: all go home
  }

  /// Takes the blocks above `keep` out of the stack and parks them. Under the lock, so that a
  /// getter that misses meanwhile waits for it and finds the blocks that were kept.
  static std::size_t evict_stack(core_type& c, std::uint32_t tier, std::uint64_t keep,
                                 evict_reason why) noexcept {
    auto& t = c.tiers_[tier];
    std::size_t blocks = 0;
    std::uint32_t ended = 0;
    slab_list<env> whole;
    const bool needs_care = c.settings_.keeps_objects || hears_of(c.observers_, why);
    auto doomed = stack_type::none;
    const auto pop_doomed = [&] {
      void* const block = t.numbers.block_at(doomed);
      // relaxed: the chain is this thread's.
      doomed = stack_type::index_in(t.numbers.link_of(doomed).load(std::memory_order::relaxed));
      if (t.is_bounded()) base::leave_stack(c, t);
      ++blocks;
      return block;
    };
    {
      const guard<lock_type> hold(t.lock);
      doomed = take_above(c, t, keep);
      // At once if no object is to be destroyed: at its capacity a pool must find the blocks here
      // or there.
      while (!needs_care && doomed != stack_type::none)
        c.park(t, pop_doomed(), whole, slabs_for(why));
      t.home.count.left(why, blocks);
      ended = c.settled(t);
    }
    c.release_slabs(tier, whole);
    while (doomed != stack_type::none) {
      void* const block = pop_doomed();
      tell_gone(c.observers_, why, tier, t.home.shape.size, block);
      if (c.settings_.keeps_objects) c.dispose(block);
      locked(t.lock, [&] { t.home.count.left(why, 1); });
      c.park_home(tier, block, slabs_for(why));
    }
    if (ended != 0) c.drop_life(ended);  // never the last life: the caller keeps the core
    if (blocks != 0) c.waiting().call(tier);
    return blocks;
  }
};

struct lock_free_shape {
  static constexpr bool has_shards = false;
  static constexpr bool has_recorder_shards = false;
  template <class Config>
  using front = lock_free_front<Config>;
};

}  // namespace tarn::detail
