// SPDX-License-Identifier: MIT
#pragma once

// How a core tells its recorders, and remembers what they choose.

#include <tarn/detail/core/core.hpp>
#include <tarn/detail/samples/sample_table_slow.hpp>

namespace tarn::detail {

template <class Config>
template <class Recorder>
TARN_FORCE_INLINE void core<Config>::note_get(Recorder& recorder, std::uint32_t tier,
                                              [[maybe_unused]] void* block, std::size_t size,
                                              [[maybe_unused]] where_type where) noexcept {
  if constexpr (samples) {
    if (tier < named_tiers_ && recorder.is_due()) {
      note_length(size);
      if (const auto weight = recorder.choose(samples_.lengths.push != nullptr); weight != 0) {
        note_sample(tier, block, size, weight, where);
      }
    }
  }
  tell_get(recorder, named_tiers_, tier, size);
}

/// A get that is due is no hit: what is done for it then stands on a path of its own.
template <class Config>
template <class Recorder>
TARN_FORCE_INLINE bool core<Config>::is_due(
    [[maybe_unused]] const Recorder& recorder) const noexcept {
  if constexpr (samples) return recorder.is_due();
  return false;
}

/// Nor is the put of a block that may be remembered.
template <class Config>
TARN_FORCE_INLINE bool core<Config>::may_know([[maybe_unused]] const void* block) const noexcept {
  if constexpr (samples) return samples_.may_know(block);
  return false;
}

/// What is ready in the caller's cache, if the get was only due.
template <class Config>
void* core<Config>::take_due([[maybe_unused]] std::uint32_t tier) noexcept {
  if constexpr (samples && is_per_thread) {
    if (shard_type* const s = own_shard()) return s->caches()[tier].template pop<mark>();
  }
  return nullptr;
}

template <class Config>
template <class Recorder>
TARN_FORCE_INLINE void core<Config>::note_put(Recorder& recorder, std::uint32_t tier,
                                              [[maybe_unused]] void* block) noexcept {
  tell_put(recorder, named_tiers_, tier);
  if constexpr (samples) samples_.forget(block);
}

/// The recorder of the calling thread, on a path where it may have won or lost its shard.
template <class Config>
template <class Action>
void core<Config>::with_recorder(Action&& action) noexcept {
  // One that holds nothing is as good as any other.
  if constexpr (is_per_thread && !std::is_empty_v<typename Config::recorder>) {
    if (shard_type* const s = own_shard()) return action(s->recorder);
  }
  action(recorder_);
}

template <class Config>
void core<Config>::note_length([[maybe_unused]] std::size_t size) noexcept {
  if constexpr (samples) {
    const auto& to = samples_.lengths;
    if (to.push != nullptr) [[unlikely]]
      to.push(to.ring, size);
  }
}

template <class Config>
void core<Config>::note_sample(std::uint32_t tier, const void* block, std::size_t size,
                               std::uint64_t weight, where_type where) noexcept {
  if constexpr (samples) {
    const auto id = samples_.remember(block, size, weight, where);
    if (mark != 0 && samples_.wants_in_use(id, weight)) note_in_use(tier);
  }
}

/// Puts are read before gets, as in `read`. Nobody waits for a lock here: if it is taken, another
/// sample will do.
template <class Config>
void core<Config>::note_in_use(std::uint32_t tier) noexcept {
  if constexpr (samples) {
    auto& t = tiers_[tier];
    std::uint32_t caches = 0;
    std::uint64_t puts = 0;
    std::uint64_t gets = 0;
    const bool read = try_locked(t.lock, [&] {
      puts = t.home.count.puts + t.counts.puts();
      for_each_cache(t, [&](const cache_type& c) {
        const auto word = c.read();
        const auto moved = static_cast<std::uint64_t>(static_cast<std::int64_t>(c.moved));
        puts += (word >> level_bits) + (word & level_mask) - moved;
        ++caches;
      });
      gets = t.home.count.gets + t.counts.gets();
      for_each_cache(t, [&](const cache_type& c) { gets += c.read() >> level_bits; });
    });
    if (!read) return;
    samples_.saw_in_use(tier, gets - puts);
    samples_.saw_threads(caches);
  }
}

}  // namespace tarn::detail
