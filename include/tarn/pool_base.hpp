// SPDX-License-Identifier: MIT
//
// What all pools have in common: upkeep, closing and reading. Not a product: use byte_pool,
// object_pool and their kin.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
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
#include <tarn/value/errors.hpp>
#include <tarn/value/live_blocks.hpp>
#include <tarn/value/operation.hpp>

namespace tarn {

/// Empties the calling thread's caches of closed pools at once; else that happens on its next slow
/// path in any pool, or when it ends. Until then a closed pool's memory can't go.
inline void flush_thread() noexcept {
  using env = detail::native_env;
  env::registry().follow_orders();
}

namespace detail {

/// Says why `core` gave nothing for `size` bytes.
template <class Core>
[[noreturn]] TARN_COLD void throw_nothing(Core& core, std::size_t size, std::size_t alignment = 1) {
  if (size > max_size) throw_length("size", size, "must be at most", max_size);
  const auto why =
      bounds<typename Core::config>::reason(core, tier_wanted(core, size, alignment), size);
  if (why == refusal::closed) throw pool_closed(core.name());
  throw pool_exhausted(request_text(core, why, size, alignment).c_str());
}

/// What pools inherit in public.
template <class Core>
class pool_base {
  using bounds_type = bounds<typename Core::config>;
  using env = typename Core::env;

 public:
  pool_base(const pool_base&) = delete;  // handles point to the pool's core, not to the pool, but
  pool_base& operator=(const pool_base&) = delete;  // a pool that moves would surprise its users

