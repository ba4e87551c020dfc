// SPDX-License-Identifier: MIT
//
// The common base of all pools: upkeep, closing and reading. Not for direct use: use byte_pool,
// object_pool and the other pools.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/bounds/initial_blocks.hpp>
#include <tarn/detail/bounds/refusal_text.hpp>
#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/upkeep/upkeep.hpp>
#include <tarn/policy/traits.hpp>
#include <tarn/value/closing_report_slow.hpp>
#include <tarn/value/errors.hpp>
#include <tarn/value/live_blocks.hpp>
#include <tarn/value/operation.hpp>
#include <tarn/value/read_core.hpp>

namespace tarn {

/// Empties the calling thread's caches of closed pools now. Without this call the thread does it on
/// its next slow path in any pool, or when it ends. The memory of a closed pool stays until then.
/// It concerns pools that the calling module (the program, or a library with hidden symbols) made.
inline void flush_thread() noexcept {
  using env = detail::native_env;
  env::registry().follow_orders();
}

namespace detail {

/// Throws the error that says why `core` refused `size` bytes.
template <class Core>
[[noreturn]] TARN_COLD void throw_nothing(Core& core, std::size_t size, std::size_t alignment = 1) {
  if (size > max_size) throw_length("size", size, "must be at most", max_size);
  const auto why =
      bounds<typename Core::config>::reason(core, tier_wanted(core, size, alignment), size);
  if (why == refusal::closed) throw pool_closed(core.name());
  throw pool_exhausted(request_text(core, why, size, alignment).c_str());
}

/// Throws the error that says why `core` has no node for shared bytes.
template <class Core>
[[noreturn]] TARN_COLD void throw_no_node(Core& core) {
  const auto why = bounds<typename Core::config>::why_no_node(core);
  if (why == refusal::closed) throw pool_closed(core.name());
  throw pool_exhausted(node_text(core, why).c_str());
}

/// The public base of pools.
template <class Core>
class pool_base {
  using bounds_type = bounds<typename Core::config>;
  using env = typename Core::env;

 public:
  // Not movable: handles point to the core, so a move could work, but it would surprise users.
  pool_base(const pool_base&) = delete;
  pool_base& operator=(const pool_base&) = delete;

