// SPDX-License-Identifier: MIT
//
// weighted_size: a number of requests of one size, the input of `advise`.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// A number of requests of one size.
struct weighted_size {
  std::size_t size = 0;
  std::uint64_t weight = 0;

  friend bool operator==(const weighted_size&, const weighted_size&) = default;
};

}  // namespace tarn
