// SPDX-License-Identifier: MIT
//
// periodic_printer: prints pools every few seconds, on a thread of its own.
//
//   tarn::periodic_printer printer([&] { return std::vector{frames.snapshot()}; });
//   printer.start();  // every five seconds to std::clog, until `stop` or its destructor

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

/// Prints the snapshots that a function returns, every five seconds or at another interval.
///
/// The first table comes after the first interval; `print` prints at once. Exceptions of the
/// function or the sink are counted, and the printing goes on. The printer must end before the
/// pools that its function reads, so declare it after them.
///
/// A fork's child has no such thread: the printer does not run there, and may be started.
///
/// Thread safety: any thread may call any member, also from the sink. A sink may stop its printer,
/// but not start it.
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

  /// Does not start the thread. Throws: `std::invalid_argument` if a function is empty, or if the
  /// interval is shorter than a millisecond.
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

  /// Starts to print. Returns: false if it prints already, or if its own source or sink calls this.
  /// Throws: `std::system_error` if the system can't start a thread.
  bool start() { return !thread_.running() && thread_.start(interval_); }
  /// Stops printing, and waits for a table that is under way. Called by the source or the sink, it
  /// does not wait. Does nothing if it does not print.
  void stop() noexcept { thread_.stop(); }
  [[nodiscard]] bool running() const noexcept { return thread_.running(); }

  /// Prints now, on this thread. Throws: what the source or the sink throws.
  void print() {
    std::string text;
    for (const auto& s : pools_())
      write_table(std::back_inserter(text), s);
    if (!text.empty()) to_(text);
  }
  /// The number of tables that the thread could not print because of an exception.
  [[nodiscard]] std::uint64_t failures() const noexcept { return thread_.failures(); }

 private:
  source pools_;
  sink to_;
  time_span interval_;
  ticker thread_;  // last: it ends first
};

}  // namespace tarn
