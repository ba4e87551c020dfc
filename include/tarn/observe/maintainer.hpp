// SPDX-License-Identifier: MIT
//
// maintainer: one thread that keeps all published pools in shape.
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

/// Calls `maintain` of every published pool, by hand (`tick`) or every so often on a thread of its
/// own. A pool may end or be unpublished at any time.
///
/// What a pool's upkeep runs of the user's code (destructors of idle objects) runs on that thread.
///
/// Thread safety: as that of ticker; `tick` from any thread.
class maintainer {
 public:
  maintainer() : maintainer(pools()) {}
  explicit maintainer(const pool_registry& of)
      : pools_(of), ticker_([this](time_span now) { pass(now); }) {}

  /// Throws: as `ticker::start`.
  void start(time_span interval = time_span::of_seconds(1)) { ticker_.start(interval); }
  /// Waits for a pass that is under way. Nothing touches the pools after it.
  void stop() noexcept { ticker_.stop(); }
  /// False in a fork's child, where the thread is not.
  [[nodiscard]] bool running() const noexcept { return ticker_.running(); }

  /// One pass by hand; `now` on the clock of `maintain`. Returns: the number of blocks that went.
  /// Throws: `std::bad_alloc`.
  std::size_t tick(time_span now) { return pass(now); }

  /// Passes so far.
  [[nodiscard]] std::uint64_t ticks() const noexcept {
    return ticks_.load(std::memory_order::relaxed);  // this and the next two: statistics
  }
  /// Of those on the thread, how many found no memory for the list of pools.
  [[nodiscard]] std::uint64_t failures() const noexcept { return ticker_.failures(); }
  /// Blocks that went in all passes.
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
  ticker ticker_;  // last: its thread uses the others
};

}  // namespace tarn
