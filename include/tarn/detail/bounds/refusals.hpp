// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/counters.hpp>

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

namespace tarn::detail {

/// How often a core gave nothing, by reason. Counted on slow paths, whatever the stats policy is.
template <class Env>
class refusal_counts {
 public:
  void add(refusal why) noexcept { counts_[static_cast<std::size_t>(why)].add(1); }
  void read(std::uint64_t (&into)[refusal_count]) const noexcept {
    for (std::size_t why = 0; why != refusal_count; ++why)
      into[why] = counts_[why].read();
  }

 private:
  shared_counter<Env> counts_[refusal_count];
};

}  // namespace tarn::detail
