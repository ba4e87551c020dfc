// SPDX-License-Identifier: MIT
//
// What the recorded numbers lead to, as JSON.

#pragma once

#include <span>
#include <string>

#include <tarn/value/snapshot.hpp>

#include "pools.hpp"

namespace observatory {

/// For each byte pool, the tiers of least waste for what it was asked for: as many as those that it
/// used.
[[nodiscard]] std::string advice_of(std::span<const tarn::snapshot> seen);

/// The places whose blocks are out for longer than anybody here needs one.
[[nodiscard]] std::string suspects_of(const pools& of);

}  // namespace observatory
