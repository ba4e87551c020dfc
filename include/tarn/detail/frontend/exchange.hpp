// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/depot/depot.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>

namespace tarn::detail {

/// Blocks that one way to the depot moves at most: half of what the cache may hold, since that
/// follows what was needed, but a magazine's worth at least.
template <class Env>
[[nodiscard]] std::uint32_t batch_of(const depot<Env>& home,
                                     const tier_cache<Env>& cache) noexcept {
  return max_of(home.shape.rounds, cache.limit / 2);
}

/// Fills an empty cache with up to a batch of ready blocks; with `parked_too` also with parked
/// blocks if there are too few ready ones. Called by the owner of the cache, under the
/// tier's lock. Returns: the number of blocks.
template <class Env>
std::uint32_t refill(depot<Env>& home, tier_cache<Env>& cache, bool parked_too) noexcept {
  const auto level = cache.level();
  const auto most = min_of(batch_of(home, cache), cache.limit - level);
  std::uint32_t moved = 0;
  for (; moved < most && home.ready() != 0; ++moved) {
    cache.rounds[level + moved] = home.magazines.take();
  }
  while (parked_too && moved < most && home.parked() != 0) {
    cache.rounds[level + moved++] = home.take_from_slab().block;
  }
  cache.moved_in(moved);
  home.note_away();
  return moved;
}

/// Takes the `amount` oldest blocks of a cache home. Called by its owner, under the tier's lock.
template <class Env>
void absorb(depot<Env>& home, tier_cache<Env>& cache, std::uint32_t amount) noexcept {
  const auto level = cache.level();
  for (std::uint32_t i = 0; i != amount; ++i)
    home.magazines.put(cache.rounds[i]);
  for (std::uint32_t i = amount; i != level; ++i) {
    cache.rounds[i - amount] = static_cast<void*>(cache.rounds[i]);
  }
  cache.moved_in(-static_cast<std::int64_t>(amount));
}

}  // namespace tarn::detail
