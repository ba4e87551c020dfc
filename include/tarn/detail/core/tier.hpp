// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/base/settings.hpp>
#include <tarn/detail/depot/depot.hpp>

namespace tarn::detail {

/// The state of ageing of a tier. Guarded by the tier's lock.
struct tier_ageing {
  std::uint64_t least = 0;     // ready blocks that decay leaves: those made ready at first
  std::uint64_t peak = 0;      // the recent maximum of blocks that were not home
  std::int64_t ticked_at = 0;  // the last tick
  std::int64_t needed_at = 0;  // the last tick before which all blocks at home were needed
};

/// The state of a core's upkeep.
template <class Env>
struct upkeep_state {
  typename Env::template atomic<std::uint64_t> ticks{0};   // of maintain; threads follow each tick
  typename Env::template atomic<std::size_t> returned{0};  // bytes, since the last source trim
};

template <class Config>
struct tier_lock {
  typename Config::lock lock;
};

/// One tier of a core: its lock, what the front end keeps of it, and the depot behind it.
template <class Config>
struct alignas(no_sharing_alignment) core_tier : tier_lock<Config>,
                                                 Config::shape::template front<Config>::tier_part {
  using env = typename Config::env;
  using front = typename Config::shape::template front<Config>;

  core_tier() noexcept = default;
  core_tier(const core_tier&) = delete;
  core_tier& operator=(const core_tier&) = delete;
  ~core_tier() { this->destroy(home.shape); }

  tier_ageing ageing;
  alignas(front::depot_alignment) depot<env> home;
  typename env::template atomic<std::uint32_t> busy{0};  // a thread grows or trims; set under lock
};

/// Slabs on their way out of a core: counts those that left their lists, and those that arrived at
/// the source or in the block they were carved from.
template <class Env>
struct slab_departures {
  typename Env::template atomic<std::uint32_t> left{0};
  typename Env::template atomic<std::uint32_t> arrived{0};

  void leave() noexcept {
    left.fetch_add(1, std::memory_order::relaxed);
  }  // relaxed: the tier's lock orders it
  void arrive() noexcept {
    arrived.fetch_add(1, std::memory_order::release);  // (2) pairs with (1)
    Env::notify_all(arrived);
  }
  /// In a fork's child: the threads that were giving slabs back are gone, so no thread may wait.
  void abandon() noexcept {
    arrived.store(left.load(std::memory_order::relaxed), std::memory_order::relaxed);  // one thread
  }
  /// Waits for slabs on their way. Returns: true if slabs have arrived since `seen` was read; false
  /// if no slab is on its way.
  template <class Lock>
  [[nodiscard]] bool await(std::uint32_t seen) noexcept {
    // relaxed: a thread that found the lists empty saw, through their locks, which slabs had left.
    const auto all = left.load(std::memory_order::relaxed);
    if (arrived.load(std::memory_order::acquire) != seen) return true;
    if (all == seen) return false;
    wait_with<Env, Lock>(arrived, seen);
    return true;
  }
};

/// The tiers of one core. Owns them, also if the constructor of the core throws.
template <class Tier>
class tier_list {
 public:
  /// Throws: `std::bad_alloc`.
  tier_list(std::uint32_t count, const own_memory& own)
      : own_(own), count_(count), first_(own.template make_array<Tier>(count)) {
    if (first_ == nullptr) throw std::bad_alloc();
  }
  tier_list(const tier_list&) = delete;
  tier_list& operator=(const tier_list&) = delete;
  ~tier_list() { own_.destroy_array(first_, count_); }

  [[nodiscard]] TARN_FORCE_INLINE Tier& operator[](std::size_t tier) const noexcept {
    return first_[tier];
  }

 private:
  own_memory own_;
  std::uint32_t count_;
  Tier* first_;
};

}  // namespace tarn::detail