  /// Gives all idle memory back: that of this thread and of the depots now, that of other threads
  /// on their next slow path. Live blocks stay valid.
  void drain() noexcept {
    tell_trim([&] { core_->drain(); });
  }
  /// As `drain`, and also empties the cache of large blocks.
  void clear() noexcept {
    tell_trim([&] { empty(); });
  }
  /// Gives idle memory back to the source until at most `to_bytes` are idle. Returns: the number of
  /// bytes given back.
  std::size_t trim(std::size_t to_bytes = 0) noexcept {
    std::size_t given = 0;
    tell_trim([&] {
      if constexpr (requires { core_->trim_bytes(to_bytes); }) {
        given = core_->trim_bytes(to_bytes);
      } else {
        given = core_->trim(to_bytes);
      }
    });
    return given;
  }
  /// Drains, then makes the initial blocks ready again. The new blocks are made before the drain,
  /// so a failure changes nothing. If a limit leaves no room for both, the initial blocks are idle
  /// ones, which stay, and new ones in place of those that are missing. If these need memory that
  /// other tiers have idle, a failure may leave fewer idle blocks there. Throws: as the
  /// constructor; `pool_closed`.
  void reset_and_drain() {
    if (closed()) {
      core_->refuse(refusal::closed, 0, core_->shape_of(0).size);
      throw pool_closed(core_->name());
    }
    const upkeep_pass counted;
    const auto missed = initial_.fit_beside(*core_)
                            ? initial_.make(*core_, true, [this] { empty(); })
                            : initial_.make_missing(*core_);
    if (missed) refuse_blocks(missed.tier, missed.blocks);
    std::size_t ready = 0;
    for (std::uint32_t t = 0; t != core_->tiers(); ++t)
      ready += core_->ready_of(t);
    core_->observers().tell({pool_event_kind::reset, 0, ready, 0, nullptr});
  }
  /// Gives back memory that is not needed. Call it periodically, on any thread. `now` may come from
  /// any steady clock, but always from the same one. Returns: the number of blocks given back.
  ///
  /// With a `cleanup_interval`, it destroys all blocks that were idle in a depot for a whole
  /// interval. Without one, it gives back half of the blocks that were not needed for a whole
  /// `decay_interval`, rounded up to whole slabs, once per interval. A late call does the work of
  /// all missed calls. So memory falls fast after a spike, and slowly under a steady load; what is
  /// needed within an interval stays, and so do `initial_objects`. It does the same with the cache
  /// for blocks above the last tier, counted in bytes. It tells observers the idle memory before
  /// and after, see `event_log`.
  ///
  /// The calling thread empties its caches into the depots. Each other thread does so on its next
  /// slow path, for the caches that it did not use for a whole interval.
  std::size_t maintain(time_span now = time_span::of_nanoseconds(env::now())) noexcept {
    const bool cleans = cleanup_interval_ >= 0;
    const bool decays = !cleans && decay_interval_ != 0;
    const auto percent = retention_percent_.load(std::memory_order::relaxed);  // may be outdated
    if (closed() || (!cleans && !decays && percent < 0)) return 0;
    const auto interval = cleans   ? cleanup_interval_
                          : decays ? decay_interval_
                                   : options::default_decay_interval.count();
    auto last = last_tick_.load(std::memory_order::relaxed);
    // Unsigned: a clock may begin far below zero.
    const auto since = static_cast<std::uint64_t>(now.count()) - static_cast<std::uint64_t>(last);
    if (last != never && (now.count() < last || since < static_cast<std::uint64_t>(interval))) {
      return 0;
    }
    // relaxed: of two concurrent callers one does the work; the core orders its own state.
    if (!last_tick_.compare_exchange_strong(last, now.count(), std::memory_order::relaxed,
                                            std::memory_order::relaxed)) {
      return 0;
    }
    const upkeep_pass counted;
    tick_rules rules;
    rules.now = now.count();
    rules.keeps_initial = !cleans;
    if (last != never) {
      rules.percent = percent;
      rules.passed = interval == 0 ? 1 : since / static_cast<std::uint64_t>(interval);
      if (cleans) rules.halvings = tick_rules::all;
      if (decays) {
        rules.halvings =
            static_cast<unsigned>(min_of<std::uint64_t>(rules.passed, tick_rules::all));
      }
    }
    std::size_t blocks = 0;
    tell_upkeep(1, [&] {
      if constexpr (requires { core_->large(); }) {
        std::size_t bytes = 0;
        blocks = evict_large(*core_, rules, upkeep_type::aged_pages(*core_), bytes);
      }
      blocks += upkeep_type::tick(*core_, rules);
    });
    return blocks;
  }

  /// Calls `callback(const operation&)` for each operation from now on, and replaces the previous
  /// callback; null removes it. Waits for running calls of the previous callback, unless it is
  /// called from within one.
  ///
  /// The callback runs on the thread of the operation, outside every lock: before a block comes
  /// home, and after a get. It may use the pool; its own operations are not reported. Its
  /// exceptions are swallowed and counted, see `snapshot::callback_failures`. Gets and puts leave
  /// the hit path while there is a callback; without one they pay nothing.
  ///
  /// Throws: `pool_closed`; `std::bad_alloc`; `std::invalid_argument` if the pool has 8 other
  /// observers.
  /// Thread safety: any thread, at any time; for a single-threaded pool, the thread of the pool.
  template <class Callback>
  void set_callback(Callback callback) {
    observer<env>* made = nullptr;
    if constexpr (!std::is_null_pointer_v<Callback>) {
      static_assert(std::is_invocable_v<Callback&, const operation&>,
                    "set_callback: the callback is called with a const tarn::operation&");
      if (!is_null(callback)) {
        auto* const watcher = new callback_watcher<env, Callback>(std::move(callback));
        env::keep_functions_of(*watcher);
        made = watcher;
      }
    }
    observer<env>* old = nullptr;
    if (!core_->observers().set(made, old)) refuse_watcher(made);
    core_->refresh_fast_path();
    if (old != nullptr) core_->observers().let_go(old);
  }

