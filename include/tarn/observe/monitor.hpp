// SPDX-License-Identifier: MIT
//
// monitor: adapts the bounds of a pool to its load.
//
//   tarn::monitor watching(pool);     // every 30 s, once started
//   watching.start();                 // on a thread of its own; or call:
//   watching.tick(now);

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/events/observer_list.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/fork_turn.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/value/errors.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// When a monitor changes a bound, and by how much. The defaults are those of Portask's pools.
struct monitor_options {
  double grow_below = 0.8;     ///< hit rate below which a tier keeps more idle blocks
  double shrink_above = 0.98;  ///< hit rate above which a tier keeps fewer idle blocks
  double growth = 0.5;         ///< the largest part that one step adds or removes
  double most_growth = 2;      ///< the largest factor of one step
  std::size_t least = 32;      ///< a step never goes below so many blocks
  std::size_t evidence = 100;  ///< the number of blocks made, and of gets, before a decision
  time_span interval = time_span::of_seconds(30);
  bool auto_resize = true;  ///< false: only reports
};

/// Checks the options of a monitor. Throws: `std::invalid_argument`, with the value and the limit.
inline void validate(const monitor_options& o) {
  const auto from_to = [](const char* what, double value, double least, double most) {
    // Negated, so that NaN is refused too.
    if (!(value >= least)) detail::throw_invalid(what, value, "must be at least", least);
    if (!(value <= most)) detail::throw_invalid(what, value, "must be at most", most);
  };
  from_to("grow_below", o.grow_below, 0, 1);
  from_to("shrink_above", o.shrink_above, o.grow_below, 1);
  from_to("growth", o.growth, 0, 1);
  from_to("most_growth", o.most_growth, 1, 1024);
  if (o.interval.count() < 1'000'000) {
    detail::throw_invalid("interval ns", o.interval.count(), "must be at least", 1'000'000);
  }
}

/// What a monitor found in one tier.
struct monitor_finding {
  enum class verdict : unsigned char { keep, grow, shrink };

  std::size_t tier = 0;
  verdict what = verdict::keep;
  std::uint64_t gets = 0;    ///< since the last change
  double hit_rate = 0;       ///< of those gets
  std::size_t old_size = 0;  ///< the most idle blocks kept, before
  std::size_t new_size = 0;
  bool done = false;  ///< false: it only reports, or there was no memory
};

/// Decides about one tier of one snapshot. `before`: the tier when its bound changed last.
///
/// It grows by the factor 1 + growth, and shrinks by 1 - growth x hit rate, rounded down. It
/// decides nothing before `evidence` blocks were made and as many gets were seen.
[[nodiscard]] inline monitor_finding judge(const tier_snapshot& now, const tier_snapshot& before,
                                           const monitor_options& o) {
  using verdict = monitor_finding::verdict;
  monitor_finding f;
  const auto misses = now.misses - before.misses;
  f.gets = now.gets - before.gets;
  f.hit_rate = f.gets == 0 ? 0 : 1 - static_cast<double>(misses) / static_cast<double>(f.gets);
  const auto live = now.created - now.retired - now.abandoned;
  f.old_size =
      static_cast<std::size_t>(now.max_idle == tier_occupancy::no_bound ? live : now.max_idle);
  f.new_size = f.old_size;
  if (now.created < o.evidence || f.gets < o.evidence) return f;
  const auto scaled = [&](double by) {
    const double size = static_cast<double>(f.old_size) * by;
    constexpr auto most = SIZE_MAX;
    if (!(size > 0)) return std::size_t{0};
    // The largest size is rounded up as a double: what is below it can be converted.
    return size < static_cast<double>(most) ? static_cast<std::size_t>(size) : most;
  };
  if (f.hit_rate < o.grow_below) {
    const double step = 1 + o.growth;
    f.new_size = scaled(step < o.most_growth ? step : o.most_growth);
    if (f.new_size > f.old_size) f.what = verdict::grow;
  } else if (f.hit_rate > o.shrink_above && f.old_size > o.least) {
    const auto wanted = scaled(1 - o.growth * f.hit_rate);
    f.new_size = wanted > o.least ? wanted : o.least;
    if (f.new_size < f.old_size) f.what = verdict::shrink;
  }
  if (f.what == verdict::keep) f.new_size = f.old_size;
  return f;
}

/// Adapts the bounds of one pool's tiers to its load. It raises a bound if gets miss, lowers it if
/// hardly any get misses, and gives back what is above the bound.
///
/// Rates count since the bound changed last, so growth compounds. The pool tells its observers each
/// change, see `event_log`. The monitor ignores a closed or ended pool. Its thread never outlives
/// it.
///
/// Thread safety: any thread may call any member; concurrent ticks run one after the other. The
/// monitor must not end on its own thread.
template <class Pool>
class monitor {
  static_assert(Pool::stats_type::counts,
                "monitor: the pool's stats policy does not count gets and misses");

