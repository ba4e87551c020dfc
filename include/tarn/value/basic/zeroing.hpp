// SPDX-License-Identifier: MIT
#pragma once

namespace tarn {

/// When a pool overwrites memory with zeros.
enum class zeroing : unsigned char {
  none,         ///< never: the contents of a fresh buffer are indeterminate
  on_get,       ///< the asked bytes, as they are handed out
  on_put,       ///< the whole block, as it comes back
  used_prefix,  ///< the first `size()` bytes, as they come back, and behind them, up to the
                ///< capacity, what was written; fresh memory is zeroed once
  secure,       ///< the whole block, as it comes back, and the optimiser may not remove it
};

}  // namespace tarn
