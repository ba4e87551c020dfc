// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

/// Counts of the upkeep of all pools of the program since it began.
///
/// All of it is counted on slow paths. relaxed throughout: statistics, which order nothing.
struct upkeep_counts {
  std::atomic<std::uint64_t> passes{0};          // trims, drains and ticks of maintain
  std::atomic<std::int64_t> nanoseconds{0};      // the time that they took
  std::atomic<std::uint64_t> released_bytes{0};  // idle bytes that went back to sources
  std::atomic<std::uint64_t> searches{0};        // searches for the owner of a pointer

  void released(std::size_t bytes) noexcept {
    released_bytes.fetch_add(bytes, std::memory_order::relaxed);
  }
  void searched() noexcept { searches.fetch_add(1, std::memory_order::relaxed); }
};
inline constinit upkeep_counts upkeep_totals;

/// Counts one pass of upkeep and the time of its scope.
class upkeep_pass {
 public:
  upkeep_pass() noexcept : began_(steady_nanoseconds()) {}
  upkeep_pass(const upkeep_pass&) = delete;
  upkeep_pass& operator=(const upkeep_pass&) = delete;
  ~upkeep_pass() {
    upkeep_totals.nanoseconds.fetch_add(steady_nanoseconds() - began_, std::memory_order::relaxed);
    upkeep_totals.passes.fetch_add(1, std::memory_order::relaxed);
  }

 private:
  std::int64_t began_;
};

}  // namespace tarn::detail
