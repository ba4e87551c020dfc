// SPDX-License-Identifier: MIT
//
// Prints pools every few seconds, from a thread of its own.
//
//   tarn::periodic_printer printer([&] { return std::vector{frames.snapshot()}; });
//   printer.start();  // every five seconds to std::clog, until `stop` or the printer's end

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/detail/error.hpp>
#include <tarn/observe/print.hpp>
#include <tarn/policy/snapshot.hpp>
#include <tarn/policy/time_span.hpp>

namespace tarn {

/// Prints what a function tells, every five seconds or at any other interval.
///
/// The first table comes after the first interval: at the start there is nothing to see yet
/// (`print` prints at once). What the function or the sink throws is counted, and the printing goes
/// on. The printer must end before the pools that its function reads: declare it behind them.
///
/// Between `start` and `stop` it has a thread, which a fork's child does not have: stop before a
/// fork, and start again.
///
/// Thread safety: any thread may call anything, the sink included.
class periodic_printer {
 public:
  using source = std::function<std::vector<snapshot>()>;
  using sink = std::function<void(std::string_view)>;

  [[nodiscard]] static constexpr time_span default_interval() noexcept {
    return time_span::of_seconds(5);
  }
  /// Writes to the standard log stream, and flushes it.
  static void to_log(std::string_view text) {
    std::clog.write(text.data(), static_cast<std::streamsize>(text.size())).flush();
  }

  /// Does not start. Throws: `std::invalid_argument` if a function is empty or if the interval is
  /// not positive.
  explicit periodic_printer(source pools, time_span interval = default_interval(), sink to = to_log)
      : pools_(std::move(pools)), to_(std::move(to)), interval_(interval.count()) {
    if (!pools_ || !to_) {
      throw std::invalid_argument("tarn: a periodic printer must have a source and a sink");
    }
    if (interval_ <= 0) detail::throw_invalid("interval ns", interval_, "must be at least", 1);
  }
  ~periodic_printer() { stop(); }
  periodic_printer(const periodic_printer&) = delete;
  periodic_printer& operator=(const periodic_printer&) = delete;

  /// Begins to print. Returns: whether it did; false if it prints already, and when it is called by
  /// the source or the sink of that printing.
  /// Throws: `std::system_error` if there is no thread to be had.
  bool start() {
    std::jthread before;  // waited for when the lock is free: its sink may ask us something
    const std::lock_guard hold(mutex_);
    if (is_running() || is_here()) return false;
    before = std::exchange(thread_, {});
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    return true;
  }
  /// Ends the printing, and returns when nothing is being printed any more; called by the source or
  /// the sink, only asks for the end. Does nothing if nothing is printed.
  void stop() noexcept {
    std::jthread ended;
    const std::lock_guard hold(mutex_);
    thread_.request_stop();
    if (!is_here()) ended = std::exchange(thread_, {});
  }
  [[nodiscard]] bool running() const {
    const std::lock_guard hold(mutex_);
    return is_running();
  }

  /// Prints now, on this thread. Throws: what the source or the sink throws.
  void print() {
    std::string text;
    for (const auto& s : pools_())
      write_table(std::back_inserter(text), s);
    if (!text.empty()) to_(text);
  }
  /// How often the thread did not print because something threw.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return failures_.load(std::memory_order::relaxed);  // a statistic
  }

 private:
  [[nodiscard]] bool is_running() const noexcept {
    return thread_.joinable() && !thread_.get_stop_token().stop_requested();
  }
  [[nodiscard]] bool is_here() const noexcept {
    return thread_.get_id() == std::this_thread::get_id();
  }

  void run(const std::stop_token& stop) {
    const std::lock_guard alone(printing_);  // the thread before may still be at its last table
    std::mutex sleeping;
    std::condition_variable_any never;
    const std::chrono::nanoseconds interval(interval_);
    auto next = std::chrono::steady_clock::now() + interval;
    for (;;) {
      std::unique_lock hold(sleeping);
      never.wait_until(hold, stop, next, [] { return false; });
      if (stop.stop_requested()) return;
      try {
        print();
      } catch (...) {
        failures_.fetch_add(1, std::memory_order::relaxed);  // a statistic
      }
      // On the beat; what was missed is left out.
      const auto now = std::chrono::steady_clock::now();
      next += interval * ((now - next) / interval + 1);
    }
  }

  source pools_;
  sink to_;
  std::int64_t interval_;
  std::atomic<std::uint64_t> failures_{0};
  std::mutex printing_;
  mutable std::mutex mutex_;  // of the next
  std::jthread thread_;
};

}  // namespace tarn
