// SPDX-License-Identifier: MIT
#pragma once

// What a core reports and does when it has no block to give.

#include <tarn/detail/bounds/bounds.hpp>

namespace tarn::detail {

/// The reason why there is no block of `tier` now, for a get that does not wait. Others may wait
/// for a block that is there.
template <class Config>
refusal bounds<Config>::reason(const core_type& c, std::uint32_t tier, std::size_t bytes) noexcept {
  const auto why = failure(c, tier, bytes);
  if (why != refusal::source || !c.waiting().any()) return why;
  return c.settings_.limit_bytes != core_settings::no_limit ? refusal::limit : refusal::capacity;
}

/// The reason why there is no block of `tier` now. If no request can name `tier`: why there is no
/// memory of `bytes` bytes.
template <class Config>
refusal bounds<Config>::failure(const core_type& c, std::uint32_t tier,
                                std::size_t bytes) noexcept {
  if (bytes > max_size) return refusal::too_large;
  if (c.closed()) return refusal::closed;
  if (tier < c.tiers()) {
    auto& t = c.tiers_[tier];
    if (locked(t.lock, [&] { return t.home.live() >= t.home.max_live; })) return refusal::capacity;
    bytes = t.home.shape.slab_bytes;
  }
  return c.source_.has_room_for(bytes) ? refusal::source : refusal::limit;
}

/// Counts a request for many blocks that got none.
template <class Config>
void bounds<Config>::refuse_many(core_type& c, std::uint32_t tier, std::size_t size,
                                 std::size_t count) noexcept {
  c.refuse(why_not_many(c, tier, size, count), tier, size);
}

/// Why `count` blocks can't be had at once. If no request can name `tier`: blocks of `size` bytes
/// above the last tier.
template <class Config>
refusal bounds<Config>::why_not_many(core_type& c, std::uint32_t tier, std::size_t size,
                                     std::size_t count) noexcept {
  if (count == 0 || size > max_size / count) return refusal::too_large;
  if (tier >= c.tiers()) return reason(c, tier, size * count);
  if (c.closed()) return refusal::closed;
  auto& t = c.tiers_[tier];
  std::uint64_t there = core_type::front::stacked(c, tier);
  std::uint64_t carvable = 0;
  std::uint64_t uncarved = 0;
  locked(t.lock, [&] {
    there += t.home.home();
    there += core_type::front::reachable(c, t);
    carvable = t.home.max_live - min_of(t.home.live(), t.home.max_live);
    uncarved = t.home.uncarved();
  });
  if (there + min_of(carvable, ~there) < count) return refusal::capacity;
  // Other threads have given back meanwhile what was missing. There is memory for all that may
  // exist here, so it was not that.
  const bool is_bounded = c.settings_.capacity != core_settings::no_limit;
  if (is_bounded && there + min_of(uncarved, carvable) >= count) return refusal::capacity;
  there += uncarved;
  const auto bytes = t.home.shape.slab_bytes;
  const auto missing = count > there ? count - there : 1;
  const auto slabs = (missing - 1) / slab_type::blocks_in(bytes, t.home.shape) + 1;
  if (slabs > max_size / bytes) return refusal::limit;
  return c.source_.has_room_for(cast_to<std::size_t>(slabs) * bytes) ? refusal::source
                                                                     : refusal::limit;
}

/// Blocks of `tier` that are in use. Preconditions: threads have no caches.
template <class Config>
std::uint64_t bounds<Config>::in_use(const core_type& c, std::uint32_t tier) noexcept {
  auto& t = c.tiers_[tier];
  std::uint64_t idle = core_type::front::stacked(c, tier);
  return locked(t.lock, [&] {
    idle += t.home.home();
    idle += core_type::front::beside_depot(t);
    return t.home.live() - min_of(t.home.live(), idle);
  });
}

/// Idle blocks in the caches of other threads. Only those threads can give them up.
template <class Config>
auto bounds<Config>::cached_elsewhere(core_type& c) noexcept -> cached {
  cached sum;
  if (core_type::front::has_shards) {
    const auto* const own = c.find_shard();
    // acquire, as in for_each_cache.
    for (auto* s = c.shards_.load(std::memory_order::acquire); s != nullptr; s = s->next) {
      if (s == own) continue;
      std::size_t bytes = 0;
      for (std::uint32_t t = 0; t != c.tier_count_; ++t) {
        bytes += cast_to<std::size_t>(s->cache_of(t).read() & level_mask) *
                 c.tiers_[t].home.shape.stride;
      }
      sum.bytes += bytes;
      sum.threads += bytes != 0;
    }
  }
  return sum;
}

/// Orders other threads to empty their caches, and waits a moment: each thread follows on its next
/// slow path. Returns: whether memory came back, so that it is worth looking again. `turns` bounds
/// the total wait of one get.
template <class Config>
bool bounds<Config>::recall(core_type& c, std::uint32_t tier, unsigned& turns) noexcept {
  if (core_type::front::has_shards) {
    const auto held = c.source_.held();
    if (turns == 0) {
      if (cached_elsewhere(c).bytes == 0) return false;
      // relaxed: `give_order` publishes it.
      c.drains_.fetch_add(1, std::memory_order::relaxed);
      c.registry_->give_order(c);
    }
    while (turns != most_turns) {
      env::pause(turns++);
      if (c.closed() || c.source_.held() < held) return true;
      if (tier == no_tier) continue;
      if (locked(c.tiers_[tier].lock, [&] { return c.tiers_[tier].home.home() != 0; })) return true;
    }
  }
  return false;
}

}  // namespace tarn::detail
