// SPDX-License-Identifier: MIT
//
// The numbers of any pool, as far as it has them.

#pragma once

#include <algorithm>
#include <iterator>

#include <tarn/policy/lock.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// The snapshot of a pool. One that does not count gets has blocks and memory only.
template <class Pool>
[[nodiscard]] snapshot read_pool(const Pool& pool) {
  if constexpr (Pool::stats_type::counts) {
    return pool.snapshot();
  } else {
    using env = typename lock_traits<typename Pool::lock_type>::env;
    const auto now = pool.occupancy();
    snapshot s;
    s.name = pool.name();
    s.taken = s.created = s.last_resized = time_span::of_nanoseconds(env::now());
    s.tiers.reserve(now.tiers.size());
    for (const auto& t : now.tiers)
      s.tiers.push_back({t});
    s.nodes = {now.nodes};
    s.large = now.large;
    s.slab_bytes = now.slab_bytes;
    s.most_held_bytes = now.most_held_bytes;
    std::copy(std::begin(now.refusals), std::end(now.refusals), s.refusals);
    s.object_size_bytes = s.tiers.back().size_bytes;
    return s;
  }
}

}  // namespace tarn
