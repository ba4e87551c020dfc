// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/events/observer.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/event_book.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/read_pool.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/value/operation.hpp>

namespace tarn::detail {

/// What `ticks` of upkeep gave up, in words.
[[nodiscard]] inline std::string gone_text(pool_event_kind what, std::size_t gone,
                                           std::uint64_t ticks, std::size_t left) {
  return std::to_string(gone) + " bytes of idle memory " +
         (what == pool_event_kind::purge ? "lost their pages" : "were not needed and went") +
         (ticks == 1 ? std::string() : " in " + std::to_string(ticks) + " ticks") + ", " +
         std::to_string(left) + (what == pool_event_kind::purge ? " bytes have them" : " are left");
}

/// What `h` comes to in words.
template <class Pool>
[[nodiscard]] event describe(const Pool& pool, const pool_event& h) {
  const auto number = [](std::size_t n) { return std::to_string(n); };
  const std::string tier = "tier " + number(h.tier);
  event e;
  e.pool = pool.name();
  e.time = time_span::of_nanoseconds(native_env::now());
  e.old_size = h.before;
  e.new_size = h.size;
  switch (h.what) {
    case pool_event_kind::resize:
      e.kind = h.size > h.before ? event_kind::grow : event_kind::shrink;
      e.message = tier + " keeps up to " + number(h.size) + " idle blocks, " +
                  (h.before == tier_occupancy::no_bound ? "it had no bound before"
                                                        : "before: " + number(h.before));
      break;
    case pool_event_kind::reset:
      e.kind = event_kind::reset;
      e.message = "fully reset and drained, " + number(h.size) + " blocks are ready";
      break;
    case pool_event_kind::trim:
      e.kind = event_kind::trim;
      e.message = number(h.before - h.size) + " bytes went back to the source, " + number(h.size) +
                  " are left";
      break;
    case pool_event_kind::decay:
    case pool_event_kind::purge:
      e.kind = h.what == pool_event_kind::decay ? event_kind::trim : event_kind::purge;
      e.message = gone_text(h.what, h.before - h.size, 1, h.size);
      break;
    case pool_event_kind::oversize:
      e.kind = event_kind::oversize;
      e.message = "a request for " + number(h.size) + " bytes is above the last tier";
      if (h.where)
        e.message += std::string(", ") + h.where.file_name() + ':' + number(h.where.line());
      e.where = h.where;
      break;
    case pool_event_kind::refuse:
      e.kind = event_kind::refuse;
      e.message =
          "nothing for " + number(h.size) + " bytes: " + to_string(static_cast<refusal>(h.before));
      e.old_size = 0;
      break;
    case pool_event_kind::misuse:
      e.kind = event_kind::misuse;
      e.message = to_string(static_cast<tarn::misuse>(h.before));
      e.message += h.before == static_cast<std::size_t>(tarn::misuse::written_idle)
                       ? ", found by a get of "
                       : ", given back as ";
      e.message += number(h.size) + " bytes";
      e.old_size = 0;
      break;
    default:
      e.kind = event_kind::operation;
      e.message = std::string(to_string(static_cast<operation_kind>(h.what))) + ' ' +
                  number(h.size) + " bytes, " + tier;
      break;
  }
  return e;
}

/// Writes what a pool does into a log.
template <class Pool>
class event_writer final : public observer<typename lock_traits<typename Pool::lock_type>::env> {
 public:
  event_writer(std::shared_ptr<event_book> book, const Pool& pool)
      : book_(std::move(book)), pool_(&pool) {}

  bool on(const pool_event& h) noexcept override {
    const bool is_operation = h.what <= pool_event_kind::cleanup;
    // relaxed: who switches it on or off is heard a moment late.
    if (is_operation && !book_->verbose.load(std::memory_order::relaxed)) return true;
    try {
      if (h.what == pool_event_kind::upkeep) return begin_upkeep(), true;
      if (h.what != pool_event_kind::upkept) return write(h, is_operation);
      const auto gone = end_upkeep();
      if (h.size != 0) return write_tick(gone);
      return gone.what == pool_event_kind::upkept || write(gone, false);
    } catch (...) {  // there is no memory for it
      book_->failures.fetch_add(1, std::memory_order::relaxed);
      return false;
    }
  }
  [[nodiscard]] bool wants_operations() const noexcept override {
    return book_->verbose.load(std::memory_order::relaxed);
  }

