// SPDX-License-Identifier: MIT
#pragma once

// The hit path of gets and puts.

#include <tarn/detail/core/core.hpp>

namespace tarn::detail {

template <class Config>
TARN_FORCE_INLINE auto core<Config>::shard_at(const place_word& place) const noexcept
    -> shard_type* {
  if constexpr (!has_shards) return nullptr;
  // relaxed: a stale place leads to a shard of this thread, which outlives the call.
  return static_cast<shard_type*>(env::entry(place.load(std::memory_order::relaxed)));
}

template <class Config>
void core<Config>::set_hot_end(std::size_t usual) noexcept {
  // One publisher at a time, under the lock of the observers. `close` sets the own place to the
  // null shard before it calls this, so no observer that leaves afterwards opens the hit path
  // again.
  this->observers_.ask([&](bool wanted) {
    const auto end = wanted ? 0 : usual;
    // relaxed: observers hear of a request that misses the change a moment late.
    this->hot_end_.store(end, std::memory_order::relaxed);
    front::open_hot(*this, end != 0);
    publish_hot_place();
  });
}

/// To be called under the lock of the observers, or while no other thread is there: `hot_place()`
/// is the own place, or that of the null shard while the hit path is closed.
template <class Config>
void core<Config>::publish_hot_place() noexcept {
  // relaxed, all: as in `set_hot_end`.
  const auto place = this->hot_end_.load(std::memory_order::relaxed) != 0
                         ? own_place_.load(std::memory_order::relaxed)
                         : env::word_of(*this->registry_, 0);
  hot_place_.store(place, std::memory_order::relaxed);
  if (entrance_ != nullptr) entrance_->set(place);
}

/// The calling thread's shard, or null.
template <class Config>
auto core<Config>::own_shard() const noexcept -> shard_type* {
  auto* const s = shard_at(own_place_);
  return s->is_null ? nullptr : s;
}

/// As `own_shard`, also where the hit path finds none because the slot is kept out of line.
template <class Config>
auto core<Config>::find_shard() noexcept -> shard_type* {
  if constexpr (!has_shards) return nullptr;
  if (shard_type* const s = own_shard()) return s;
  if (this->slot_number_ == 0 || this->closed()) return nullptr;
  return static_cast<shard_type*>(env::table(*this->registry_).entry(this->slot_number_));
}

/// The cache in front of a tier that the calling thread may enter now, while it holds the tier's
/// lock; null if there is no cache. To be called under the lock: waiting for the lock may have
/// moved a fiber to another thread.
template <class Config>
auto core<Config>::own_cache(tier_state& t) noexcept -> cache_type* {
  return front::own_cache(*this, t);
}

template <class Config>
TARN_FORCE_INLINE auto core<Config>::take(std::uint32_t tier, std::size_t size, where_type where,
                                          std::size_t place) -> taken_type {
  if (void* const block = take_hit(shard_at(own_place_), place, size)) [[likely]]
    return {block};
  return take_miss(tier, size, where);
}

template <class Config>
TARN_FORCE_INLINE void* core<Config>::take_hit(shard_type* s, std::size_t place, std::size_t size,
                                               bool named) {
  if constexpr (has_recorders) {
    if (s->is_null) [[unlikely]]
      return nullptr;
  }
  auto& recorder = this->recorder_of(s);
  std::uint64_t number = 0;
  if (this->is_due(recorder, number)) [[unlikely]]
    return nullptr;
  void* const block =
      front::closes_itself && named ? front::pop_hot(*this, place, s) : pop_ready(place, s);
  const auto t = static_cast<std::uint32_t>(place);
  if (block == nullptr || (!named && t >= named_tiers_)) [[unlikely]]
    return block;
  if constexpr (core::samples) {
    recorder.on_get(t, size, number);
  } else {
    recorder.on_get(t, size);
  }
  return block;
}

/// Takes a block from in front of the depot: from a cache or from the index stack. Preconditions:
/// where threads have caches, `s` is the caller's shard or the null shard.
template <class Config>
TARN_FORCE_INLINE void* core<Config>::pop_ready(std::size_t place, shard_type* s) {
  return front::pop(*this, place, s);
}

template <class Config>
TARN_FORCE_INLINE void core<Config>::give(std::size_t tier, void* block,
                                          std::size_t place) noexcept {
  if (this->sampled().may_know(block)) [[unlikely]]
    return this->give_sampled(static_cast<std::uint32_t>(tier), block);
  give_unsampled(tier, block, place);
}

template <class Config>
TARN_FORCE_INLINE bool core<Config>::give_hit(shard_type* s, std::size_t place,
                                              void* block) noexcept {
  if (this->sampled().may_know(block)) [[unlikely]]
    return false;
  return front::push_hot(*this, s, place, block);
}

template <class Config>
TARN_FORCE_INLINE void core<Config>::give_unsampled(std::size_t tier, void* block,
                                                    std::size_t place) noexcept {
  if (!push_ready(shard_at(own_place_), place, block)) [[unlikely]]
    give_slow(static_cast<std::uint32_t>(tier), block);
}

/// Returns: false if there is no room. Where threads share the cache or stack, the recorder is told
/// of the put first, even if this returns false: once a block is there the core may end.
template <class Config>
TARN_FORCE_INLINE bool core<Config>::push_ready(shard_type* s, std::size_t place,
                                                void* block) noexcept {
  return front::push(*this, s, place, block);
}

}  // namespace tarn::detail
