// SPDX-License-Identifier: MIT
//
// event_log: the last events of one or more pools.
//
//   tarn::event_log log;                         // keeps 100
//   const auto watching = log.watch(pool);       // until it or the pool ends
//   log.set_sink([](const tarn::event& e) { std::clog << e.message << '\n'; });
//   for (const auto& e : log.events()) ...       // oldest first

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/event_writer.hpp>

namespace tarn {

/// The last events of the pools that it watches, and events that the user adds.
///
/// It keeps a fixed number of events, 100 by default, and drops the oldest. A sink receives each
/// event at once, on the thread that caused it and outside every lock. It may use the pool and the
/// log. Its exceptions are swallowed and counted.
///
/// Consecutive ticks of `maintain` that give memory back, with less than eight quiet ticks between
/// them, are one event that grows: `event::ticks`. The sink receives the first tick and, after the
/// last one, the sum. It does not receive the sum if the pool or the watch ends first, or if the
/// log has dropped the event.
///
/// Each event takes a snapshot of its pool. That is cheap for rare events, but a log is expensive
/// for a pool with mostly oversize requests.
///
/// Thread safety: any thread may call any member.
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

  /// Logs the events of `pool` until the returned object ends, or until the pool closes.
  ///
  /// Throws: `pool_closed`; `std::invalid_argument` if the pool has 8 other observers;
  ///   `std::bad_alloc`.
  template <class Pool>
  [[nodiscard]] pool_watch watch(Pool& pool) {
    if constexpr (requires { pool.sized(); }) {
      return watch(pool.sized());
    } else {
      using link_type = detail::pool_link<Pool, detail::event_writer<Pool>>;
      auto link = std::make_shared<link_type>(book_, pool);
      book_->add(link);
      return pool_watch(std::move(link));
    }
  }

  /// Adds an event of the user. A time of zero becomes now.
  void add_event(event e) {
    if (e.time.count() == 0) e.time = time_span::of_nanoseconds(detail::native_env::now());
    static_cast<void>(book_->add(e, true));
  }

  /// Returns: a copy of the kept events, oldest first.
  [[nodiscard]] std::vector<event> events() const { return book_->copies(); }
  /// The number of all events, with the dropped ones.
  [[nodiscard]] std::uint64_t total() const {
    return detail::locked(book_->lock, [&] { return book_->total; });
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return book_->capacity; }
  /// The number of events that were lost to an exception.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return book_->failures.load(std::memory_order::relaxed);  // a statistic
  }

  /// Passes each event to `to` from now on, and replaces the previous sink. An empty `to` removes
  /// it.
  void set_sink(sink to) {
    if (to) detail::keep_this_module();  // it probably has the code of the sink
    auto made = to ? std::make_shared<const sink>(std::move(to)) : nullptr;
    const detail::guard hold(book_->lock);
    book_->sink.swap(made);
  }
  /// `on`: the sink also receives every operation of the pools. The log does not keep these.
  void set_debug(bool on) {
    book_->verbose.store(on, std::memory_order::relaxed);
    book_->heed_all();
  }

 private:
  std::shared_ptr<detail::event_book> book_;
};

}  // namespace tarn
