// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace tarn {

/// Why a pool gave nothing.
enum class refusal : unsigned char {
  limit,      ///< `limit_bytes` are held of the source
  capacity,   ///< as many blocks as may exist, or as a consumer may hold, are in use
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
