// SPDX-License-Identifier: MIT
//
// Prints pools every few seconds, from a thread of its own.
//
//   tarn::periodic_printer printer([&] { return std::vector{frames.snapshot()}; });
//   printer.start();  // every five seconds to std::clog, until `stop` or the printer's end

#pragma once

#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/detail/base/error.hpp>
#include <tarn/observe/detail/ticker.hpp>
#include <tarn/observe/print.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// Prints what a function tells, every five seconds or at any other interval.
///
/// The first table comes after the first interval: at the start there is nothing to see yet
/// (`print` prints at once). What the function or the sink throws is counted, and the printing goes
/// on. The printer must end before the pools that its function reads: declare it behind them.
///
/// In a fork's child there is no thread: it is not running there, and may be started.
///
/// Thread safety: any thread may call anything, the sink included; a sink may stop its printer, but
/// not start it.
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
  /// shorter than a millisecond.
  explicit periodic_printer(source pools, time_span interval = default_interval(), sink to = to_log)
      : pools_(std::move(pools)),
        to_(std::move(to)),
        interval_(interval),
        thread_([this](time_span) { print(); }) {
    if (!pools_ || !to_) {
      throw std::invalid_argument("tarn: a periodic printer must have a source and a sink");
    }
    if (interval.count() < 1'000'000) {
      detail::throw_invalid("interval ns", interval.count(), "must be at least", 1'000'000);
    }
  }

  /// Begins to print. Returns: whether it did; false if it prints already, and when it is called by
  /// the source or the sink of that printing.
  /// Throws: `std::system_error` if there is no thread to be had.
  bool start() { return !thread_.running() && thread_.start(interval_); }
  /// Ends the printing, and returns when nothing is being printed any more; called by the source or
  /// the sink, only asks for the end. Does nothing if nothing is printed.
  void stop() noexcept { thread_.stop(); }
  [[nodiscard]] bool running() const noexcept { return thread_.running(); }

  /// Prints now, on this thread. Throws: what the source or the sink throws.
  void print() {
    std::string text;
    for (const auto& s : pools_())
      write_table(std::back_inserter(text), s);
    if (!text.empty()) to_(text);
  }
  /// How often the thread did not print because something threw.
  [[nodiscard]] std::uint64_t failures() const noexcept { return thread_.failures(); }

 private:
  source pools_;
  sink to_;
  time_span interval_;
  ticker thread_;  // the last: it ends first
};

}  // namespace tarn
