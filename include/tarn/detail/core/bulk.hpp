// SPDX-License-Identifier: MIT
#pragma once

// Gets and puts of many blocks at once: one store, or one lock, for as many as the cache holds.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
bool core<Config>::take_bulk(std::uint32_t tier, std::size_t size, void** blocks, std::size_t count,
                             where_type where) {
  std::size_t got = 0;
  while (got != count) {
    std::size_t n = 0;
    const auto pop_all = [&](cache_type& cache) {
      return cache.template pop_bulk<mark>(blocks + got, count - got);
    };
    if constexpr (is_per_thread) {
      if (shard_type* const s = own_shard()) n = pop_all(s->caches()[tier]);
    } else if constexpr (is_single) {
      auto& t = tiers_[tier];
      n = locked(t.lock, [&] { return pop_all(t.cache); });
    }
    this->with_recorder([&](auto& recorder) {
      for (std::size_t i = 0; i != n; ++i)
        this->note_get(recorder, tier, blocks[got + i], size, where);
    });
    got += n;
    if (got == count) break;
    blocks[got] = take(tier, size, where).block;
    if (blocks[got] == nullptr) break;
    ++got;
  }
  if (got == count) return true;
  for (std::size_t i = 0; i != got; ++i)
    give(tier, blocks[i]);
  bounds<Config>::refuse(*this, tier, size);
  return false;
}

template <class Config>
void core<Config>::give_bulk(std::uint32_t tier, void* const* blocks, std::size_t count) noexcept {
  std::size_t given = 0;
  const auto push_all = [&](cache_type& cache) {
    return cache.push_bulk(blocks + given, count - given);
  };
  if constexpr (is_per_thread) {
    while (given != count) {
      shard_type* const s = own_shard();
      if (s == nullptr) break;
      const auto n = push_all(s->caches()[tier]);
      for (std::size_t i = 0; i != n; ++i)
        this->note_put(s->recorder, tier, blocks[given + i]);  // no other thread reads this cache
      given += n;
      if (given != count) give_slow(tier, blocks[given++]);
    }
  } else if constexpr (is_single) {
    auto& t = tiers_[tier];
    for (std::size_t i = 0; i != count; ++i)
      this->note_put(this->recorder_, tier, blocks[i]);
    while (given != count) {
      given += locked(t.lock, [&] { return push_all(t.cache); });
      if (given != count) give_slow(tier, blocks[given++]);
    }
  }
  while (given != count)
    give(tier, blocks[given++]);
}

}  // namespace tarn::detail