  /// Gives back everything idle: this thread's and the depots' now, other threads' on their next
  /// slow path. Blocks that are out stay valid.
  void drain() noexcept {
    tell_trim([&] { core_->drain(); });
  }
  /// As `drain`, and empties the cache for large blocks.
  void clear() noexcept {
    tell_trim([&] { empty(); });
  }
  /// Gives idle memory back to the source until at most `to_bytes` are idle. Returns: how much.
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
  /// Drains, then makes the initial blocks ready again. They are made first, beside what is idle,
  /// so that nothing has changed if they can't be; only where a limit leaves no room for both does
  /// the idle memory go first. Throws: as the constructor; `pool_closed`.
  void reset_and_drain() {
    if (closed()) throw pool_closed(core_->name());
    const upkeep_pass counted;
    const auto drained = [this] { empty(); };
    if (initial_.fit_beside(*core_)) {
      make_initial(true, drained);
    } else {
      initial_blocks::replace(*core_, 0, drained, [this] { make_initial(false, [] {}); });
    }
    std::size_t ready = 0;
    for (std::uint32_t t = 0; t != core_->tiers(); ++t)
      ready += core_->ready_of(t);
    core_->observers().tell({pool_event_kind::reset, 0, ready, 0, nullptr});
  }
  /// Gives memory back that is not needed. To be called now and then, by any thread; `now` on any
  /// steady clock, always the same one. Returns: the number of blocks.
  ///
  /// With a `cleanup_interval`, all that was idle in a depot for a whole interval is destroyed.
  /// Without, half of it, rounded up to whole slabs, once per `decay_interval` (a late call does as
  /// much as all that were missed): quick after a spike, gentle when the load is steady, and what
  /// is needed within an interval stays. So do `initial_objects`. Of the cache for blocks above the
  /// last tier goes, by bytes, what no get took meanwhile. Observers are told what there was idle
  /// and what is left, see `event_log`.
  ///
  /// The caches of the calling thread are emptied into the depots; each other thread does that on
  /// its next slow path, with those that it did not use for a whole interval.
  std::size_t maintain(time_span now = time_span::of_nanoseconds(env::now())) noexcept {
    const bool cleans = cleanup_interval_ >= 0;
    const bool decays = !cleans && decay_interval_ != 0;
    const auto percent = retention_percent_.load(std::memory_order::relaxed);  // as of some moment
    if (closed() || (!cleans && !decays && percent < 0)) return 0;
    const auto interval = cleans   ? cleanup_interval_
                          : decays ? decay_interval_
                                   : options::default_decay_interval.count();
    auto last = last_tick_.load(std::memory_order::relaxed);
    if (last != never && now.count() - last < interval) return 0;
    // relaxed: of two callers at the same time one does the work; the core orders its own state.
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
      const auto since = static_cast<std::uint64_t>(now.count() - last);
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

  /// Calls `callback(const operation&)` for each operation from now on, in the place of the
  /// callback before; null for none. Waits for calls of that one that have begun, unless it is
  /// called from within one.
  ///
  /// The callback runs on the thread that does the operation, outside every lock, before a block
  /// goes home and after it was got. It may use the pool (what it does itself is not told); what it
  /// throws is swallowed and counted, see `snapshot::callback_failures`. Meanwhile gets and puts
  /// leave the hit path; without one they pay nothing.
  ///
  /// Throws: `pool_closed`; `std::bad_alloc`; `std::invalid_argument` if 8 others watch the pool.
  /// Thread safety: any thread, at any time; in a single-threaded pool, its own.
  template <class Callback>
  void set_callback(Callback callback) {
    observer<env>* made = nullptr;
    if constexpr (!std::is_null_pointer_v<Callback>) {
      static_assert(std::is_invocable_v<Callback&, const operation&>,
                    "set_callback: the callback is called with a const tarn::operation&");
      if (!is_null(callback)) made = new callback_watcher<env, Callback>(std::move(callback));
    }
    observer<env>* old = nullptr;
    bool is_in = true;
    {
      const guard<typename env::mutex> hold(callback_lock_);
      old = callback_;
      if (made != nullptr) {
        is_in = core_->observers().add(made, old);
      } else if (old != nullptr && !core_->observers().take_out(old)) {
        old = nullptr;  // the pool was closed
      }
      if (is_in) callback_ = made;
    }
    if (!is_in) refuse_watcher(made);
    core_->refresh_fast_path();
    if (old != nullptr) core_->observers().let_go(old);
  }

  /// Drops the pages of all that is idle in the depots and in the large cache now: the memory
  /// stays, its blocks serve again at once and are zero then. What is out is not touched. Kept
  /// objects are destroyed. Where pages can't be dropped (see `idle_memory`), the memory goes, as
  /// by `trim`. Returns: the bytes.
  ///
  /// Blocks are out of reach for the moment of the system call; a pool with `capacity` may say "all
  /// in use" then.
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

  /// Allows idle blocks in a depot up to `percent` of the recent peak use of their tier: the most
  /// that were out (or in caches) at once, where each tick takes an eighth off the past. -1, the
  /// default, allows any: decay already knows what is needed, and a steady load loses nothing to
  /// it.
  ///
  /// `maintain` applies it, after decay (or the cleanup) and with its counter, once per interval;
  /// `initial_objects` stay. `max_objects` and `max_bytes` are applied at once, on each put, and
  /// the budgets of thread caches on their slow paths.
  ///
  /// Returns: the value before. Throws: `std::invalid_argument` if it is not from -1 to 1000000.
  int set_retention_percent(int percent) {
    constexpr int most = 1'000'000;
    if (percent < -1) throw_invalid("retention percent", percent, "must be at least", -1);
    if (percent > most) throw_invalid("retention percent", percent, "must be at most", most);
    return retention_percent_.exchange(percent, std::memory_order::relaxed);  // read on ticks
  }

  /// Ends the pool: a get throws from now on, a put still works, idle memory goes back. What is
  /// out stays valid; the last of it frees the pool's memory. Does nothing the second time.
  ///
  /// What `options::closing` says about blocks that are out is done here.
  void close() noexcept {
    if (core_->closed()) return;
    core_->close();
    core_->observers().close();
    if constexpr (requires { core_->large(); }) core_->large().close(core_->source());
    if (closing_ == closing::orphan) return;
    const auto now = occupancy();
    const auto out = max_of(now.in_use(), now.nodes.in_use);  // a node without a block: external
    if (out == 0) return;
    std::fprintf(stderr, "tarn: pool '%s' was closed with %llu block%s in use\n",
                 core_->name().c_str(), static_cast<unsigned long long>(out), out == 1 ? "" : "s");
    if (closing_ == closing::abort) std::abort();
  }
  [[nodiscard]] bool closed() const noexcept { return core_->closed(); }

  [[nodiscard]] const std::string& name() const noexcept { return core_->name(); }
  /// True if `p` points into memory of this pool's slabs.
  [[nodiscard]] bool owns(const void* p) const noexcept {
    upkeep_totals.searched();
    return core_->find_slab(p) != nullptr;
  }
  /// Blocks and memory; for every stats policy.
  [[nodiscard]] tarn::occupancy occupancy() const {
    tarn::occupancy o;
    read_tiers(*core_, o.tiers, o.nodes);
    read_large(o.large);
    o.slab_bytes = core_->slab_bytes_taken();
    core_->refusals().read(o.refusals);
    return o;
  }
  /// All numbers of the pool; where the stats policy counts.
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
      s.releases = min_of(releases, s.retains);  // one may turn out to be the last
    }
    s.slab_bytes = core_->slab_bytes_taken();
    core_->refusals().read(s.refusals);
    read_recorders(*core_, s);
    read_samples(s);
    const auto& misuses = core_->misuses();
    for (std::size_t kind = 0; kind != misuses.kinds; ++kind)
      s.misuses.push_back(misuses.read(kind));
    if constexpr (requires { core_->constructed(); }) {
      s.constructed = core_->constructed();
      s.reset_failures = core_->reset_failures();
      s.outgrown = core_->outgrown();
    }
    return s;
  }
  /// Who holds blocks of this pool, by call site: of the gets that the stats policy followed, those
  /// that are out. `since`: only those that came after a report with this `next_id`.
  [[nodiscard]] leak_report live_blocks(std::uint64_t since = 0) const
    requires(Core::samples)
  {
    leak_report made;
    made.pool = core_->name();
    made.next_id = core_->sampled().next_id();
    made.in_use = occupancy().in_use();
    made.not_sampled = core_->sampled().refused();
    const auto now = env::now();
    core_->sampled().for_each([&](const sample& s) {
      if (s.id >= since) made.add(s, now);
    });
    made.sort();
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
            o.max_bytes.value_or(Core::is_lock_free ? no_limit : options::default_max_bytes)),
        created_(env::now()),
        closing_(o.closing),
        recent_lengths_(o.recent_lengths) {
    if constexpr (Core::samples) core_->sampled().lengths = access::sink(o.recent_lengths);
    core_->begin();
  }
  ~pool_base() {
    core_->visits().end();
    close();
    core_->release();
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

  void check_tier(std::size_t tier) const {
    if (tier >= core_->tiers()) {
      throw_invalid("tier", tier, "must be less than", std::size_t{core_->tiers()});
    }
  }
  /// Refuses a number of blocks whose bytes no size can tell. Nothing has happened yet.
  void check_amount(std::uint32_t tier, std::size_t blocks) const {
    const auto stride = core_->shape_of(tier).stride;
    if (blocks <= max_size / stride) return;
    const auto bytes = min_of(min_of(max_size, max_idle_bytes_), limit_bytes_);
    core_->refuse(refusal::too_large, tier, core_->shape_of(tier).size);
    throw_length("number of blocks", blocks, "must be at most", min_of(bytes / stride, capacity_));
  }
  /// Gets `blocks` of them that are not ready yet.
  void gather(batch<Core>& into, std::uint64_t blocks) {
    if (!into.reserve(blocks) || !into.fill()) refuse_blocks(into.tier(), blocks);
  }
  [[noreturn]] TARN_COLD void refuse_blocks(std::uint32_t tier, std::uint64_t blocks) const {
    const auto why = bounds_type::why_no_more(*core_, tier, blocks);
    core_->refuse(why, tier, core_->shape_of(tier).size);
    if (why == refusal::closed) throw pool_closed(core_->name());
    throw pool_exhausted(blocks_text(*core_, why, tier, blocks).c_str());
  }
  /// All or none, but never more than the bounds of what may be idle leave room for.
  void prewarm_tier(std::size_t tier, std::size_t blocks) {
    if (blocks == 0) return;  // nothing to make, also where the pool is closed
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
  template <class Then>
  void make_initial(bool afresh, Then&& then) {
    const auto refuse = [this](std::uint32_t tier, std::size_t n) { refuse_blocks(tier, n); };
    initial_.make(*core_, afresh, refuse, then);
  }
  void prewarm_initially() {
    check_amount(core_->tiers() - 1, initial_.blocks);
    make_initial(false, [] {});
  }
  /// Says why a get got nothing.
  [[noreturn]] TARN_COLD void fail(std::size_t size, std::size_t alignment = 1) const {
    if (size <= max_size && !std::has_single_bit(alignment)) {
      throw_invalid("alignment", alignment, "must be a power of two");
    }
    throw_nothing(*core_, size, alignment);
  }

 private:
  friend struct access;
  /// Tells `w` of what the pool does. Takes the caller's reference, also if it throws.
  void watch(observer<env>* w) {
    if (!core_->observers().add(w)) refuse_watcher(w);
    core_->refresh_fast_path();
  }
  /// Tells it nothing new. Returns: whether it was told; it is the caller's to let go then, by
  /// `observer_list::let_go`, which does not need the pool.
  [[nodiscard]] bool unwatch(observer<env>* w) noexcept {
    const bool was_in = core_->observers().take_out(w);
    core_->refresh_fast_path();
    return was_in;
  }
  /// To be called when what a observer wants has changed.
  void refresh_fast_path() noexcept { core_->refresh_fast_path(); }
  /// What outlives the pool object, for those who watch pools: see observe/registry.hpp.
  [[nodiscard]] core_base<env>& lifeline() const noexcept { return *core_; }

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
  /// Runs `action`, which gives idle memory up, so that a observer can look before and after it.
  template <class Action>
  void tell_upkeep(std::size_t ticks, Action&& action) noexcept {
    core_->observers().tell({pool_event_kind::upkeep});
    action();
    core_->observers().tell({pool_event_kind::upkept, 0, ticks});
  }

  [[noreturn]] void refuse_watcher(observer<env>* w) const {
    w->release();
    if (closed()) throw pool_closed(core_->name());
    throw_invalid("observers of a pool", observer_list<env>::most + 1, "must be at most",
                  observer_list<env>::most);
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

  /// Refuses a ring that nobody would push to; the core ends as with a pool then.
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
      for (std::size_t i = 0; i != into.tiers.size(); ++i) {
        // Of this moment as well: under load an estimate, so it is not kept.
        into.tiers[i].most_in_use = max_of(from.most_in_use(i), into.tiers[i].in_use);
      }
    }
  }

  Core* core_;  // lives on while blocks are out
  initial_blocks initial_;
  std::size_t capacity_;  // this and the next two: to be told
  std::size_t limit_bytes_;
  std::int64_t cleanup_interval_;  // nanoseconds; -1: none
  std::int64_t decay_interval_;    // nanoseconds; 0: never
  std::size_t max_idle_bytes_;
  std::int64_t created_;
  closing closing_;
  typename env::mutex callback_lock_;
  observer<env>* callback_ = nullptr;  // in the list of the core, which keeps it
  typename env::template atomic<std::int64_t> last_resized_{never};
  typename env::template atomic<std::int64_t> last_tick_{never};
  typename env::template atomic<int> retention_percent_{-1};
  TARN_NO_UNIQUE_ADDRESS std::conditional_t<Core::samples, length_ring, no_ring> recent_lengths_;
};

}  // namespace detail
}  // namespace tarn