  /// Drops the pages of all idle memory in the depots and in the large cache now. The memory stays
  /// reserved, serves gets again at once, and reads zero then. Live blocks are not touched. Idle
  /// kept objects are destroyed. If pages can't be dropped (see `idle_memory`), the memory goes
  /// back to the source, as in `trim`. Returns: the number of bytes.
  ///
  /// Blocks are not available during the system call, so a pool with `capacity` may refuse a get
  /// with "all in use" then.
  std::size_t purge() noexcept {
    if constexpr (!upkeep_type::can_purge) return trim(0);
    const upkeep_pass counted;
    std::size_t bytes = 0;
    tell_upkeep(0, [&] {
      if constexpr (requires { core_->large(); }) {
        evict_large(*core_, tick_rules{.percent = 0}, purge_mode::at_once, bytes);
      }
      bytes += upkeep_type::purge(*core_);
    });
    return bytes;
  }

  /// Limits the idle blocks in a depot to `percent` of the recent peak use of their tier: the most
  /// blocks that were live or in caches at once, where each tick lowers the past peak by an eighth.
  /// -1, the default, sets no limit: decay already keeps what is needed, and a steady load loses no
  /// memory to it.
  ///
  /// `maintain` applies the limit once per interval, after decay (or the cleanup), and counts it
  /// there; `initial_objects` stay. `max_objects` and `max_bytes` are different: each put applies
  /// them. Slow paths apply the budgets of thread caches.
  ///
  /// Returns: the previous value. Throws: `std::invalid_argument` if `percent` is not from -1 to
  /// 1000000.
  int set_retention_percent(int percent) {
    constexpr int most = 1'000'000;
    if (percent < -1) throw_invalid("retention percent", percent, "must be at least", -1);
    if (percent > most) throw_invalid("retention percent", percent, "must be at most", most);
    return retention_percent_.exchange(percent, std::memory_order::relaxed);  // read on ticks
  }

  /// Ends the pool: a get throws from now on, a put still works, idle memory goes back. Live blocks
  /// stay valid; the last one that comes back frees the memory of the pool. A second call does
  /// nothing.
  ///
  /// Applies `options::closing` to the live blocks: see `set_closing_handler`.
  void close() noexcept {
    if (end_gets()) report_what_is_out();
  }
  [[nodiscard]] bool closed() const noexcept { return core_->closed(); }

  [[nodiscard]] const std::string& name() const noexcept { return core_->name(); }
  /// True if `p` points into memory of this pool's slabs.
  [[nodiscard]] bool owns(const void* p) const noexcept {
    upkeep_totals.searched();
    return core_->find_slab(p) != nullptr;
  }
  /// The numbers of blocks and bytes, under every stats policy.
  [[nodiscard]] tarn::occupancy occupancy() const {
    tarn::occupancy o;
    read_tiers(*core_, o.tiers, o.nodes);
    read_large(o.large);
    o.slab_bytes = core_->slab_bytes_taken();
    o.most_held_bytes = core_->source().most_held();
    core_->refusals().read(o.refusals);
    return o;
  }
  /// All numbers of the pool, if the stats policy counts.
  [[nodiscard]] tarn::snapshot snapshot() const
    requires(Core::config::counts)
  {
    tarn::snapshot s;
    s.name = core_->name();
    s.callback_failures = core_->observers().failures();
    s.taken = time_span::of_nanoseconds(env::now());
    s.created = time_span::of_nanoseconds(created_);
    const auto resized = last_resized_.load(std::memory_order::relaxed);  // a statistic
    s.last_resized = resized == never ? s.created : time_span::of_nanoseconds(resized);
    s.object_size_bytes = core_->shape_of(core_->tiers() - 1).size;
    s.max_idle_bytes = max_idle_bytes_;
    s.capacity = capacity_;
    s.limit_bytes = limit_bytes_;
    read_tiers(*core_, s.tiers, s.nodes);
    read_large(s.large);
    if constexpr (requires { core_->holders(); }) {
      const auto releases = core_->holders().shown_puts();
      s.retains = core_->holders().gets();
      s.releases = min_of(releases, s.retains);  // one of them may turn out to be the last one
    }
    s.slab_bytes = core_->slab_bytes_taken();
    s.most_held_bytes = core_->source().most_held();
    core_->refusals().read(s.refusals);
    read_recorders(*core_, s);
    read_samples(s);
    if constexpr (Core::config::times_waits) {
      if (capacity_ != no_limit || limit_bytes_ != no_limit)
        s.waiting_times = read_times(core_->waiting_times());
    }
    read_misuses(*core_, s.misuses);
    if constexpr (requires { core_->constructed(); }) {
      s.constructed = core_->constructed();
      s.reset_failures = core_->reset_failures();
      s.outgrown = core_->outgrown();
    }
    return s;
  }
  /// The live blocks of this pool by call site, of the gets that the stats policy followed.
  /// `since`: only the blocks of gets after the report with this `next_id`.
  [[nodiscard]] leak_report live_blocks([[maybe_unused]] std::uint64_t since = 0) const
    requires(Core::samples)
  {
    leak_report made;
    // clang 14 makes this member also where its constraint does not hold, if a pool is instantiated
    // explicitly.
    if constexpr (Core::samples) {
      made.pool = core_->name();
      made.next_id = core_->sampled().next_id();
      made.in_use = occupancy().in_use();
      made.not_sampled = core_->sampled().refused();
      const auto now = env::now();
      core_->sampled().for_each([&](const sample& s) {
        if (s.id >= since) made.add(s, now);
      });
      made.sort();
    }
    return made;
  }
  /// Calls `action(recorder)` for each recorder of the stats policy.
  template <class Action>
  void for_each_recorder(Action&& action) const {
    core_->for_each_recorder(action);
  }

