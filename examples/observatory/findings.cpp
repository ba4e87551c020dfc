// SPDX-License-Identifier: MIT
#include "findings.hpp"

namespace observatory {

std::string advice_of(std::span<const tarn::snapshot>) { return "[]"; }
std::string suspects_of(pools&) { return "null"; }

}  // namespace observatory
