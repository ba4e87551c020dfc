// SPDX-License-Identifier: MIT
//
// Conclusions from the recorded numbers, as JSON.

#pragma once

#include <span>
#include <string>

#include <tarn/value/snapshot.hpp>

#include "pools.hpp"

namespace observatory {

/// For each byte pool, the tiers of least waste for its requests: as many tiers as it used.
[[nodiscard]] std::string advice_of(std::span<const tarn::snapshot> seen);

/// The call sites whose blocks are out for longer than any load here needs them.
[[nodiscard]] std::string suspects_of(const pools& of);

}  // namespace observatory
