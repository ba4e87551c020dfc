// SPDX-License-Identifier: MIT
//
// event_log: the last events of one or more pools.
//
//   tarn::event_log log;                         // keeps 100
//   const auto watching = log.watch(pool);       // until it goes, or the pool
//   log.set_sink([](const tarn::event& e) { std::clog << e.message << '\n'; });
//   for (const auto& e : log.events()) ...       // oldest first

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/event_writer.hpp>

namespace tarn {

/// The last events of the pools that it watches, and of whoever adds one.
///
/// Exactly so many are kept as it was made for, 100 by default; the oldest go first. A sink hears
/// of each at once, on the thread where it happens and outside every lock; it may use the pool and
/// the log; what it throws is swallowed and counted.
///
/// Ticks of `maintain` that give something up one after the other, with less than eight quiet ones
/// between, are one event, which grows: `event::ticks`. The sink hears of the first one and, after
/// the last, of all; not of all if pool or watch ends first, or the event is kept no more.
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
  event_log() : event_log(default_capacity) {}
  explicit event_log(std::size_t capacity) : book_(std::make_shared<detail::event_book>()) {
    if (capacity == 0) detail::throw_invalid("capacity of an event log", 0, "must be at least", 1);
    book_->capacity = capacity;
  }

  /// Hears of `pool` until what it returns goes, or until the pool closes.
  ///
  /// Throws: `pool_closed`; `std::invalid_argument` if 8 others watch the pool; `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] pool_watch watch(Pool& pool) {
    auto link = std::make_shared<detail::pool_link<Pool, detail::event_writer<Pool>>>(book_, pool);
    book_->add(link);
    return pool_watch(std::move(link));
  }

  /// Adds an event of one's own; a time of zero becomes now.
  void add_event(event e) {
    if (e.time.count() == 0) e.time = time_span::of_nanoseconds(detail::native_env::now());
    static_cast<void>(book_->add(e, true));
  }

  /// A copy of what is kept, oldest first.
  [[nodiscard]] std::vector<event> events() const { return book_->copies(); }
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
    book_->verbose.store(on, std::memory_order::relaxed);
    book_->heed_all();
  }

 private:
  std::shared_ptr<detail::event_book> book_;
};

}  // namespace tarn
