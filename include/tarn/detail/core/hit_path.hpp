// SPDX-License-Identifier: MIT
#pragma once

// What a get and a put cost when they hit.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
TARN_FORCE_INLINE auto core<Config>::own_shard() noexcept -> shard_type* {
  // relaxed: a stale slot leads to a shard of this thread, which outlives the call.
  return static_cast<shard_type*>(env::table().entry(slot_.load(std::memory_order::relaxed)));
}

template <class Config>
auto core<Config>::own_shard_or_null() noexcept -> shard_type* {
  if constexpr (is_per_thread) return own_shard();
  return nullptr;
}

template <class Config>
auto core<Config>::cache_of(tier_state& t, shard_type* s) noexcept -> cache_type* {
  if constexpr (is_single) return &t.cache;
  return s != nullptr ? s->caches() + t.home.shape.number : nullptr;
}

template <class Config>
TARN_FORCE_INLINE auto core<Config>::take(std::uint32_t tier, std::size_t size, where_type where)
    -> taken_type {
  if (void* const block = take_hit(tier, size)) [[likely]]
    return {block};
  return take_miss(tier, size, where);
}

template <class Config>
TARN_FORCE_INLINE void* core<Config>::take_hit(std::size_t tier, std::size_t size) {
  const auto number = static_cast<std::uint32_t>(tier);
  if constexpr (is_per_thread) {
    shard_type* const s = own_shard();
    if (s == nullptr || this->is_due(s->recorder)) [[unlikely]]
      return nullptr;
    void* const block = in_register(s->caches() + tier)->template pop<mark>();
    if (block != nullptr) [[likely]]
      tell_get(s->recorder, named_tiers_, number, size);
    return block;
  } else {
    if (this->is_due(this->recorder_)) [[unlikely]]
      return nullptr;
    auto& t = tiers_[tier];
    void* block = nullptr;
    if constexpr (is_single) {
      block = locked(t.lock, [&] { return t.cache.template pop<mark>(); });
    } else {
      block = pop_index(t);
    }
    if (block != nullptr) [[likely]]
      tell_get(this->recorder_, named_tiers_, number, size);
    return block;
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
