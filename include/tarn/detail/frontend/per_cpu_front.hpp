// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <type_traits>

#include <tarn/detail/frontend/cached_front.hpp>
#include <tarn/detail/frontend/cpu_caches.hpp>
#include <tarn/detail/frontend/shard.hpp>
#include <tarn/detail/system/processors.hpp>

namespace tarn::detail {

/// A cache per processor and tier, which the threads that run there enter without a lock. Idle
/// memory depends on the number of processors, not on that of threads: no thread owns any, so any
/// thread can take all of it home.
///
/// A block in a cache is not home. No put touches the core after its block is in a cache: another
/// thread may have closed the pool and freed the core by then.
template <class Config>
struct per_cpu_front : cached_front<Config> {
  using base = cached_front<Config>;
  using base::mark;
  using typename base::acquired_type;
  using typename base::cache_type;
  using typename base::core_type;
  using typename base::env;
  using typename base::tier_type;
  using lock_type = typename Config::lock;
  using core_part = cpu_caches<env, lock_type>;

  static constexpr bool has_shards = false;
  // A recorder is told before a put, hence only once it is known that no other path follows.
  static constexpr bool closes_itself = std::is_empty_v<typename Config::recorder>;
  static constexpr std::uint32_t batch = 64;  // blocks moved at a time: half a kilobyte of stack

  struct tier_part {
    no_counts counts;
    std::uint32_t processors = 1;  // immutable once the core is made
    // The bound on ready blocks. A thread that bounds another tier reads it without the tier's
    // lock.
    typename env::template atomic<std::uint64_t> bound{~std::uint64_t{0}};
    std::uint64_t most_in_caches = 0;  // what all caches may hold of them; lock: tier

    void destroy(const tier_shape&) noexcept {}
  };
  static void prepare(tier_type&) noexcept {}
  /// Throws: `std::bad_alloc`.
  static void prepare_all(core_type& c) {
    // With an exact capacity every idle block must be in the depot, where any thread finds it.
    if (c.settings_.capacity != core_settings::no_limit) return;
    auto& caches = c.front_part_;
    if (!caches.make(c.tier_count_, possible_processors(), c.room_of_tier(), c.own())) {
      throw std::bad_alloc();
    }
    for (std::uint32_t i = 0; i != c.tier_count_; ++i)
      c.tiers_[i].processors = caches.processors();
    fit(c);
    caches.unseal();
  }
  static void dismantle(core_type& c) noexcept { c.front_part_.destroy(c.own()); }

  /// Other threads store to these caches at any time, so none is the caller's.
  template <class Shard>
  [[nodiscard]] static cache_type* cache_of(tier_type&, Shard*) noexcept {
    return nullptr;
  }
  [[nodiscard]] static cache_type* own_cache(core_type&, tier_type&) noexcept { return nullptr; }

