// SPDX-License-Identifier: MIT
//
// The invariants that hold whenever no call is under way; a violation is described in words.
//
//   CHECK(test::imbalance(pool, source) == "");

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tarn/value/snapshot.hpp>

#include "support/failing_source.hpp"

namespace test {

/// Blocks: per tier, created = idle + in use + retired + abandoned, and no number below zero.
template <class Tier>
[[nodiscard]] std::string imbalance_of_tier(const Tier& t) {
  constexpr std::uint64_t absurd = std::uint64_t{1} << 48;
  const auto numbers = "tier " + std::to_string(t.size_bytes) + ": created " +
                       std::to_string(t.created) + ", idle " + std::to_string(t.idle) +
                       ", in use " + std::to_string(t.in_use) + ", retired " +
                       std::to_string(t.retired) + ", abandoned " + std::to_string(t.abandoned);
  if (t.created != t.idle + t.in_use + t.retired + t.abandoned) return numbers;
  for (const auto n : {t.created, t.idle, t.in_use, t.retired, t.abandoned, t.discarded}) {
    if (n > absurd) return numbers + ", discarded " + std::to_string(t.discarded);
  }
  if constexpr (requires { t.gets; }) {
    if (t.gets < t.puts || t.gets - t.puts != t.in_use || t.misses > t.gets) {
      return numbers + ", gets " + std::to_string(t.gets) + ", puts " + std::to_string(t.puts) +
             ", misses " + std::to_string(t.misses);
    }
  }
  return {};
}

/// Blocks of every tier, as far as the stats policy counts them.
template <class Pool>
[[nodiscard]] std::string imbalance(const Pool& pool) {
  const auto now = pool.occupancy();
  for (const auto& t : now.tiers) {
    if (auto wrong = imbalance_of_tier(t); !wrong.empty()) return wrong;
  }
  if (auto wrong = imbalance_of_tier(now.nodes); !wrong.empty()) return "nodes, " + wrong;
  if constexpr (Pool::stats_type::counts) {
    const auto s = pool.snapshot();
    for (const auto& t : s.tiers) {
      if (auto wrong = imbalance_of_tier(t); !wrong.empty()) return wrong;
    }
    if (auto wrong = imbalance_of_tier(s.nodes); !wrong.empty()) return "nodes, " + wrong;
    if (s.large.gets - s.large.puts != s.large.in_use) return "gets and puts of large blocks";
  }
  return {};
}

/// Blocks, and bytes: the memory of the source is slabs and large blocks, and the source found no
/// fault.
template <class Pool>
[[nodiscard]] std::string imbalance(const Pool& pool, const failing_source& source) {
  if (auto wrong = imbalance(pool); !wrong.empty()) return wrong;
  if (source.faults() != 0) return std::to_string(source.faults()) + " faults at the source";
  const auto o = pool.occupancy();
  const auto held = o.slab_bytes + o.large.in_use_bytes + o.large.kept_bytes;
  if (held == source.live_bytes()) return {};
  return "the source gave " + std::to_string(source.live_bytes()) + " bytes, the pool knows of " +
         std::to_string(held);
}

}  // namespace test
