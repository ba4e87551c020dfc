// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace tarn {

/// What can be wrong with a pointer that is given back by hand.
enum class misuse : unsigned char {
  null,         ///< no pointer at all
  foreign,      ///< memory that no pool gave
  interior,     ///< a pointer into a block, not to its begin
  wrong_size,   ///< a size that belongs to another tier, or an alignment that is none
  wrong_pool,   ///< a block of another pool
  double_put,   ///< a block that is not out
  after_close,  ///< a good block, but to a pool that was closed; it is taken back all the same
};
inline constexpr std::size_t misuse_count = 7;

}  // namespace tarn
