// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// The parameters of one tick of `maintain`.
struct tick_rules {
  static constexpr unsigned all = 64;  // so many halvings leave nothing

  std::int64_t now = 0;        // on the caller's clock
  std::uint64_t passed = 0;    // intervals since the last tick; 0: this is the first
  unsigned halvings = 0;       // halvings of the blocks not needed
  bool keeps_initial = false;  // blocks made ready at first stay
  int percent = -1;            // ready blocks allowed per hundred of the recent peak; -1: any
};

/// A peak decays by an eighth per tick, so that a load that comes every few ticks counts.
[[nodiscard]] constexpr std::uint64_t faded(std::uint64_t peak, std::uint64_t ticks) noexcept {
  for (auto n = min_of<std::uint64_t>(ticks, 64); n != 0; --n)
    peak -= (peak + 7) / 8;
  return peak;
}
/// Preconditions: `percent` is from 0 to a million, `of` below 2^50.
[[nodiscard]] constexpr std::uint64_t percent_of(std::uint64_t of, int percent) noexcept {
  const auto p = static_cast<std::uint64_t>(percent);
  return of / 100 * p + of % 100 * p / 100;
}

}  // namespace tarn::detail
