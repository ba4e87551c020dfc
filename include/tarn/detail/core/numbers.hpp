// SPDX-License-Identifier: MIT
#pragma once

// Reading the numbers of a core.

#include <utility>

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

/// The numbers of one tier at one moment. Exact while no thread uses the pool; `gets >= puts`
/// always. Gets, puts and misses are zero unless the stats policy counts.
struct tier_numbers : tier_counts {
  const tier_shape* shape = nullptr;
  std::uint64_t ready = 0;    // idle in the depot's magazines or in the index stack
  std::uint64_t parked = 0;   // idle in their slabs
  std::uint64_t sharded = 0;  // idle in caches
  std::uint64_t bound = 0;    // most blocks that may be ready
  std::int64_t idle_for = 0;  // nanoseconds, see tier_ageing
};

template <class Config>
auto core<Config>::shape_of(std::uint32_t tier) const noexcept -> const tier_shape& {
  return tiers_[tier].home.shape;
}

template <class Config>
auto core<Config>::find_slab(const void* p) const noexcept -> slab_type* {
  slab_type* const s = directory_.find(p);
  // The last unit of the directory may be covered only in part.
  return s != nullptr && s->offset_of(p) < s->bytes ? s : nullptr;
}

template <class Config>
std::size_t core<Config>::slab_bytes_taken() const noexcept {
  return source_bytes_.load(std::memory_order::relaxed);  // a statistic
}

template <class Config>
std::uint64_t core<Config>::ready_of(std::uint32_t tier) const noexcept {
  return front::ready(*this, tier);
}

template <class Config>
template <class Report>
void core<Config>::read(Report&& report) const noexcept {
  for (std::uint32_t i = 0; i != tier_count_; ++i) {
    auto& t = tiers_[i];
    tier_numbers n;
    n.shape = &t.home.shape;
    n.ready = front::stacked(*this, i);
    // Gets and puts go on, so all puts are read before any get. The caches are read without the
    // lock: there may be many, and the puts of a cache do not change as blocks move between it and
    // the depot.
    locked(t.lock, [&] {
      static_cast<tier_counts&>(n) = t.home.count;
      n.bound = front::bound_of(t);
      n.idle_for = t.ageing.ticked_at - t.ageing.needed_at;
      n.ready += t.home.ready();
      n.parked = t.home.parked();
    });
    n.parked += this->detained_of(i);
    n.puts += t.counts.puts();
    for_each_cache(t, [&](const cache_type& c) {
      const auto now = c.read_numbers();
      n.sharded += now.level;
      if (mark != 0) n.puts += now.puts;
    });
    n.gets = locked(t.lock, [&] { return t.home.count.gets; }) + t.counts.gets();
    for_each_cache(t, [&](const cache_type& c) { n.gets += c.read() >> level_bits; });
    if (mark == 0) n.misses = 0;
    report(std::as_const(n));
  }
}

template <class Config>
template <class Action>
void core<Config>::for_each_cache(tier_state& t, Action&& action) const {
  front::for_each_cache(*this, t, action);
}

}  // namespace tarn::detail
