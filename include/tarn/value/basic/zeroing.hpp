// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// When a pool overwrites memory with zeros.
enum class zeroing : unsigned char {
  none,         ///< never: the contents of a fresh buffer are indeterminate
  on_get,       ///< the requested bytes, at each get
  on_put,       ///< the whole block, at each put
  used_prefix,  ///< at each put, the first `size()` bytes, and written bytes behind them up to
                ///< the capacity; fresh memory is zeroed once
  secure,       ///< the whole block, at each put; the optimiser may not remove it
};

}  // namespace tarn