 protected:
  pool_base(Core* core, const options& o)
      : core_(accepted(core, o)),
        initial_{o.initial_objects.value_or(0),
                 o.initial_bytes.value_or(o.max_bytes.value_or(options::default_max_bytes)),
                 o.initial_bytes.has_value()},
        capacity_(o.capacity.value_or(no_limit)),
        limit_bytes_(o.limit_bytes.value_or(no_limit)),
        cleanup_interval_(o.cleanup_interval ? o.cleanup_interval->count() : -1),
        decay_interval_(o.decay_interval.value_or(options::default_decay_interval).count()),
        max_idle_bytes_(
            o.max_bytes.value_or(Core::front::is_stack ? no_limit : options::default_max_bytes)),
        created_(env::now()),
        closing_(o.closing),
        recent_lengths_(o.recent_lengths) {
    if constexpr (Core::samples) core_->sampled().lengths = access::sink(o.recent_lengths);
    core_->begin(&entrance_);
    bound_tiers(o);
  }
  ~pool_base() {
    core_->visits().end();
    close();
    core_->leave_entrance();
    core_->release();
  }

  /// The first half of `close`. Returns: whether `report_what_is_out` has to follow, once all
  /// threads that wait were sent away: the closing handler may wait for them.
  [[nodiscard]] bool end_gets() noexcept {
    if (core_->closed()) return false;
    core_->close();
    core_->observers().close();
    if constexpr (requires { core_->large(); }) core_->large().close(core_->source());
    return closing_ != closing::orphan;
  }
  void report_what_is_out() noexcept {
    large_snapshot large;
    read_large(large);
    report_closing(*core_, large, closing_);
  }

  template <class Callback>
  [[nodiscard]] static bool is_null(const Callback& callback) noexcept {
    if constexpr (std::is_pointer_v<Callback> || std::is_null_pointer_v<Callback> ||
                  requires { callback.target_type(); }) {
      return callback == nullptr;
    }
    return false;
  }

  [[nodiscard]] TARN_FORCE_INLINE Core& core() const noexcept { return *core_; }
  /// Where a request finds the calling thread's shard; see `core::begin`.
  [[nodiscard]] TARN_FORCE_INLINE const typename Core::place_word& place() const noexcept {
    return Core::front::place_in(entrance_, *core_);
  }

