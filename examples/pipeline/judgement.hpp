// SPDX-License-Identifier: MIT
//
// The common result of several rounds of a comparison.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace pipeline {

enum class judgement { faster, same, slower, noisy };

[[nodiscard]] constexpr const char* to_string(judgement j) noexcept {
  constexpr const char* names[] = {"faster", "same", "slower", "noisy"};
  return names[static_cast<std::size_t>(j)];
}

/// Smaller differences count as equal.
inline constexpr double least_difference = 0.02;

struct opinions {
  std::size_t faster = 0;
  std::size_t slower = 0;
};

/// The number of rounds with each result.
[[nodiscard]] inline opinions count_opinions(const std::vector<double>& ratios) {
  opinions made;
  for (const double r : ratios) {
    made.faster += r >= 1 + least_difference;
    made.slower += r <= 1 - least_difference;
  }
  return made;
}

/// Noisy: at least a quarter of the rounds contradicts as many other rounds, so that another run
/// may have another result.
[[nodiscard]] inline judgement judge(const std::vector<double>& ratios, double median) {
  const auto [faster, slower] = count_opinions(ratios);
  if (const auto least = std::min(faster, slower); least != 0 && least * 4 >= ratios.size()) {
    return judgement::noisy;
  }
  if (median >= 1 + least_difference) return judgement::faster;
  return median > 1 - least_difference ? judgement::same : judgement::slower;
}

}  // namespace pipeline
