// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/events/totals.hpp>
#include <tarn/detail/frontend/registry.hpp>
#include <tarn/value/basic/misuse.hpp>

namespace tarn::detail {

/// The counts and reports of misuse in a pool that checks; unused in a pool that does not.
template <class Config>
class misuse_counts {
 public:
  static constexpr std::size_t kinds = Config::checks ? misuse_count : 0;

  void report(misuse kind, const std::string& pool, const void* block, std::size_t size) noexcept {
    counts_[static_cast<std::size_t>(kind)].add(1);
    Config::on_misuse(kind, pool.c_str(), block, size);
  }
  [[nodiscard]] std::uint64_t read(std::size_t kind) const noexcept { return counts_[kind].read(); }

 private:
  shared_counter<typename Config::env> counts_[Config::checks ? misuse_count : 1];
};

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
