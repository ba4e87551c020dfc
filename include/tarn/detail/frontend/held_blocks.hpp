// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/depot/tier_counts.hpp>

namespace tarn::detail {

/// Blocks that one thread has taken out while it is not certain that it gets all that it needs.
/// They do not count as gets yet. They lie in one array: first those that hold what a get expects,
/// then parked ones, then fresh ones.
struct held_blocks {
  std::size_t ready = 0;
  std::size_t cached = 0;  // of the ready ones, those that came out of the caller's cache
  std::size_t parked = 0;
  std::size_t fresh = 0;

  [[nodiscard]] std::size_t bare() const noexcept { return parked + fresh; }
  [[nodiscard]] std::size_t all() const noexcept { return ready + bare(); }
  [[nodiscard]] origin origin_of(std::size_t i) const noexcept {
    return i < ready ? origin::ready : i < ready + parked ? origin::parked : origin::fresh;
  }
};

}  // namespace tarn::detail