  void check_tier(std::size_t tier) const {
    if (tier >= core_->tiers()) {
      throw_invalid("tier", tier, "must be less than", std::size_t{core_->tiers()});
    }
  }
  /// Throws if the size of so many blocks overflows. Nothing has happened yet then.
  void check_amount(std::uint32_t tier, std::size_t blocks) const {
    const auto stride = core_->shape_of(tier).stride;
    if (blocks <= max_size / stride) return;
    const auto bytes = min_of(min_of(max_size, max_idle_bytes_), limit_bytes_);
    core_->refuse(refusal::too_large, tier, core_->shape_of(tier).size);
    throw_length("number of blocks", blocks, "must be at most", min_of(bytes / stride, capacity_));
  }
  /// Gets `blocks` blocks that are not ready yet.
  void gather(batch<Core>& into, std::uint64_t blocks) {
    if (!into.reserve(blocks) || !into.fill()) refuse_blocks(into.tier(), blocks);
  }
  [[noreturn]] TARN_COLD void refuse_blocks(std::uint32_t tier, std::uint64_t blocks) const {
    const auto why = bounds_type::why_no_more(*core_, tier, blocks);
    core_->refuse(why, tier, core_->shape_of(tier).size);
    if (why == refusal::closed) throw pool_closed(core_->name());
    throw pool_exhausted(blocks_text(*core_, why, tier, blocks).c_str());
  }
  /// Makes all blocks ready or none, but no more than the bounds of idle memory allow.
  void prewarm_tier(std::size_t tier, std::size_t blocks) {
    if (blocks == 0) return;  // nothing to make, even in a closed pool
    const auto t = static_cast<std::uint32_t>(tier);
    check_amount(t, blocks);
    const auto bound = bounds_type::bound(*core_, t);
    const auto ready = bounds_type::reachable(*core_, t);
    const auto room =
        min_of(bounds_type::room_for_idle(*core_, t), bound > ready ? bound - ready : 0);
    batch<Core> made(*core_, t);
    gather(made, min_of<std::uint64_t>(blocks, room));
    made.publish();
  }
  void resize_tier(std::size_t tier, std::size_t blocks) {
    const auto t = static_cast<std::uint32_t>(tier);
    check_amount(t, blocks);
    const auto ready = bounds_type::reachable(*core_, t);
    const auto missing = blocks > ready ? blocks - ready : 0;
    batch<Core> made(*core_, t);
    gather(made, min_of<std::uint64_t>(missing, bounds_type::room_for_idle(*core_, t)));
    const auto before = core_->set_bound(t, blocks);
    last_resized_.store(env::now(), std::memory_order::relaxed);
    made.publish();
    if (before != blocks)
      core_->observers().tell({pool_event_kind::resize, t, blocks, before, nullptr});
  }
  void prewarm_initially() {
    check_amount(core_->tiers() - 1, initial_.blocks);
    if (const auto missed = initial_.make(*core_, false, [] {}))
      refuse_blocks(missed.tier, missed.blocks);
  }
  /// Throws the error that says why a get of `count` blocks at once failed.
  [[noreturn]] TARN_COLD void fail_many(std::uint32_t tier, std::size_t size,
                                        std::size_t count) const {
    const auto why = bounds_type::why_not_many(*core_, tier, size, count);
    if (why == refusal::closed) throw pool_closed(core_->name());
    throw pool_exhausted(many_text(*core_, why, tier, size, count).c_str());
  }
  /// Throws the error that says why a get failed.
  [[noreturn]] TARN_COLD void fail(std::size_t size, std::size_t alignment = 1) const {
    if (size <= max_size && !std::has_single_bit(alignment)) {
      throw_invalid("alignment", alignment, "must be a power of two");
    }
    throw_nothing(*core_, size, alignment);
  }

 private:
  friend struct access;
  /// Adds the observer `w`. Takes the caller's reference, also if it throws.
  void watch(observer<env>* w) {
    if (!core_->observers().add(w)) refuse_watcher(w);
    core_->refresh_fast_path();
  }
  /// Removes the observer `w`. Returns: true if it was in the list; the caller has to release it
  /// then by `observer_list::let_go`, which does not need the pool.
  [[nodiscard]] bool unwatch(observer<env>* w) noexcept {
    const bool was_in = core_->observers().take_out(w);
    core_->refresh_fast_path();
    return was_in;
  }
  /// Must be called when an observer wants other events than before.
  void refresh_fast_path() noexcept { core_->refresh_fast_path(); }
  /// The core, which outlives the pool object. For observers: see observe/registry.hpp.
  [[nodiscard]] core_base<env>& lifeline() const noexcept { return *core_; }

