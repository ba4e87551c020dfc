// SPDX-License-Identifier: MIT
//
// event_log: the last events of one or more pools.
//
//   tarn::event_log log;                         // keeps 100
//   const auto watching = log.watch(pool);       // until it goes, or the pool
//   log.set_sink([](const tarn::event& e) { std::clog << e.message << '\n'; });
//   for (const auto& e : log.events()) ...       // oldest first

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/detail/error.hpp>
#include <tarn/detail/native_env.hpp>
#include <tarn/detail/watching/watcher.hpp>
#include <tarn/observe/parts/pool_watch.hpp>
#include <tarn/observe/parts/read_pool.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/lock.hpp>
#include <tarn/policy/values/event.hpp>
#include <tarn/policy/values/operation.hpp>

namespace tarn {

namespace detail {

/// What a log is, for all that write into it: it lives as long as one of them.
struct event_book {
  std::mutex lock;
  std::deque<event> events;  // this and the next two: lock
  std::uint64_t total = 0;
  std::shared_ptr<const std::function<void(const event&)>> sink;
  std::vector<std::weak_ptr<watch_link>> links;  // lock
  std::size_t capacity = 0;                      // immutable
  std::atomic<bool> debug{false};
  std::atomic<std::uint64_t> failures{0};

  /// Tells the sink; keeps the event if it is to be kept. Returns: false if the sink threw.
  bool add(const event& e, bool keeps) {
    std::shared_ptr<const std::function<void(const event&)>> told;
    {
      const std::lock_guard hold(lock);
      told = sink;
      if (keeps) {
        ++total;
        events.push_back(e);
        if (events.size() > capacity) events.pop_front();
      }
    }
    if (told == nullptr) return true;
    try {  // outside the lock: it may ask the log
      (*told)(e);
      return true;
    } catch (...) {
      failures.fetch_add(1, std::memory_order::relaxed);  // a statistic
      return false;
    }
  }
};

/// What `h` comes to in words.
template <class Pool>
[[nodiscard]] event describe(const Pool& pool, const happening& h) {
  const auto number = [](std::size_t n) { return std::to_string(n); };
  const std::string tier = "tier " + number(h.tier);
  event e;
  e.pool = pool.name();
  e.time = time_span::of_nanoseconds(native_env::now());
  e.old_size = h.before;
  e.new_size = h.size;
  switch (h.what) {
    case moment::resize:
      e.kind = h.size > h.before ? event_kind::grow : event_kind::shrink;
      e.message = tier + " keeps up to " + number(h.size) + " idle blocks, " +
                  (h.before == tier_occupancy::no_bound ? "it had no bound before"
                                                        : "before: " + number(h.before));
      break;
    case moment::reset:
      e.kind = event_kind::reset;
      e.message = "fully reset and drained, " + number(h.size) + " blocks are ready";
      break;
    case moment::trim:
      e.kind = event_kind::trim;
      e.message = number(h.before - h.size) + " bytes went back to the source, " + number(h.size) +
                  " are left";
      break;
    case moment::decay:
      e.kind = event_kind::trim;
      e.message = number(h.before - h.size) + " idle bytes were not needed and went, " +
                  number(h.size) + " are left";
      break;
    case moment::purge:
      e.kind = event_kind::purge;
      e.message = number(h.before - h.size) + " idle bytes lost their pages, " + number(h.size) +
                  " have them";
      break;
    case moment::oversize:
      e.kind = event_kind::oversize;
      e.message = "a request for " + number(h.size) + " bytes is above the last tier";
      break;
    case moment::misuse:
      e.kind = event_kind::misuse;
      e.message = std::string(to_string(static_cast<tarn::misuse>(h.before))) + ", given back as " +
                  number(h.size) + " bytes";
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
class event_writer final : public watcher<typename lock_traits<typename Pool::lock_type>::env> {
 public:
  event_writer(std::shared_ptr<event_book> book, const Pool& pool,
               std::shared_ptr<pool_presence> presence)
      : book_(std::move(book)), pool_(&pool), presence_(std::move(presence)) {}

  bool on(const happening& h) noexcept override {
    const bool is_operation = h.what <= moment::cleanup;
    // relaxed: who switches it on or off is heard a moment late.
    if (is_operation && !book_->debug.load(std::memory_order::relaxed)) return true;
    try {
      if (h.what == moment::upkeep) return begin_upkeep(), true;
      if (h.what != moment::upkept) return write(h, is_operation);
      const auto gone = end_upkeep();
      return gone.what == moment::upkept || write(gone, false);
    } catch (...) {  // there is no memory for it
      book_->failures.fetch_add(1, std::memory_order::relaxed);
      return false;
    }
  }
  void on_close() noexcept override {
    const std::lock_guard hold(presence_->lock);
    presence_->closed = true;
  }
  [[nodiscard]] bool wants_operations() const noexcept override {
    return book_->debug.load(std::memory_order::relaxed);
  }

 private:
  /// What is idle, with its pages, and what ever ceased to be so because it was not needed.
  struct idle_state {
    std::size_t bytes = 0;
    std::uint64_t aged = 0;
    std::uint64_t purged = 0;
  };
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

  bool write(const happening& h, bool is_operation) {
    event e = describe(*pool_, h);
    if (!is_operation) e.state = read_pool(*pool_);
    return book_->add(e, !is_operation);
  }

  void begin_upkeep() {
    const auto now = idle_now();
    const std::lock_guard hold(upkeep_lock_);
    upkeep_[std::this_thread::get_id()] = now;
  }
  /// Returns: what there is to tell; `upkept` for nothing.
  [[nodiscard]] happening end_upkeep() {
    idle_state before;
    {
      const std::lock_guard hold(upkeep_lock_);
      const auto found = upkeep_.find(std::this_thread::get_id());
      if (found == upkeep_.end()) return {moment::upkept};  // it watches since then
      before = found->second;
      upkeep_.erase(found);
    }
    const auto now = idle_now();
    // Others use the pool meanwhile: what they got alone is nothing to tell.
    const auto what = now.purged != before.purged ? moment::purge
                      : now.aged != before.aged   ? moment::decay
                                                  : moment::upkept;
    if (now.bytes >= before.bytes) return {moment::upkept};
    return {what, 0, now.bytes, before.bytes, nullptr};
  }

  std::shared_ptr<event_book> book_;
  std::mutex upkeep_lock_;
  std::map<std::thread::id, idle_state> upkeep_;  // of those who are at it; lock: upkeep_lock_
  const Pool* pool_;  // it waits, when it closes, for whoever is in here
  std::shared_ptr<pool_presence> presence_;
};

}  // namespace detail

/// The last events of the pools that it watches, and of whoever adds one.
///
/// Exactly so many are kept as it was made for, 100 by default; the oldest go first. A sink hears
/// of each at once, on the thread where it happens and outside every lock; it may use the pool and
/// the log; what it throws is swallowed and counted.
///
/// Each event takes a snapshot of its pool: rare events are cheap enough, but a pool whose requests
/// are mostly oversize pays for a log.
///
/// Thread safety: any thread may call anything.
class event_log {
 public:
  using sink = std::function<void(const event&)>;
  static constexpr std::size_t default_capacity = 100;

  /// Throws: `std::invalid_argument` if `capacity` is 0.
  explicit event_log(std::size_t capacity = default_capacity)
      : book_(std::make_shared<detail::event_book>()) {
    if (capacity == 0) detail::throw_invalid("capacity of an event log", 0, "must be at least", 1);
    book_->capacity = capacity;
  }

  /// Hears of `pool` until what it returns goes, or until the pool closes.
  ///
  /// Throws: `pool_closed`; `std::invalid_argument` if 8 others watch the pool; `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] pool_watch watch(Pool& pool) {
    auto link = std::make_shared<detail::pool_link<Pool, detail::event_writer<Pool>>>(book_, pool);
    {
      const std::lock_guard hold(book_->lock);
      std::erase_if(book_->links, [](const auto& l) { return l.expired(); });
      book_->links.push_back(link);
    }
    return pool_watch(std::move(link));
  }

  /// Adds an event of one's own; a time of zero becomes now.
  void add_event(event e) {
    if (e.time.count() == 0) e.time = time_span::of_nanoseconds(detail::native_env::now());
    static_cast<void>(book_->add(e, true));
  }

  /// A copy of what is kept, oldest first.
  [[nodiscard]] std::vector<event> events() const {
    const std::lock_guard hold(book_->lock);
    return {book_->events.begin(), book_->events.end()};
  }
  /// How many there were, the forgotten ones included.
  [[nodiscard]] std::uint64_t total() const {
    const std::lock_guard hold(book_->lock);
    return book_->total;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return book_->capacity; }
  /// How many could not be told or kept because something threw.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return book_->failures.load(std::memory_order::relaxed);  // a statistic
  }

  /// Tells `to` of each event from now on, in the place of the sink before; an empty one: nobody.
  void set_sink(sink to) {
    auto made = to ? std::make_shared<const sink>(std::move(to)) : nullptr;
    const std::lock_guard hold(book_->lock);
    book_->sink.swap(made);
  }
  /// Whether the sink hears of every operation of the pools as well. They are not kept.
  void set_debug(bool on) {
    book_->debug.store(on, std::memory_order::relaxed);
    std::vector<std::shared_ptr<detail::watch_link>> links;
    {
      const std::lock_guard hold(book_->lock);
      for (const auto& l : book_->links) {
        if (auto link = l.lock()) links.push_back(std::move(link));
      }
    }
    for (const auto& link : links)
      link->heed();
  }

 private:
  std::shared_ptr<detail::event_book> book_;
};

}  // namespace tarn
