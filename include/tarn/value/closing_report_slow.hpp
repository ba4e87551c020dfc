// SPDX-License-Identifier: MIT
#pragma once

// How a core that was closed becomes a report. All memory that this needs is on the stack: a pool
// may close because there is no other.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include <tarn/detail/base/tier_lookup.hpp>
#include <tarn/value/closing_report.hpp>
#include <tarn/value/read_core.hpp>

namespace tarn::detail {

/// The call sites of live blocks. Sites that are found when all places are taken are only counted.
class closing_sites {
 public:
  static constexpr std::size_t shown = 16;

  void add(const sample& s, std::int64_t now) noexcept {
    ++samples_;
    for (std::size_t i = 0; i != count_; ++i) {
      if (sites_[i].where == s.where) return sites_[i].add(s, now);
    }
    if (count_ == sites_.size()) return;
    sites_[count_].where = s.where;
    sites_[count_++].add(s, now);
  }
  /// Writes the sites with the most bytes into the report, which refers to this object then.
  void finish(closing_report& into) noexcept {
    const auto most = min_of(count_, shown);
    into.samples = into.other_sites = samples_;
    for (std::size_t i = 0; i != most; ++i) {
      auto best = i;
      for (auto other = i + 1; other != count_; ++other) {
        if (sites_[best].estimated_bytes < sites_[other].estimated_bytes) best = other;
      }
      const live_site found = sites_[best];
      sites_[best] = sites_[i];
      sites_[i] = found;
      into.other_sites -= found.samples;
    }
    into.sites = {sites_.data(), most};
  }

 private:
  std::array<live_site, 4 * shown> sites_{};
  std::size_t count_ = 0;
  std::uint64_t samples_ = 0;
};
struct no_closing_sites {
  static void finish(closing_report&) noexcept {}
};

/// Reports the live blocks of a closed core, if there are any, as `mode` says.
template <class Core>
TARN_COLD void report_closing(Core& core, const large_snapshot& large, closing mode) noexcept {
  closing_report made;
  made.pool = core.name().c_str();
  made.mode = mode;
  std::array<closing_tier, max_tiers> tiers{};
  std::size_t count = 0;
  core.read([&](const auto& n) {
    const auto t = read_tier<tier_occupancy>(n);
    if (n.shape->number == core.tiers()) {
      made.nodes = t.in_use;
    } else if (t.in_use != 0) {
      tiers[count] = {t.size_bytes, t.in_use};
      made.blocks += t.in_use;
      made.bytes += tiers[count++].bytes();
    }
  });
  made.tiers = {tiers.data(), count};
  made.large_blocks = large.in_use;
  made.large_bytes = large.in_use_bytes;
  made.blocks = max_of(made.blocks + large.in_use, made.nodes);  // foreign memory has a node only
  made.bytes += large.in_use_bytes;
  if (made.blocks == 0) return;
  std::conditional_t<Core::samples, closing_sites, no_closing_sites> sites;
  if constexpr (Core::samples) {
    const auto now = Core::env::now();
    core.sampled().for_each([&](const sample& s) { sites.add(s, now); });
  }
  sites.finish(made);
  // acquire: pairs with `set_closing_handler`.
  current_closing_handler.load(std::memory_order::acquire)(made);
  if (mode == closing::abort) std::abort();
}

}  // namespace tarn::detail