  /// Lowers the bounds of single tiers. The core has that of the tier that keeps most.
  void bound_tiers(const options& o) noexcept {
    if (o.max_objects_by_tier.empty()) return;
    const auto every = o.max_objects.value_or(no_limit);
    for (std::uint32_t t = 0; t != core_->tiers(); ++t)
      core_->set_bound(t, min_of(every, o.max_objects_by_tier.of(t)));
  }
  void empty() noexcept {
    core_->drain();
    if constexpr (requires { core_->large(); }) core_->trim_bytes(0);
  }
  template <class Action>
  void tell_trim(Action&& action) noexcept {
    const upkeep_pass counted;
    const auto before = core_->slab_bytes_taken();
    action();
    const auto after = core_->slab_bytes_taken();
    if (after < before) core_->observers().tell({pool_event_kind::trim, 0, after, before, nullptr});
  }
  /// Runs `action`, which gives idle memory back, and tells observers before and after it.
  template <class Action>
  void tell_upkeep(std::size_t ticks, Action&& action) noexcept {
    core_->observers().tell({pool_event_kind::upkeep});
    action();
    core_->observers().tell({pool_event_kind::upkept, 0, ticks});
  }

  [[noreturn]] void refuse_watcher(observer<env>* w) const {
    w->release();
    if (closed()) throw pool_closed(core_->name());
    throw_invalid(("observers of pool '" + core_->name() + "'").c_str(),
                  observer_list<env>::most + 1, "must be at most", observer_list<env>::most);
  }
  using upkeep_type = upkeep<typename Core::config>;
  static constexpr std::int64_t never = INT64_MIN;
  static constexpr std::size_t no_limit = core_settings::no_limit;

  void read_large(large_snapshot& into) const {
    if constexpr (requires { core_->large(); }) into = core_->large().numbers();
  }

  struct no_ring {
    constexpr explicit no_ring(const length_ring&) noexcept {}
  };

  /// Refuses a ring that would never get a value. Ends the core then, as at the end of a pool.
  [[nodiscard]] static Core* accepted(Core* core, const options& o) {
    if (Core::samples || !o.recent_lengths) return core;
    core->begin();
    core->close();
    core->release();
    throw std::invalid_argument(
        "tarn: recent_lengths needs a stats policy that records, such as recording_stats");
  }

  void read_samples([[maybe_unused]] tarn::snapshot& into) const {
    if constexpr (Core::samples) {
      const auto& from = core_->sampled();
      if (recent_lengths_) into.recent_lengths = recent_lengths_.values();
      into.samples = from.remembered();
      into.not_sampled = from.refused();
      for (std::size_t bits = 0; bits != from.lifetimes; ++bits)
        into.lifetimes.push_back(from.lifetime(bits));
      into.acquire_times = read_times(from.acquire_times());
      for (std::size_t i = 0; i != into.tiers.size(); ++i) {
        // Includes the blocks of this moment: an estimate under load, so it is not stored.
        into.tiers[i].most_in_use = max_of(from.most_in_use(i), into.tiers[i].in_use);
      }
    }
  }

  Core* core_;  // lives on while blocks are live
  TARN_NO_UNIQUE_ADDRESS typename Core::front::entrance entrance_;
  initial_blocks initial_;
  std::size_t capacity_;  // this and the next two are kept for snapshots
  std::size_t limit_bytes_;
  std::int64_t cleanup_interval_;  // nanoseconds; -1: no cleanup
  std::int64_t decay_interval_;    // nanoseconds; 0: never
  std::size_t max_idle_bytes_;
  std::int64_t created_;
  closing closing_;
  typename env::template atomic<std::int64_t> last_resized_{never};
  typename env::template atomic<std::int64_t> last_tick_{never};
  typename env::template atomic<int> retention_percent_{-1};
  TARN_NO_UNIQUE_ADDRESS std::conditional_t<Core::samples, length_ring, no_ring> recent_lengths_;
};

}  // namespace detail
}  // namespace tarn