  // Gets.

  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop(core_type& c, std::size_t tier, Shard*) {
    return c.front_part_.template pop<mark>(tier);
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static void* pop_hot(core_type& c, std::size_t tier, Shard*) {
    return c.front_part_.template pop_hot<mark>(tier);
  }
  static void open_hot(core_type& c, bool open) noexcept { c.front_part_.open_hot(open); }
  /// A thread without a recorder of its own gets one first: a get that hits makes none.
  [[nodiscard]] static void* pop_again(core_type& c, std::uint32_t tier) noexcept {
    if constexpr (core_type::has_recorders) {
      if (c.find_shard() == nullptr) c.join_recorders();
    }
    return c.front_part_.template pop_again<mark>(tier);
  }
  /// Takes all of `count` blocks out of the cache, or none. Returns: whether it took them.
  [[nodiscard]] static bool pop_bulk(core_type& c, std::uint32_t tier, void** blocks,
                                     std::size_t count) noexcept {
    if (count > batch || c.front_part_.level(tier) < count) return false;
    void* taken[batch];  // an aborted section may store blocks here that it did not take
    if (!c.front_part_.template pop_bulk<mark>(tier, taken, count)) return false;
    for (std::size_t i = 0; i != count; ++i)
      blocks[i] = taken[i];
    return true;
  }
  static void hold_home(core_type& c, tier_type& t, void** blocks, std::size_t count,
                        held_blocks& held) noexcept {
    if (held.ready != count) {
      const auto n =
          c.front_part_.move_out(t.home.shape.number, blocks + held.ready, count - held.ready);
      held.ready += n;
      held.cached += n;
    }
    base::hold_home(c, t, blocks, count, held);
  }
  static void put_held(core_type& c, std::uint32_t tier, void* const* blocks,
                       const held_blocks& held) noexcept {
    if (held.cached == 0) return base::put_held(c, tier, blocks, held);
    auto& t = c.tiers_[tier];
    auto rest = held;
    {
      const guard<lock_type> hold(t.lock);
      c.pin();  // blocks in a cache are no reason for the core to stay
      if (!t.home.closed && !t.home.waited) {
        const auto n = c.front_part_.move_in(tier, blocks, held.cached);
        blocks += n;
        rest.ready -= n;
        rest.cached -= n;
      }
    }
    base::put_held(c, tier, blocks, rest);
    c.drop_life();
  }
  [[nodiscard]] static bool count_cached(core_type&, tier_type&, std::size_t) noexcept {
    return false;  // a block that moved out of a cache counts in the depot
  }
  static void prepare_get(core_type& c) { c.join_recorders(); }
  static void follow_orders(core_type&) noexcept {}
  /// Under the lock: the block is the caller's whichever cache the others come to, as the thread
  /// may move.
  [[nodiscard]] static bool take_ready(core_type& c, tier_type& t, acquired_type& got) noexcept {
    const auto tier = t.home.shape.number;
    got = {c.front_part_.template pop_again<mark>(tier)};  // another thread may have filled it
    if (got.block != nullptr) return true;
    const bool parked_too = !c.settings_.keeps_objects;
    const auto next = [&]() -> void* {
      if (t.home.ready() != 0) return t.home.magazines.take();
      return parked_too && t.home.parked() != 0 ? t.home.take_from_slab().block : nullptr;
    };
    const auto ready_before = static_cast<std::int64_t>(t.home.ready());
    got = {next()};
    if (got.block == nullptr) return false;
    void* blocks[batch];
    const auto fill = c.front_part_.filled(tier);
    for (auto level = fill.level; level < fill.limit / 2; level += batch) {
      const auto most = min_of(fill.limit / 2 - level, batch);
      std::uint32_t n = 0;
      while (n != most && (blocks[n] = next()) != nullptr)
        ++n;
      auto in = n != 0 ? c.front_part_.move_in(tier, blocks, n) : 0;
      const bool all = in == batch;
      while (in != n)
        t.home.magazines.put(blocks[in++]);  // it was full, or sealed meanwhile
      if (!all) break;
    }
    t.home.note_away();
    c.moved_bytes(t, static_cast<std::int64_t>(t.home.ready()) - ready_before);
    base::count_get(c, t);
    return true;
  }
  [[nodiscard]] static void* take_to_carve(core_type& c, tier_type& t) noexcept {
    void* block = nullptr;
    return c.front_part_.move_out(t.home.shape.number, &block, 1) != 0 ? block : nullptr;
  }

  // Puts. Recorders are told first.

  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push(core_type& c, Shard* s, std::size_t tier,
                                                   void* block) noexcept {
    tell(c, s, static_cast<std::uint32_t>(tier));
    return c.front_part_.push(tier, block);
  }
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE static bool push_hot(core_type& c, Shard* s, std::size_t tier,
                                                       void* block) noexcept {
    if constexpr (!closes_itself) return push(c, s, tier, block);
    return c.front_part_.push_hot(tier, block);
  }
  static std::size_t give_bulk(core_type& c, std::uint32_t tier, void* const* blocks,
                               std::size_t count) noexcept {
    for (std::size_t i = 0; i != count; ++i)
      c.with_recorder([&](auto& recorder) { c.note_put(recorder, tier, blocks[i]); });
    for (std::size_t given = 0; given != count;) {
      given += c.front_part_.push_bulk(tier, blocks + given, count - given);
      if (given != count) c.give_slow(tier, blocks[given++]);
    }
    return count;
  }
  static void put(core_type& c, std::uint32_t tier, void* block) noexcept {
    if (!c.front_part_.push_again(tier, block)) base::put_past_cache(c, tier, block);
  }
  [[nodiscard]] static bool put_locked(core_type& c, tier_type& t, void* block) noexcept {
    const bool moved = empty_half(c, t);
    if (c.front_part_.push_again(t.home.shape.number, block)) return moved;
    base::put_ready_locked(c, t, block);
    base::count_put(c, t);
    return true;
  }

  // Idle memory.

  /// Takes the blocks of all caches of a tier home, or of all tiers.
  template <class Shard>
  static void flush(core_type& c, std::uint32_t tier, Shard*) noexcept {
    empty(c, tier, tier + 1);
  }
  template <class Shard>
  static void flush_all(core_type& c, Shard*) noexcept {
    empty(c, 0, c.tier_count_);
  }
  static void drain(core_type& c) noexcept { c.flush_all(); }
  template <class Shard>
  static void leave(core_type&, Shard*) noexcept {}
  static void renew(core_type&) noexcept {}
  static void order_tick(core_type&) noexcept {}

  // Fork: the child has the caches as they are while no thread is inside.

  static void lock(core_type& c) noexcept {
    c.front_part_.lock.lock();
    static_cast<void>(c.front_part_.seal());
  }
  static void unlock(core_type& c) noexcept {
    open(c);
    c.front_part_.lock.unlock();
  }
  static void forget_threads(core_type& c) noexcept { c.front_part_.forget_threads(); }

  // Bounds. Half of a tier's bound is for its caches, divided among them; the depot has the rest.

  static void refit(tier_type&) noexcept {}
  [[nodiscard]] static std::uint64_t reachable(core_type& c, tier_type& t) noexcept {
    std::uint64_t blocks = 0;
    for_each_cache(c, t, [&](const cache_type& cache) { blocks += cache.level(); });
    return blocks;
  }
  [[nodiscard]] static std::uint64_t beside_depot(const tier_type& t) noexcept {
    return ready_bound(t) == ~std::uint64_t{0} ? 0 : t.most_in_caches;
  }
  static void note_bound(tier_type& t, std::uint64_t blocks) noexcept {
    // relaxed: `apply_bound` follows, and takes the lock of the caches.
    t.bound.store(blocks, std::memory_order::relaxed);
  }
  [[nodiscard]] static std::uint64_t most_cached(const tier_type& t) noexcept {
    return ready_bound(t) / 2 / t.processors;
  }
  static void apply_bound(core_type& c, std::uint32_t tier, std::uint64_t) noexcept {
    empty(c, tier, tier + 1, true);
    c.evict_excess(tier, evict_reason::trimmed);
  }

  /// The caches stay sealed while requests wait.
  static void divert(core_type& c, bool on) noexcept {
    base::divert(c, on);
    if (on) return empty(c, 0, c.tier_count_, false, true);
    const guard<lock_type> hold(c.front_part_.lock);
    if (c.front_part_.processors() != 0) open(c);
  }

  template <class Action>
  static void for_each_cache(const core_type& c, tier_type& t, Action&& action) {
    const auto& caches = c.front_part_;
    for (std::uint32_t i = 0; i != caches.processors(); ++i)
      action(static_cast<const cache_type&>(caches.of(i, t.home.shape.number)));
  }
  [[nodiscard]] static auto hidden_shard(core_type&) noexcept {
    return static_cast<typename core_type::shard_type*>(nullptr);
  }

 private:
  [[nodiscard]] static std::uint64_t ready_bound(const tier_type& t) noexcept {
    // relaxed: a thread that sets a bound later fits the caches again, under their lock.
    return t.bound.load(std::memory_order::relaxed);
  }
  /// Tells the caller's own recorder of a put, if it has one: no other thread writes to that line.
  template <class Shard>
  TARN_FORCE_INLINE static void tell(core_type& c, [[maybe_unused]] Shard* s,
                                     std::uint32_t tier) noexcept {
    if constexpr (core_type::has_recorders) {
      if (!s->is_null) [[likely]]
        return tell_put(s->recorder, c.named_tiers_, tier);
    }
    tell_put(c.recorder_, c.named_tiers_, tier);
  }

  /// Under the lock: takes half of a full cache of this processor home. Returns: whether blocks
  /// came.
  static bool empty_half(core_type& c, tier_type& t) noexcept {
    const auto tier = t.home.shape.number;
    auto& caches = c.front_part_;
    void* blocks[batch];
    bool moved = false;
    const auto fill = caches.filled(tier);
    if (fill.level < fill.limit) return false;
    for (auto level = fill.level; level > fill.limit / 2; level -= min_of(level, batch)) {
      const auto n = caches.move_out(tier, blocks, min_of(level - fill.limit / 2, batch));
      for (std::size_t i = 0; i != n; ++i)
        t.home.magazines.put(blocks[i]);
      c.moved_bytes(t, static_cast<std::int64_t>(n));
      moved = moved || n != 0;
      if (n != batch) break;
    }
    return moved;
  }

  /// Seals the caches, takes the blocks of some tiers home, fits the limits if asked, and opens the
  /// caches again, unless the core is closed. Then the closing thread evicts what came home: it
  /// comes here after it has closed the core, so no cache is opened after it.
  static void empty(core_type& c, std::uint32_t first, std::uint32_t end, bool fits = false,
                    bool seals = false) noexcept {
    auto& caches = c.front_part_;
    if (caches.processors() == 0) return;
    if (!fits && !seals && !c.closed() && caches.is_empty(first, end)) return;
    {
      const guard<lock_type> hold(caches.lock);
      if (caches.seal() && !caches.stays_sealed()) {
        for (auto tier = first; tier != end; ++tier) {
          for (std::uint32_t i = 0; i != caches.processors(); ++i)
            take_home_all(c, c.tiers_[tier], caches.of(i, tier));
        }
        if (fits) fit(c);
      }
      open(c);
    }
    for (auto tier = first; tier != end; ++tier)
      c.waiting().call(tier);
  }
  /// Under the lock of the caches: opens them, unless they are to stay sealed.
  static void open(core_type& c) noexcept {
    if (!c.closed() && !c.waiting().any()) c.front_part_.unseal();
  }
  /// For one cache at a time, so that no getter waits for all of them.
  static void take_home_all(core_type& c, tier_type& t, cache_type& cache) noexcept {
    const auto level = cache.level();  // no other thread changes it
    if (level == 0) return;
    const guard<lock_type> hold(t.lock);
    absorb(t.home, cache, level);
    c.moved_bytes(t, level);
  }

  static void fit(core_type& c) noexcept {
    budgets<Config>::divide(c, c.front_part_.processors(),
                            [&](std::uint32_t tier, std::uint32_t blocks) {
                              auto& t = c.tiers_[tier];
                              locked(t.lock, [&] {
                                c.front_part_.set_limit(tier, blocks);
                                t.most_in_caches = std::uint64_t{blocks} * t.processors;
                              });
                            });
  }
};

struct per_cpu_shape {
  static constexpr bool has_shards = false;
  static constexpr bool has_recorder_shards = true;
  template <class Config>
  using front = per_cpu_front<Config>;
};

}  // namespace tarn::detail
