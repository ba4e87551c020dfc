// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/shard.hpp>
#include <tarn/detail/samples/sample.hpp>

namespace tarn::detail {

/// The part of a core that tells its recorders, and remembers the blocks that they choose.
///
/// A get that is due to be examined is no hit, and neither is the put of a block that may be
/// remembered: both take paths of their own.
template <class Core, class Config>
class recording_core {
 public:
  using env = typename Config::env;

  /// Whether the blocks that the recorders choose are remembered.
  static constexpr bool samples = !std::is_same_v<typename Config::samples, no_samples>;
  /// Whether threads that share caches still have shards, for their recorders. What a thread
  /// records then costs no read-modify-write and no cache line that another thread writes.
  static constexpr bool only_recorders =
      Config::is_shared && (samples || (Config::shape::has_recorder_shards &&
                                        !std::is_empty_v<typename Config::recorder>));
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
  /// Tells the recorder of the calling thread about a request above the last tier.
  void on_oversize(std::size_t size) noexcept {
    samples_.note_length(size);
    if constexpr (Core::has_shards) {
      if (auto* const s = self().attach(true)) return s->recorder.on_oversize(size);
    }
    recorder_.on_oversize(size);
  }

 protected:
  template <class Shard>
  [[nodiscard]] TARN_FORCE_INLINE auto& recorder_of([[maybe_unused]] Shard* s) noexcept {
    if constexpr (Core::has_shards) {
      return s->recorder;
    } else {
      return recorder_;
    }
  }
  /// Whether the next get has to be examined. Sets `number`, so that a hit need not read it again.
  template <class Recorder>
  [[nodiscard]] TARN_FORCE_INLINE static bool is_due(
      [[maybe_unused]] const Recorder& recorder, [[maybe_unused]] std::uint64_t& number) noexcept {
    if constexpr (samples) return recorder.is_due(number = recorder.number());
    return false;
  }
  /// Notes a get that was no hit, or one of many at once.
  template <class Recorder>
  void note_get(Recorder& recorder, std::uint32_t tier, [[maybe_unused]] void* block,
                std::size_t size, [[maybe_unused]] where_type where,
                [[maybe_unused]] std::int64_t began) noexcept {
    if (tier >= self().named_tiers_) return;
    if constexpr (samples) samples_.follow(self(), recorder, tier, block, size, where, began);
    recorder.on_get(tier, size);
  }
  template <class Recorder>
  void note_put(Recorder& recorder, std::uint32_t tier, void* block) noexcept {
    tell_put(recorder, self().named_tiers_, tier);
    samples_.forget(block);
  }

  /// Calls `action` with the calling thread's recorder, where the thread may have got or lost its
  /// shard.
  template <class Action>
  void with_recorder(Action&& action) noexcept {
    // An empty recorder is as good as any other.
    if constexpr (Core::has_shards && !std::is_empty_v<typename Config::recorder>) {
      if (auto* const s = self().find_shard()) return action(s->recorder);
    }
    action(recorder_);
  }

  /// The moment when a get begins that will be timed; 0 for all others. Only gets that may be
  /// remembered are timed, so that other gets read no clock.
  [[nodiscard]] std::int64_t begin_get() noexcept {
    std::int64_t began = 0;
    if constexpr (samples) {
      with_recorder([&](auto& recorder) {
        if constexpr (requires { recorder.is_timed(); }) {
          if (recorder.is_timed()) began = env::now();
        }
      });
    }
    return began;
  }

  /// Takes a ready block out of the caller's cache, for a get that was no hit only because it was
  /// due.
  [[nodiscard]] void* take_due([[maybe_unused]] std::uint32_t tier) {
    if constexpr (samples) {
      typename Core::shard_type* s = nullptr;
      if constexpr (Core::has_shards) s = self().find_shard();
      if (!Core::has_shards || s != nullptr) return self().pop_ready(self().place_of(tier), s);
    } else if (auto* const s = Core::front::hidden_shard(self())) {
      // The hit path does not see the shard, because its slot is kept out of line.
      return self().pop_ready(self().place_of(tier), s);
    }
    return nullptr;
  }
  /// Takes a block back that may be remembered.
  TARN_COLD void give_sampled(std::uint32_t tier, void* block) noexcept {
    samples_.forget(block);
    self().give_unsampled(tier, block, self().place_of(tier));
  }

  // The recorder for calls without a shard.
  TARN_NO_UNIQUE_ADDRESS typename Config::shared_recorder recorder_;
  TARN_NO_UNIQUE_ADDRESS samples_type samples_;

 private:
  [[nodiscard]] Core& self() noexcept { return static_cast<Core&>(*this); }
};

}  // namespace tarn::detail