 private:
  /// What is idle, with its pages, and what ever ceased to be so because it was not needed.
  struct idle_state {
    std::size_t bytes = 0;
    std::uint64_t aged = 0;
    std::uint64_t purged = 0;
  };
  using upkeep_map = std::map<std::thread::id, idle_state>;
  [[nodiscard]] idle_state idle_now() const {
    const auto o = pool_->occupancy();
    idle_state now{o.large.kept_bytes - o.large.kept_purged_bytes, o.large.aged, o.large.purged};
    const auto add = [&](const auto& t) {
      now.bytes += (t.idle - t.idle_purged) * t.stride_bytes;
      now.aged += t.aged;
      now.purged += t.purged;
    };
    for (const auto& t : o.tiers)
      add(t);
    add(o.nodes);
    return now;
  }

  bool write(const pool_event& h, bool is_operation) {
    event e = describe(*pool_, h);
    if (!is_operation) e.state = read_pool(*pool_);
    return book_->add(e, !is_operation);
  }

  void begin_upkeep() {
    upkeep_map one;
    one.emplace(std::this_thread::get_id(), idle_now());
    auto node = one.extract(one.begin());
    typename upkeep_map::insert_return_type done;  // goes after the lock
    const guard hold(upkeep_lock_);
    done = upkeep_.insert(std::move(node));
    if (!done.inserted) done.position->second = done.node.mapped();
  }
  /// Returns: what there is to tell; `upkept` for nothing.
  [[nodiscard]] pool_event end_upkeep() {
    const auto node =
        locked(upkeep_lock_, [&] { return upkeep_.extract(std::this_thread::get_id()); });
    if (node.empty()) return {pool_event_kind::upkept};  // it watches since then
    const auto before = node.mapped();
    const auto now = idle_now();
    // Others use the pool meanwhile: what they got alone is nothing to tell.
    const auto what = now.purged != before.purged ? pool_event_kind::purge
                      : now.aged != before.aged   ? pool_event_kind::decay
                                                  : pool_event_kind::upkept;
    if (now.bytes >= before.bytes) return {pool_event_kind::upkept};
    return {what, 0, now.bytes, before.bytes, nullptr};
  }

  /// Ticks of `maintain` that gave something up, one after the other, are one event: a log would
  /// be full of them else. The sink is told of its beginning, and when it has ended.
  struct upkeep_run {
    std::uint64_t number = 0;  // of the event; 0: none
    pool_event_kind what = pool_event_kind::upkept;
    std::size_t before = 0;
    time_span began{};
    std::size_t gone = 0;
    std::uint64_t ticks = 0;
    unsigned quiet = 0;  // ticks since then that gave nothing up
  };
  static constexpr unsigned ending_quiet = 8;  // a load that swings has some quiet ticks, too

  bool write_tick(const pool_event& h) {
    if (h.what == pool_event_kind::upkept) return write_quiet_tick();
    event e = describe(*pool_, h);
    e.state = read_pool(*pool_);
    if (continues(e, h)) return true;
    const upkeep_run begun{book_->keep(e), h.what, h.before, e.time, h.before - h.size, 1, 0};
    locked(upkeep_lock_, [&] { run_ = begun; });
    return book_->tell(e);
  }
  bool write_quiet_tick() {
    std::uint64_t ended = 0;
    {
      const guard hold(upkeep_lock_);
      if (run_.number == 0 || ++run_.quiet != ending_quiet) return true;
      if (run_.ticks > 1) ended = run_.number;
      run_ = {};
    }
    const auto told = ended != 0 ? book_->copy(ended) : std::nullopt;
    return !told || book_->tell(*told);
  }
  /// Makes the event of the run tell of this tick, too. Returns: false if there is no such run, or
  /// if its event is not kept any more.
  [[nodiscard]] bool continues(event e, const pool_event& h) {
    upkeep_run now;
    {
      const guard hold(upkeep_lock_);
      if (run_.number == 0 || run_.what != h.what) return false;
      run_.gone += h.before - h.size;
      ++run_.ticks;
      run_.quiet = 0;
      now = run_;
    }
    e.time = now.began;
    e.old_size = now.before;
    e.ticks = now.ticks;
    e.message = gone_text(h.what, now.gone, now.ticks, h.size);
    return book_->replace(now.number, e);
  }

  std::shared_ptr<event_book> book_;
  fork_lock upkeep_lock_;
  upkeep_run run_;     // lock: upkeep_lock_
  upkeep_map upkeep_;  // of those who are at it; lock: upkeep_lock_
  const Pool* pool_;   // it waits, when it closes, for a thread that is in here
};

}  // namespace tarn::detail
