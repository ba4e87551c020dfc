// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <tarn/detail/compiler.hpp>
#include <tarn/detail/depot/shard.hpp>
#include <tarn/detail/guard.hpp>
#include <tarn/detail/samples/sample.hpp>

namespace tarn::detail {

/// The part of a core that tells its recorders, and remembers the blocks that they choose.
///
/// A get that is due to be looked at is no hit, and neither is the put of a block that may be
/// remembered: what is done for them stands on paths of their own.
template <class Core, class Config>
class recording_core {
 public:
  using env = typename Config::env;

  /// Whether the blocks that the recorders choose are remembered.
  static constexpr bool samples = !std::is_same_v<typename Config::samples, no_samples>;
  using where_type = std::conditional_t<samples, call_site, no_call_site>;
  using samples_type = typename Config::samples;

  /// The blocks that are remembered.
  [[nodiscard]] samples_type& sampled() noexcept { return samples_; }
  /// Calls `action(recorder)` for each recorder.
  template <class Action>
  void for_each_recorder(Action&& action) const {
    action(recorder_);
    auto* s = static_cast<const Core*>(this)->shards_.load(std::memory_order::acquire);
    for (; s != nullptr; s = s->next)
      action(std::as_const(s->recorder));
  }
  /// Tells the recorder of the calling thread about a request that goes past the tiers.
  void on_oversize(std::size_t size) noexcept {
    samples_.note_length(size);
    if constexpr (Core::is_per_thread) {
      if (auto* const s = self().attach(true)) return s->recorder.on_oversize(size);
    }
    recorder_.on_oversize(size);
  }

 protected:
  template <class Recorder>
  [[nodiscard]] TARN_FORCE_INLINE static bool is_due(
      [[maybe_unused]] const Recorder& recorder) noexcept {
    if constexpr (samples) return recorder.is_due();
    return false;
  }

  /// A get that was no hit, or is one of many.
  template <class Recorder>
  void note_get(Recorder& recorder, std::uint32_t tier, [[maybe_unused]] void* block,
                std::size_t size, [[maybe_unused]] where_type where) noexcept {
    if constexpr (samples) {
      if (tier < self().named_tiers_ && recorder.is_due()) {
        samples_.note_length(size);
        const std::uint64_t weight = recorder.choose(samples_.lengths.push != nullptr);
        if (weight != 0) {
          const auto id = samples_.remember(block, size, weight, where);
          if (Core::mark != 0 && samples_.wants_in_use(id, weight)) note_in_use(tier);
        }
      }
    }
    tell_get(recorder, self().named_tiers_, tier, size);
  }
  template <class Recorder>
  void note_put(Recorder& recorder, std::uint32_t tier, void* block) noexcept {
    tell_put(recorder, self().named_tiers_, tier);
    samples_.forget(block);
  }
  template <class Recorder>
  void note_undone(Recorder& recorder, std::uint32_t tier, void* block) noexcept {
    if constexpr (requires { recorder.undo_get(tier, std::size_t{}); }) {
      recorder.undo_get(tier, self().shape_of(tier).size);
    }
    samples_.forget(block);
  }

  /// The recorder of the calling thread, on a path where it may have won or lost its shard.
  template <class Action>
  void with_recorder(Action&& action) noexcept {
    // One that holds nothing is as good as any other.
    if constexpr (Core::is_per_thread && !std::is_empty_v<typename Config::recorder>) {
      if (auto* const s = self().own_shard()) return action(s->recorder);
    }
    action(recorder_);
  }

  /// What is ready in the caller's cache, if the get was only due.
  [[nodiscard]] void* take_due([[maybe_unused]] std::uint32_t tier) noexcept {
    if constexpr (samples && Core::is_per_thread) {
      if (auto* const s = self().own_shard()) {
        return s->caches()[tier].template pop<Core::mark>();
      }
    }
    return nullptr;
  }
  /// Takes a block back that may be remembered.
  TARN_COLD void give_known(std::uint32_t tier, void* block) noexcept {
    samples_.forget(block);
    self().give_unknown(tier, block);
  }

  // For calls without a shard.
  TARN_NO_UNIQUE_ADDRESS typename Config::shared_recorder recorder_;
  TARN_NO_UNIQUE_ADDRESS samples_type samples_;

 private:
  [[nodiscard]] Core& self() noexcept { return static_cast<Core&>(*this); }

  /// Here gets are read before puts, other than in `read`: what happens in between makes the number
  /// too small, so a high-water mark is never higher than it was. Nobody waits for a lock here: if
  /// it is taken, another sample will do.
  void note_in_use(std::uint32_t tier) noexcept {
    auto& t = self().tiers_[tier];
    std::uint32_t caches = 0;
    std::uint64_t puts = 0;
    std::uint64_t gets = 0;
    const bool was_read = try_locked(t.lock, [&] {
      gets = t.home.count.gets + t.counts.gets();
      self().for_each_cache(t, [&](const auto& c) { gets += c.read() >> level_bits; });
      puts = t.home.count.puts + t.counts.puts();
      self().for_each_cache(t, [&](const auto& c) {
        const auto word = c.read();
        const auto moved = static_cast<std::uint64_t>(static_cast<std::int64_t>(c.moved));
        puts += (word >> level_bits) + (word & level_mask) - moved;
        ++caches;
      });
    });
    if (!was_read) return;
    if (gets > puts) samples_.saw_in_use(tier, gets - puts);
    samples_.saw_threads(caches);
  }
};

}  // namespace tarn::detail
