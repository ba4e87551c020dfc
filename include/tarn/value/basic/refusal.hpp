// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// Why a pool refused a request.
enum class refusal : unsigned char {
  limit,      ///< the pool holds `limit_bytes` from the source
  capacity,   ///< all blocks that may exist, or a consumer may hold, are in use
  source,     ///< the source has no memory
  closed,     ///< the pool is closed
  too_large,  ///< no block can have that size
};
inline constexpr std::size_t refusal_count = 5;

[[nodiscard]] constexpr const char* to_string(refusal why) noexcept {
  constexpr const char* names[refusal_count] = {"limit", "capacity", "source", "closed",
                                                "too_large"};
  return names[static_cast<std::size_t>(why)];
}

}  // namespace tarn
