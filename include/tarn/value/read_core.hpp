// SPDX-License-Identifier: MIT
#pragma once

// How the numbers of a core become those of a snapshot.

#include <vector>

#include <tarn/value/basic/misuse.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn::detail {

/// The numbers of one tier, from what `core::read` gives.
template <class Tier, class Numbers>
[[nodiscard]] Tier read_tier(const Numbers& n) noexcept {
  Tier t;
  t.size_bytes = n.shape->size;
  t.stride_bytes = n.shape->stride;
  t.created = n.created;
  t.retired = n.retired;
  t.recarved = n.recarved;
  t.abandoned = n.abandoned;
  t.idle = n.ready + n.parked + n.sharded;
  t.idle_in_threads = n.sharded;
  t.idle_pinned = n.parked;
  t.max_idle = n.bound;
  t.idle_for = time_span::of_nanoseconds(n.idle_for);
  t.discarded = n.discarded;
  t.aged = n.aged;
  t.trimmed = n.trimmed;
  t.purged = n.purged;
  t.purged_bytes = n.purged_bytes;
  t.idle_purged = n.idle_purged;
  t.peak_outstanding = n.peak_outstanding;
  if constexpr (requires { t.gets; }) {
    t.gets = n.gets;
    t.puts = n.puts;
    t.misses = n.misses < n.gets ? n.misses : n.gets;
    t.in_use = n.gets - n.puts;
  } else {
    const auto gone = n.retired + n.abandoned + t.idle;
    t.in_use = n.created > gone ? n.created - gone : 0;
  }
  return t;
}

/// Fills in the numbers that every pool has. Complexity: O(tiers x threads that ever used the
/// pool).
template <class Tier, class Core>
void read_tiers(const Core& core, std::vector<Tier>& tiers, Tier& nodes) {
  tiers.reserve(core.tiers());
  core.read([&](const auto& n) {
    if (n.shape->number == core.tiers()) {
      nodes = read_tier<Tier>(n);
    } else {
      tiers.push_back(read_tier<Tier>(n));
    }
  });
}

/// The misuses that a pool counted, by kind. A pool that does not check has a list only once a
/// block came home twice.
template <class Core>
void read_misuses(const Core& core, std::vector<std::uint64_t>& into) {
  const auto& counted = core.misuses();
  for (std::size_t kind = 0; kind != counted.kinds; ++kind)
    into.push_back(counted.read(kind));
  std::uint64_t met = 0;
  core.read([&](const auto& n) { met += n.double_puts; });
  if (met == 0) return;
  into.resize(misuse_count);
  into[static_cast<std::size_t>(misuse::double_put)] += met;
}

/// The times that a pool counted, as a value.
template <class Counts>
[[nodiscard]] time_histogram read_times(const Counts& from) {
  time_histogram made;
  made.counts.reserve(time_buckets::count);
  for (std::size_t i = 0; i != time_buckets::count; ++i)
    made.counts.push_back(from.count(i));
  made.sum = time_span::of_nanoseconds(static_cast<std::int64_t>(from.sum()));
  return made;
}

/// Runs `collect` of every recorder that has it.
template <class Core>
void read_recorders(const Core& core, snapshot& into) {
  core.for_each_recorder([&](const auto& recorder) {
    if constexpr (requires { recorder.collect(into); }) recorder.collect(into);
  });
}

}  // namespace tarn::detail
