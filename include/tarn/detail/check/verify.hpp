// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/events/totals.hpp>
#include <tarn/value/basic/misuse.hpp>

namespace tarn::detail {

/// Checks a pointer that is given back as a block of `tier`, and marks the block as idle if it is
/// one. Returns: whether it is one; if not, `verdict` names the misuse.
template <class Core>
[[nodiscard]] inline bool admit(Core& core, const void* p, std::uint32_t tier,
                                misuse& verdict) noexcept {
  if (p == nullptr) {
    verdict = misuse::null;
    return false;
  }
  auto* const s = core.find_slab(p);
  if (s == nullptr) {
    upkeep_totals.searched();
    const bool elsewhere = core.home_registry().find_core(
        [&](const auto& other) { return &other != &core && other.contains(p); });
    verdict = elsewhere ? misuse::wrong_pool : misuse::foreign;
    return false;
  }
  if (s->offset_of(p) % s->stride != 0 || s->index_of(p) >= s->blocks) {
    verdict = misuse::interior;
    return false;
  }
  if (s->tier != tier) {
    verdict = misuse::wrong_size;
    return false;
  }
  verdict = misuse::double_put;
  return s->exit(s->index_of(p));  // of two racing calls, one gets true
}

}  // namespace tarn::detail