 public:
  /// Watches `pool`, which may end first. Throws: `std::invalid_argument` if the options are not
  /// valid, or if the pool has 8 other observers; `pool_closed`.
  explicit monitor(Pool& pool, monitor_options o = {})
      : options_(o), link_(std::make_shared<link>([this](time_span) {
          // Not while another thread checks: its sink may be waiting for this thread to end.
          link_->presence.try_run([&] { static_cast<void>(look()); });
        })) {
    validate(o);
    link_->pool = &pool;
    last_ = pool.snapshot();
    name_ = last_.name;
    due_ = detail::later(last_.taken.count(), o.interval);
    auto* const made = new guest(link_);
    detail::access::watch(pool, made);
    guest_ = made;
  }
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;
  ~monitor() {
    stop();
    guest* out = nullptr;
    {
      const detail::guard hold(link_->presence);
      if (link_->pool != nullptr && detail::access::unwatch(*link_->pool, guest_)) out = guest_;
      link_->pool = nullptr;
    }
    if (out != nullptr) list_type::let_go(out);
  }

  /// Checks every tier if the interval is over. `now`: on the clock of the pool's snapshots.
  /// Returns: the findings; empty before the interval is over, and if the pool has ended.
  std::vector<monitor_finding> tick(time_span now) {
    const detail::guard hold(link_->presence);
    if (now.count() < due_) return {};
    due_ = detail::later(now.count(), options_.interval);
    return look();
  }
  /// As `tick`, but without waiting for the interval.
  std::vector<monitor_finding>(check)() {
    const detail::guard hold(link_->presence);
    return look();
  }

  /// Checks at every interval, on a thread of its own. Does nothing if that thread runs. Does not
  /// wait for a check that is under way, whose sink may be waiting for the caller.
  ///
  /// Throws: `pool_closed`; `std::system_error` if the system can't start a thread.
  void start() {
    static_assert(is_concurrent_v<typename Pool::lock_type>,
                  "monitor::start: a second thread must not use this pool; call tick() instead");
    // (2) acquire, pairs with (1).
    if (link_->is_closed.load(std::memory_order::acquire)) throw pool_closed(name_);
    if (!link_->thread.running()) link_->thread.start(options_.interval);
    // The pool may have closed meanwhile, without seeing the thread: then its stop was before this
    // start, and so was (1).
    if (link_->is_closed.load(std::memory_order::acquire)) stop();
  }
  /// Ends the thread, after a check that is under way. Does nothing without a thread.
  void stop() noexcept { link_->thread.stop(); }
  [[nodiscard]] bool running() const noexcept { return link_->thread.running(); }
  [[nodiscard]] const monitor_options& options() const noexcept { return options_; }

 private:
  using env = typename lock_traits<typename Pool::lock_type>::env;
  using list_type = detail::observer_list<env>;

  // The state that monitor and pool share. Either may end first.
  struct link {
    explicit link(std::function<void(time_span)> action) : thread(std::move(action)) {}
    // Held while the pool is used: the pool closes after that. Recursive, because the sink of an
    // event may close the pool or call the monitor.
    detail::fork_turn presence;
    Pool* pool = nullptr;  // guarded by presence; null after close
    std::atomic<bool> is_closed{false};
    // Also for the tiers at the last change: they are whole in a fork's child.
    detail::fork_lock lock{[](void* l) noexcept { static_cast<link*>(l)->presence.forget(); },
                           this};
    ticker thread;
  };
  // Is told when the pool ends.
  class guest final : public detail::observer<env> {
   public:
    explicit guest(std::shared_ptr<link> l) : link_(std::move(l)) {}
    bool on(const detail::pool_event&) noexcept override { return true; }
    void on_close() noexcept override {
      link_->is_closed.store(true, std::memory_order::release);  // (1)
      {
        const detail::guard hold(link_->presence);
        link_->pool = nullptr;
      }
      link_->thread.stop();
    }

   private:
    std::shared_ptr<link> link_;
  };

  [[nodiscard]] std::vector<monitor_finding> look() {
    std::vector<monitor_finding> found;
    if (link_->pool == nullptr) return found;
    const auto now = link_->pool->snapshot();
    for (std::size_t t = 0; t != now.tiers.size() && link_->pool != nullptr; ++t) {
      auto f = judge(now.tiers[t], last_.tiers[t], options_);
      f.tier = t;
      if (f.what != monitor_finding::verdict::keep && options_.auto_resize) {
        f.done = resize(*link_->pool, f);
        if (f.done) detail::locked(link_->lock, [&] { last_.tiers[t] = now.tiers[t]; });
      }
      found.push_back(f);
    }
    return found;
  }

  [[nodiscard]] static bool resize(Pool& pool, const monitor_finding& f) {
    try {
      if constexpr (requires { pool.resize(f.tier, f.new_size); }) {
        pool.resize(f.tier, f.new_size);
      } else {
        pool.resize(f.new_size);
      }
      return true;
    } catch (...) {  // no memory for so many blocks: the next tick tries again
      return false;
    }
  }

  monitor_options options_;
  std::string name_;  // of the pool
  std::shared_ptr<link> link_;
  guest* guest_ = nullptr;
  snapshot last_;  // tiers at the last change; presence guards this and the next
  std::int64_t due_ = 0;
};

/// The monitor of an unsized pool, that of the byte_pool behind it.
template <class Pool>
  requires requires(Pool& pool) { pool.sized(); }
class monitor<Pool> : public monitor<typename Pool::pool_type> {
 public:
  /// Throws: as the monitor of a byte_pool.
  explicit monitor(Pool& pool, monitor_options o = {})
      : monitor<typename Pool::pool_type>(pool.sized(), o) {}
};

}  // namespace tarn
