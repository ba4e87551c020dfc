// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>

namespace tarn::detail {

/// Adds sizes. Throws: `std::length_error` naming `what`, if the sum is above `most`: a sum that
/// overflows is never a smaller number. Preconditions: `a <= most`.
[[nodiscard]] inline std::size_t sum_of(std::size_t a, std::size_t b, const char* what,
                                        std::size_t most = max_size) {
  if (b > most - a) [[unlikely]]
    throw_length(what, b, "must be at most", most - a);
  return a + b;
}

/// The size of two pieces together, or SIZE_MAX if the sum overflows: more than any limit.
[[nodiscard]] constexpr std::size_t size_together(std::size_t a, std::size_t b) noexcept {
  return a <= SIZE_MAX - b ? a + b : SIZE_MAX;
}

}  // namespace tarn::detail
