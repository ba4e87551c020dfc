// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/settings.hpp>
#include <tarn/detail/check/seam.hpp>
#include <tarn/detail/core/metered_source.hpp>
#include <tarn/detail/core/tier.hpp>
#include <tarn/detail/frontend/held_blocks.hpp>
#include <tarn/detail/frontend/per_thread_front.hpp>
#include <tarn/detail/frontend/registry.hpp>
#include <tarn/detail/frontend/shard.hpp>
#include <tarn/detail/frontend/striped_front.hpp>
#include <tarn/detail/samples/recording_core.hpp>
#include <tarn/detail/shared/time_counts.hpp>
#include <tarn/detail/shared/waiting_lines.hpp>

namespace tarn::detail {

// What few programs include.
template <class Config>
struct placed_stack;
template <class Config>
struct block_walk;

/// What a get may take while requests wait. `none`: a get that does not wait, so no block that one
/// of these waits for. `home`: the first of a line may take idle blocks. `all`: it may also take
/// memory of the source, which no older request waits for.
enum class turn : std::uint8_t { none, home, all };

/// Shards of magazines in front of a depot: the one mechanism behind all pools.
///
/// `Config`: env, lock, shape, source, `recorder` (per shard, or shared), `counts` (gets and puts
/// are counted), `checks` (slabs carry one in-use bit per block).
///
/// The pool object and every handle point to a core. The core ends when the pool object is gone and
/// every block is home. Definitions: hit_path.hpp, acquire.hpp and growth.hpp (gets), give_back.hpp
/// (puts), bulk.hpp (both), waiting.hpp (gets that wait), life.hpp and threads.hpp, indices.hpp
/// (the lock-free shape), numbers.hpp (reading); flush.hpp, evict.hpp, ready_bounds.hpp,
/// compact.hpp, drain.hpp and trim.hpp in the folder upkeep (idle memory).
template <class Config>
class core : public core_base<typename Config::env>,
             public recording_core<core<Config>, Config>,
             public detention_of<Config> {
  friend recording_core<core, Config>;
  friend typename Config::samples;

 public:
  using config = Config;
  using env = typename Config::env;
  using lock_type = typename Config::lock;
  using source_type = metered_source<env, typename Config::source, block_checks<Config>>;
  using shard_type = shard<env, typename Config::recorder>;
  using cache_type = tier_cache<env>;
  using slab_type = slab<env>;
  using acquired_type = acquired<env>;
  using taken_type = std::conditional_t<core::samples, timed_acquired<env>, acquired_type>;
  using where_type = typename recording_core<core, Config>::where_type;
  using checks_type = block_checks<Config>;
  using place_word = typename env::template atomic<std::uintptr_t>;

  /// What stands before the depots. No other part of the core asks which one it is.
  using front = typename Config::shape::template front<Config>;
  static constexpr bool has_shards = front::has_shards || core::only_recorders;
  static constexpr bool has_recorders = has_shards && !std::is_empty_v<typename Config::recorder>;
  static constexpr std::uint64_t mark = Config::counts ? one_get : 0;

  /// `size_of(i)`: bytes of tier `i`, ascending.
  template <class SizeOf>
  core(const core_settings&, std::uint32_t tiers, SizeOf&& size_of, typename Config::source);
  /// Makes the core known to threads and fork handlers. To be called when the core is wholly
  /// constructed, before any other use of it.
  ///
  /// `entrance`: a part of the pool object, which holds `hot_place()` from now until
  /// `leave_entrance`. Requests through the pool object read it, and follow no pointer to the core.
  void begin(typename front::entrance* entrance = nullptr) noexcept;
  void leave_entrance() noexcept;

  // A core below the heap takes no memory for itself from the heap. Throws: `std::bad_alloc`.
  [[nodiscard]] static void* operator new(std::size_t bytes) { return place_for<core>(bytes); }
  static void operator delete(void* p, std::size_t bytes) noexcept { give_place<core>(p, bytes); }

  // The hit path. Preconditions of all: the caller holds a block of this core, or the pool object
  // lives.

  /// Returns: a block of `tier`, null if the core is closed or out of memory. `size` is the
  /// requested size and `where` the line of the request, both for statistics. `place`: the number
  /// of the tier's cache, where it is not that of the tier.
  [[nodiscard]] TARN_FORCE_INLINE taken_type take(std::uint32_t tier, std::size_t size,
                                                  where_type where = {}) {
    return take(tier, size, where, tier);
  }
  [[nodiscard]] TARN_FORCE_INLINE taken_type take(std::uint32_t tier, std::size_t size,
                                                  where_type where, std::size_t place);
  /// The part of `take` that is worth inlining. Returns: null if that part is not enough; nothing
  /// has changed then, so that the caller can leave the rest to a function that is never inlined.
  /// `named`: the request is known not to be for one of the core's own nodes.
  [[nodiscard]] TARN_FORCE_INLINE void* take_hit(shard_type* s, std::size_t place, std::size_t size,
                                                 bool named = false);
  [[nodiscard]] TARN_FORCE_INLINE void* pop_ready(std::size_t place, shard_type* s);
  /// Takes a block of `tier` back. Never fails, never allocates.
  TARN_FORCE_INLINE void give(std::size_t tier, void* block) noexcept { give(tier, block, tier); }
  TARN_FORCE_INLINE void give(std::size_t tier, void* block, std::size_t place) noexcept;
  /// The part of `give` that is worth inlining. Returns: false if that part is not enough; nothing
  /// has changed then.
  [[nodiscard]] TARN_FORCE_INLINE bool give_hit(shard_type* s, std::size_t place,
                                                void* block) noexcept;
  /// Where a thread finds its shard for requests whose block needs no further work. It finds the
  /// null shard while observers listen to each request, and if the pool zeroes or checks blocks.
  [[nodiscard]] const place_word& hot_place() const noexcept { return hot_place_; }
  /// The calling thread's shard at a place, or the null shard. Null where threads have no shards.
  [[nodiscard]] TARN_FORCE_INLINE shard_type* shard_at(const place_word& place) const noexcept;

  /// Takes `count` blocks if the caller's cache holds as many, by one store or one lock. Returns:
  /// whether it took them; `blocks` is unchanged if not.
  [[nodiscard]] bool pop_bulk(std::uint32_t tier, std::size_t size, void** blocks,
                              std::size_t count, where_type where);
  /// Takes `count` blocks or none, and calls `use(i, block, from)` for each. Returns: whether it
  /// got them; a refusal is not reported.
  template <class Use>
  [[nodiscard]] bool take_bulk(std::uint32_t tier, std::size_t size, std::size_t count,
                               where_type where, Use&& use);
  void give_bulk(std::uint32_t tier, void* const* blocks, std::size_t count) noexcept;

  // Gets that wait. The requests that do so stand in lines, one per tier.

  using request_type = waiting_request<env>;
  [[nodiscard]] waiting_lines<env>& waiting() noexcept { return source_.waiting; }
  [[nodiscard]] const waiting_lines<env>& waiting() const noexcept { return source_.waiting; }
  /// Puts a request into its line. From here on every put comes to the lock of its tier.
  TARN_COLD void begin_waiting(request_type& r) noexcept;
  TARN_COLD void end_waiting(request_type& r) noexcept;
  /// Counts a wait that ends now.
  void note_wait(std::int64_t began) noexcept { waits_.add(env::now() - began); }
  /// How long gets waited.
  [[nodiscard]] const auto& waiting_times() const noexcept { return waits_; }
  /// Takes a block as `take_miss`, when it is the turn of a request.
  [[nodiscard]] TARN_COLD taken_type take_in_turn(std::uint32_t tier, std::size_t size,
                                                  where_type where, turn whose);

  // Blocks that were taken out and do not count yet: by `bounds::hold`, or by `take` for an object
  // that is still to be made.

  /// Counts held blocks as gets; `note_held` tells the recorder and remembers what it follows.
  /// `began`: see `begin_get`; gets of many blocks at once are not timed.
  void count_held(std::uint32_t tier, const held_blocks& held) noexcept;
  void note_held(std::uint32_t tier, std::size_t size, void* const* blocks, std::size_t count,
                 where_type where, std::int64_t began = 0) noexcept;
  /// Takes held blocks home as if they had not been taken.
  void put_held(std::uint32_t tier, void* const* blocks, const held_blocks& held) noexcept;
  /// The same for one block without an object.
  void put_bare(std::uint32_t tier, void* block, origin from) noexcept;

  // Upkeep.

  /// Takes a block that holds no object, to be made ready. It is not counted as a get.
  [[nodiscard]] acquired_type take_bare(std::uint32_t tier);
  /// Counts so many fresh blocks from `take_bare` as created. `give_ready` follows.
  void count_bare(std::uint32_t tier, std::uint64_t fresh) noexcept;
  /// Take home a block: `give_ready` as ready for the next get, `park_home` without an object into
  /// its slab, which is given back if that made it whole.
  void give_ready(std::uint32_t tier, void* block) noexcept;
  void park_home(std::uint32_t tier, void* block, whole_slabs going = whole_slabs::all) noexcept;
  /// Takes back a block whose object was destroyed, as a put.
  void give_empty(std::uint32_t tier, void* block) noexcept;
  /// Counts the get of a block that `take` did not give as ready, in a pool that keeps objects.
  void count_made(std::uint32_t tier, const taken_type& got, std::size_t size,
                  where_type where) noexcept;
  /// Takes ready blocks out until `keep` are left, but at most `most` blocks, and destroys their
  /// objects. Returns: how many. All ready blocks that leave the depot without a get leave here.
  std::size_t evict(std::uint32_t tier, std::uint64_t keep, evict_reason why,
                    std::uint64_t most = ~std::uint64_t{0}) noexcept;
  /// Empties the caller's shard and the depots; other threads follow on their next slow path.
  void drain() noexcept;
  /// Gives idle memory back until at most `to_bytes` are idle. Returns: bytes given to the source.
  std::size_t trim(std::size_t to_bytes) noexcept;
  /// Bounds the ready blocks of `tier` and evicts those above it. Returns: the bound before.
  std::uint64_t set_bound(std::uint32_t tier, std::uint64_t blocks) noexcept;
  void close() noexcept;
  /// To be called when the pool object ends.
  void release() noexcept { this->drop_life(); }

  // Reading.

  /// Tiers that requests may name; one more, for the core's own nodes, may follow.
  [[nodiscard]] std::uint32_t tiers() const noexcept { return named_tiers_; }
  [[nodiscard]] const tier_shape& shape_of(std::uint32_t tier) const noexcept;
  /// Ready blocks of `tier` in the depot.
  [[nodiscard]] std::uint64_t ready_of(std::uint32_t tier) const noexcept;
  /// The slab that covers `p`, or null.
  [[nodiscard]] slab_type* find_slab(const void* p) const noexcept;
  /// Reports the numbers of all tiers. Puts are read before gets, so that in use is never negative.
  template <class Report>
  void read(Report&& report) const noexcept;
  [[nodiscard]] std::size_t slab_bytes_taken() const noexcept;
  [[nodiscard]] source_type& source() noexcept { return source_; }
  [[nodiscard]] const core_settings& settings() const noexcept { return settings_; }

 protected:
  ~core() override;

  /// Memory for a core of the most derived type, which is aligned more strictly than this base.
  template <class Derived>
  [[nodiscard]] static void* place_for(std::size_t bytes);
  template <class Derived>
  static void give_place(void* p, std::size_t bytes) noexcept;

  /// Destroys the object in an idle block. User code: no lock is held.
  virtual void dispose(void*) noexcept {}
  /// Gives idle memory back that the core does not know of. No lock is held.
  virtual void give_more_back() noexcept {}
  /// Opens the hit path for requests below `usual`, unless observers listen to operations; 0 closes
  /// it.
  void set_hot_end(std::size_t usual) noexcept;
  /// Idle bytes that the core does not know of. A tier's lock may be held.
  [[nodiscard]] virtual std::size_t idle_elsewhere() const noexcept { return 0; }
  void reclaim() noexcept;
  /// Whether a get would take what a request of this line waits for.
  [[nodiscard]] bool is_overtaking(std::uint32_t line, turn whose) noexcept {
    return whose == turn::none && waiting().is_taken(line);
  }
  /// Whether it may take memory of the source.
  [[nodiscard]] bool may_grow(turn whose) noexcept {
    return whose == turn::none ? !waiting().memory_is_taken() : whose == turn::all;
  }
  /// Where a core gets the memory that it keeps beside its blocks.
  [[nodiscard]] own_memory own() noexcept { return own_.memory(); }
  void lock_all() noexcept override;
  void unlock_all() noexcept override;
  void abandon_foreign_shards(void* own) noexcept override;

 private:
  friend front;
  friend cached_front<Config>;
  friend single_front<Config>;
  friend placed_stack<Config>;
  friend block_walk<Config>;
  friend cached_holds<Config>;
  friend struct upkeep<Config>;  // periodic work
  friend struct bounds<Config>;  // limits
  friend struct budgets<Config>;
  friend detention_of<Config>;
  friend struct grants<Config>;
  using tier_state = core_tier<Config>;

  [[nodiscard]] shard_type* own_shard() const noexcept;
  [[nodiscard]] shard_type* find_shard() noexcept;
  [[nodiscard]] cache_type* own_cache(tier_state& t) noexcept;

  // acquire.hpp and its neighbours
  /// The number of a tier's cache: behind the gap for nodes.
  [[nodiscard]] std::size_t place_of(std::uint32_t tier) const noexcept {
    return tier < named_tiers_ ? tier : tier + settings_.cache_gap;
  }
  [[nodiscard]] TARN_COLD taken_type take_miss(std::uint32_t tier, std::size_t size, where_type);
  void join_recorders();
  [[nodiscard]] bool is_bare(const acquired_type& got) const noexcept;
  [[nodiscard]] acquired_type take_locked(tier_state& t, bool counted) noexcept;
  void count_home(tier_state& t, const held_blocks& held) noexcept;
  /// What memory of slabs went back to: requests that wait for that are to be called.
  struct memory_returned {
    bool to_source = false;
    bool grew = false;        // a slab was added: others may want its other blocks
    std::uint64_t tiers = 0;  // one bit for each
  };
  [[nodiscard]] acquired_type take_or_grow(std::uint32_t tier, bool counted,
                                           turn whose = turn::none);
  void publish_place(bool open) noexcept;
  void publish_hot_place() noexcept;
  void forget_waiting() noexcept;
  [[nodiscard]] slab_type* obtain_slab(std::uint32_t tier, magazine_list<env>& magazines,
                                       memory_returned& to);
  [[nodiscard]] bool may_carve(std::size_t stride, std::size_t bytes) const noexcept;
  [[nodiscard]] void* obtain_larger(std::uint32_t tier, std::size_t&, slab_type*& parent) noexcept;
  [[nodiscard]] acquired_type grow(tier_state& t, bool counted, memory_returned& to);
  [[nodiscard]] void* ask_source(std::size_t bytes, memory_returned& to);
  [[nodiscard]] slab_type* describe(std::uint32_t tier, void* memory, std::size_t bytes,
                                    slab_type* parent, magazine_list<env>& magazines) noexcept;
  void return_memory(void* memory, std::size_t bytes, slab_type* parent,
                     memory_returned& to) noexcept;
  void announce(const memory_returned& to) noexcept;
  [[nodiscard]] static bool is_to_reunite(tier_state& t) noexcept;
  void reunite(std::uint32_t tier) noexcept;
  void stop_being_busy(tier_state& t) noexcept;

  // give_back.hpp and its neighbours
  TARN_FORCE_INLINE void give_unsampled(std::size_t tier, void* block, std::size_t place) noexcept;
  [[nodiscard]] TARN_FORCE_INLINE bool push_ready(shard_type*, std::size_t place, void*) noexcept;
  TARN_COLD void give_slow(std::uint32_t tier, void* block) noexcept;
  void bring_home(std::uint32_t tier, void* block) noexcept;
  template <class Park>
  void park_by(std::uint32_t tier, Park&& park_one) noexcept;
  std::size_t evict_ready(std::uint32_t tier, std::uint64_t keep, evict_reason why,
                          std::uint64_t most) noexcept;
  void evict_excess(std::uint32_t tier, evict_reason why = evict_reason::bound) noexcept;
  [[nodiscard]] std::size_t idle_at_home() const noexcept;
  void compact(std::uint32_t tier) noexcept;
  void compact_if_scattered(std::uint32_t tier) noexcept;
  [[nodiscard]] bool is_worth_compacting(const tier_state& t) const noexcept;
  [[nodiscard]] std::size_t bounded_idle_bytes() const noexcept;
  [[nodiscard]] std::uint64_t ready_to_keep(const tier_state& t) const noexcept;
  void flush(std::uint32_t tier, shard_type* left = nullptr) noexcept;
  void flush_all(shard_type* left = nullptr) noexcept;
  void release_slabs(std::uint32_t tier, slab_list<env>& whole) noexcept;
  void release_unused(std::uint32_t tier, evict_reason why) noexcept;
  void park(tier_state& t, void* block, slab_list<env>& whole,
            whole_slabs going = whole_slabs::all) noexcept;
  void moved_bytes(const tier_state& t, std::int64_t blocks) noexcept;

  // numbers.hpp and its neighbours
  template <class Action>
  void for_each_cache(tier_state& t, Action&& action) const;

  // life.hpp and its neighbours
  [[nodiscard]] shard_type* attach(bool may_allocate) noexcept;
  [[nodiscard]] shard_type* find_vacant() noexcept;
  [[nodiscard]] shard_type* make_shard() noexcept;
  /// Blocks that fit into the cache of a tier.
  [[nodiscard]] auto room_of_tier() const noexcept {
    return [this](std::uint32_t i) { return budgets<Config>::room_of(*this, i); };
  }
  void make_spare_shard() noexcept;
  void keep_vacant(shard_type* s) noexcept;
  void refit(tier_state& t) noexcept;
  void bound_to(tier_state& t, std::uint64_t blocks) noexcept;
  void follow_orders() noexcept;
  [[nodiscard]] std::uint32_t settled(tier_state& t) noexcept;
  void leave(void* shard) noexcept override;
  void renew() noexcept override;
  void abandon_in_flight(tier_state& t) noexcept;
  [[nodiscard]] bool contains(const void* p) const noexcept override;
  void end() noexcept override;

  // The places where a thread finds its shard, or the null shard once the pool is closed.
  place_word hot_place_, own_place_;
  typename front::entrance* entrance_ = nullptr;  // guarded by the lock of the observers
  TARN_NO_UNIQUE_ADDRESS typename front::core_part front_part_;
  std::uint32_t named_tiers_, tier_count_;  // immutable
  std::conditional_t<is_below_heap_v<typename Config::source>, own_from_pages, own_from_heap> own_;
  tier_list<tier_state> tiers_;  // immutable
  core_settings settings_;
  source_type source_;
  directory<env, slab_type> directory_;
  typename env::template atomic<std::size_t> source_bytes_{0};  // bytes of slabs
  typename env::template atomic<std::int64_t> ready_bytes_{0};  // ready bytes in the depots
  slab_departures<env> slabs_;
  upkeep_state<env> upkeep_;
  typename env::template atomic<std::uint64_t> drains_{0}, bounds_{0};  // how often they changed
  typename env::template atomic<bool> shard_wanted_{false};  // a put found no vacant shard
  lock_type shard_lock_;
  typename env::template atomic<shard_type*> shards_{nullptr};  // all shards ever made; only grows
  shard_type* vacant_ = nullptr;  // first of them that no thread has; guarded by shard_lock_
  lock_type gate_;                // held while the first request begins and the last one ends
  TARN_NO_UNIQUE_ADDRESS std::conditional_t<Config::times_waits, time_counts<env>, no_time_counts>
      waits_;
};

}  // namespace tarn::detail
