// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// The faults of a raw pointer that is given back, and of writes to memory that is not the
/// writer's.
enum class misuse : unsigned char {
  null,          ///< a null pointer
  foreign,       ///< memory that did not come from a pool
  interior,      ///< a pointer into a block, not to its begin
  wrong_size,    ///< a size of another tier, or an alignment that is not a power of two
  wrong_pool,    ///< a block of another pool
  double_put,    ///< a block that is not live
  after_close,   ///< a good block, but the pool is closed; the pool takes it back
  overrun,       ///< bytes behind the capacity were written; the pool takes the block back
  written_idle,  ///< bytes were written after the put; found by the next get, or before
};
inline constexpr std::size_t misuse_count = 9;

}  // namespace tarn
