// SPDX-License-Identifier: MIT
//
// All that a pool shows of itself, except its refusals: what an error must leave as it was.
//
//   const auto before = test::whole_state(pool);
//   CHECK_THROWS(pool.get_bulk(100, out));
//   CHECK(test::change(before, test::whole_state(pool)) == "");

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <tarn/value/snapshot.hpp>

namespace test {

using state = std::vector<std::pair<std::string, std::uint64_t>>;

template <class Tier>
void add_tier(state& all, const std::string& name, const Tier& t) {
  const auto add = [&](const char* what, std::uint64_t n) { all.emplace_back(name + what, n); };
  add("created", t.created);
  add("retired", t.retired);
  add("recarved", t.recarved);
  add("abandoned", t.abandoned);
  add("idle", t.idle);
  add("idle_in_threads", t.idle_in_threads);
  add("idle_pinned", t.idle_pinned);
  add("idle_purged", t.idle_purged);
  add("in_use", t.in_use);
  add("max_idle", t.max_idle);
  add("peak_outstanding", t.peak_outstanding);
  add("discarded", t.discarded);
  add("aged", t.aged);
  add("trimmed", t.trimmed);
  add("purged", t.purged);
  if constexpr (requires { t.gets; }) {
    add("gets", t.gets);
    add("puts", t.puts);
    add("misses", t.misses);
    add("requested_bytes", t.requested_bytes);
    add("most_in_use", t.most_in_use);
  }
}

template <class Numbers>
void add_numbers(state& all, const Numbers& from) {
  for (std::size_t i = 0; i != from.tiers.size(); ++i)
    add_tier(all, "tier " + std::to_string(i) + " ", from.tiers[i]);
  add_tier(all, "nodes ", from.nodes);
  all.emplace_back("slab_bytes", from.slab_bytes);
  for (const auto count : tarn::large_snapshot::counts)
    all.emplace_back("a count of large blocks", from.large.*count);
  all.emplace_back("large in_use", from.large.in_use);
  all.emplace_back("large in_use_bytes", from.large.in_use_bytes);
  all.emplace_back("large kept", from.large.kept);
  all.emplace_back("large kept_bytes", from.large.kept_bytes);
}

template <class Pool>
[[nodiscard]] state whole_state(const Pool& pool) {
  state all;
  add_numbers(all, pool.occupancy());
  if constexpr (Pool::stats_type::counts) {
    const auto s = pool.snapshot();
    add_numbers(all, s);
    all.emplace_back("retains", s.retains);
    all.emplace_back("releases", s.releases);
    all.emplace_back("constructed", s.constructed);
    all.emplace_back("reset_failures", s.reset_failures);
    all.emplace_back("outgrown", s.outgrown);
    all.emplace_back("samples", s.samples);
    all.emplace_back("not_sampled", s.not_sampled);
    for (const auto n : s.size_histogram)
      all.emplace_back("size_histogram", n);
    for (const auto n : s.misuses)
      all.emplace_back("misuses", n);
    all.emplace_back("last_resized", static_cast<std::uint64_t>(s.last_resized.count()));
  }
  return all;
}

/// Returns: the differences in words; an empty text if both are equal.
[[nodiscard]] inline std::string change(const state& before, const state& after) {
  if (before.size() != after.size()) return "other numbers";
  std::string words;
  for (std::size_t i = 0; i != before.size(); ++i) {
    if (before[i].second == after[i].second) continue;
    words += before[i].first + ' ' + std::to_string(before[i].second) + " -> " +
             std::to_string(after[i].second) + "; ";
  }
  return words;
}

}  // namespace test
