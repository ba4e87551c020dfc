// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/policy/tiers.hpp>

namespace pipeline {

/// The tiers of the payloads: from lines, of which most are shorter than 64 bytes, to the longest
/// record.
using tiers = tarn::power_of_two_tiers<32, std::size_t{256} << 10>;

}  // namespace pipeline
