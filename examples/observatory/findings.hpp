// SPDX-License-Identifier: MIT
//
// What the recorded numbers lead to, as JSON.

#pragma once

#include <span>
#include <string>

#include <tarn/policy/snapshot.hpp>

#include "pools.hpp"

namespace observatory {

/// For each byte pool, the tiers of least waste for what it was asked for.
[[nodiscard]] std::string advice_of(std::span<const tarn::snapshot> seen);

/// Blocks that are out for long, by the place that took them.
[[nodiscard]] std::string suspects_of(pools& of);

}  // namespace observatory
