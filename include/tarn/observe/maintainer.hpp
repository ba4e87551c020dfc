// SPDX-License-Identifier: MIT
//
// maintainer: one thread that calls `maintain` of all published pools.
//
//   tarn::maintainer upkeep;      // of tarn::pools()
//   upkeep.start();               // once a second, until the end of the scope

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/observe/detail/ticker.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// Calls `maintain` of every published pool: once per call of `tick`, or at an interval on a thread
/// of its own. A pool may end or be unpublished at any time.
///
/// That thread also runs user code of the pools' upkeep (destructors of idle objects).
///
/// Thread safety: as ticker; any thread may call `tick`.
class maintainer {
 public:
  maintainer() : maintainer(pools()) {}
  explicit maintainer(const pool_registry& of)
      : pools_(of), ticker_([this](time_span now) { pass(now); }) {}

  /// Starts the thread. Throws: as `ticker::start`.
  void start(time_span interval = time_span::of_seconds(1)) { ticker_.start(interval); }
  /// Ends the thread, after a pass that is under way. It uses no pool afterwards.
  void stop() noexcept { ticker_.stop(); }
  /// True if the thread runs. False in a fork's child, which has no such thread.
  [[nodiscard]] bool running() const noexcept { return ticker_.running(); }

  /// Makes one pass. `now`: on the clock of `maintain`. Returns: the number of blocks given back.
  /// Throws: `std::bad_alloc`.
  std::size_t tick(time_span now) { return pass(now); }

  /// The number of passes.
  [[nodiscard]] std::uint64_t ticks() const noexcept {
    return ticks_.load(std::memory_order::relaxed);  // this and the next two are statistics
  }
  /// The number of passes of the thread that had no memory for the list of pools.
  [[nodiscard]] std::uint64_t failures() const noexcept { return ticker_.failures(); }
  /// The number of blocks given back in all passes.
  [[nodiscard]] std::uint64_t blocks() const noexcept {
    return blocks_.load(std::memory_order::relaxed);
  }

 private:
  std::size_t pass(time_span now) {
    ticks_.fetch_add(1, std::memory_order::relaxed);
    std::size_t gone = 0;
    pools_.for_each([&](const watched_pool& pool) { gone += pool.maintain(now); });
    blocks_.fetch_add(gone, std::memory_order::relaxed);
    return gone;
  }

  pool_registry pools_;
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::uint64_t> blocks_{0};
  ticker ticker_;  // last: its thread uses the other members
};

}  // namespace tarn
