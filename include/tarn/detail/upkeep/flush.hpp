// SPDX-License-Identifier: MIT
#pragma once

// How the blocks of a cache go home.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// Empties the caches of one tier that the calling thread can reach, or that of the shard `left`,
/// which only this call uses.
template <class Config>
void core<Config>::flush(std::uint32_t tier, shard_type* left) noexcept {
  front::flush(*this, tier, left);
}

template <class Config>
void core<Config>::flush_all(shard_type* left) noexcept {
  front::flush_all(*this, left);
}

}  // namespace tarn::detail
