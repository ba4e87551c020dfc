// SPDX-License-Identifier: MIT
#pragma once

// What a get and a put cost when they hit.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
TARN_FORCE_INLINE auto core<Config>::own_shard() noexcept -> shard_type* {
  // relaxed: a stale word leads to a shard of this thread, which outlives the call.
  return static_cast<shard_type*>(env::entry(shard_word_.load(std::memory_order::relaxed)));
}

/// As `own_shard`, also where the hit path finds none because the slot is kept out of line.
template <class Config>
auto core<Config>::find_shard() noexcept -> shard_type* {
  if constexpr (!has_shards) return nullptr;
  if (shard_type* const s = own_shard()) return s;
  if (this->slot_number_ == 0 || this->closed()) return nullptr;
  return static_cast<shard_type*>(env::table(*this->registry_).entry(this->slot_number_));
}

template <class Config>
auto core<Config>::cache_of(tier_state& t, shard_type* s) noexcept -> cache_type* {
  if constexpr (is_single) return &t.cache;
  return s != nullptr ? s->caches() + t.home.shape.number : nullptr;
}

/// The cache in front of a tier that the calling thread may enter now, while it holds the tier's
/// lock; null if there is none. To be asked for under the lock: waiting for it may have moved a
/// fiber to another thread.
template <class Config>
auto core<Config>::own_cache(tier_state& t) noexcept -> cache_type* {
  if constexpr (is_per_thread) return cache_of(t, find_shard());
  return cache_of(t, nullptr);
}

template <class Config>
TARN_FORCE_INLINE auto core<Config>::take(std::uint32_t tier, std::size_t size, where_type where)
    -> taken_type {
  if (void* const block = take_hit(tier, size)) [[likely]]
    return {block};
  return take_miss(tier, size, where);
}

template <class Config>
TARN_FORCE_INLINE void* core<Config>::take_hit(std::size_t tier, std::size_t size, bool named) {
  shard_type* s = nullptr;
  if constexpr (has_shards) {
    s = own_shard();
    if (s == nullptr) [[unlikely]]
      return nullptr;
  }
  auto& recorder = this->recorder_of(s);
  std::uint64_t number = 0;
  if (this->is_due(recorder, number)) [[unlikely]]
    return nullptr;
  void* const block = pop_ready(tier, s);
  const auto t = static_cast<std::uint32_t>(tier);
  if (block == nullptr || (!named && t >= named_tiers_)) [[unlikely]]
    return block;
  if constexpr (core::samples) {
    recorder.on_get(t, size, number);
  } else {
    recorder.on_get(t, size);
  }
  return block;
}

/// What is in front of the depot. Preconditions: `s` is the caller's shard, if caches are there.
template <class Config>
TARN_FORCE_INLINE void* core<Config>::pop_ready(std::size_t tier, shard_type* s) {
  if constexpr (is_per_thread) {
    return in_register(s->caches() + tier)->template pop<mark>();
  } else if constexpr (is_single) {
    auto& t = tiers_[tier];
    return locked(t.lock, [&] { return t.cache.template pop<mark>(); });
  } else {
    return pop_index(tiers_[tier]);
  }
}

template <class Config>
TARN_FORCE_INLINE void core<Config>::give(std::size_t tier, void* block) noexcept {
  if (this->sampled().may_know(block)) [[unlikely]]
    return this->give_known(static_cast<std::uint32_t>(tier), block);
  give_unknown(tier, block);
}

template <class Config>
TARN_FORCE_INLINE void core<Config>::give_unknown(std::size_t tier, void* block) noexcept {
  const auto number = static_cast<std::uint32_t>(tier);
  if constexpr (is_per_thread) {
    if (shard_type* const s = own_shard()) [[likely]] {
      tell_put(s->recorder, named_tiers_, number);
      if (in_register(s->caches() + tier)->template push<mark>(block)) [[likely]]
        return;
    }
  } else {
    tell_put(this->recorder_, named_tiers_, number);
    auto& t = tiers_[tier];
    if constexpr (is_single) {
      if (locked(t.lock, [&] { return t.cache.template push<mark>(block); })) [[likely]]
        return;
    } else {
      t.counts.put();  // early: once the block is home the core may end
      if (push_index(t, block)) return;
    }
  }
  give_slow(number, block);
}

}  // namespace tarn::detail
