// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/core/settings.hpp>
#include <tarn/detail/depot/counters.hpp>
#include <tarn/detail/depot/depot.hpp>
#include <tarn/detail/depot/index_stack.hpp>
#include <tarn/detail/frontend/exchange.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>

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

/// One tier of a core: its lock, the depot behind it, and what the shape of the pool puts in front.
template <class Config>
struct alignas(no_sharing_alignment) core_tier {
  using env = typename Config::env;
  static constexpr bool is_single = std::is_same_v<typename Config::shape, single_shape>;
  static constexpr bool is_lock_free = std::is_same_v<typename Config::shape, lock_free_shape>;
  struct no_cache {};
  // Always empty. It lets a core of any shape be instantiated as a whole.
  struct no_stack {
    static constexpr std::uint32_t none = 0x7fffffff, still_bit = 0;
    static constexpr std::uint32_t index_in(std::uint32_t) noexcept { return none; }
    static constexpr std::uint32_t pop(auto&&) noexcept { return none; }
    static constexpr bool push(std::uint32_t, std::uint32_t, auto&&) noexcept { return false; }
    static constexpr std::uint32_t take_all(bool) noexcept { return none; }
    static constexpr std::uint32_t peek() noexcept { return none; }
  };
  using cache_type = std::conditional_t<is_single, tier_cache<env>, no_cache>;
  using stack_type = std::conditional_t<is_lock_free, index_stack<env>, no_stack>;
  using counts_type =
      std::conditional_t<is_lock_free && Config::counts, striped_counts<env>, no_counts>;

  core_tier() noexcept = default;
  core_tier(const core_tier&) = delete;
  core_tier& operator=(const core_tier&) = delete;
  ~core_tier() {
    const auto& own = home.shape.own;
    if constexpr (is_single) {
      // Null, and the stride not set, if there was no memory for the core.
      if (cache.rounds != nullptr) own.destroy_array(cache.rounds, room_for(home.shape.stride));
    }
    for (std::size_t row = 0; row != sizeof slabs / sizeof *slabs; ++row) {
      own.destroy_array(slabs[row].load(std::memory_order::relaxed),  // no other thread is left
                        std::size_t{64} << row);
    }
  }

  typename Config::lock lock;
  TARN_NO_UNIQUE_ADDRESS cache_type cache;
  TARN_NO_UNIQUE_ADDRESS stack_type stack;
  TARN_NO_UNIQUE_ADDRESS counts_type counts;
  // Lock-free only: how many blocks the stack holds, counted only if that is bounded.
  typename env::template atomic<std::int64_t> stacked{0};
  typename env::template atomic<std::int64_t> most_stacked{INT64_MAX};
  tier_ageing ageing;
  alignas(is_lock_free ? no_sharing_alignment : 64) depot<env> home;
  typename env::template atomic<std::uint64_t> most_cached{~std::uint64_t{0}};  // per thread
  typename env::template atomic<std::uint32_t> busy{0};  // a thread grows or trims; set under lock
  std::uint32_t index_bits = 0;    // lock-free: index = slab number << index_bits | block
  std::uint32_t slab_numbers = 0;  // numbers given out; guarded by lock
  typename env::template atomic<slab<env>**> slabs[is_lock_free ? 24 : 1] = {};  // 64 << row each

  void bound_stack(std::uint64_t blocks) noexcept {
    // relaxed: a bound may be seen late.
    most_stacked.store(static_cast<std::int64_t>(min_of<std::uint64_t>(blocks, INT64_MAX - 1)),
                       std::memory_order::relaxed);
  }
  [[nodiscard]] bool is_bounded() const noexcept {
    return most_stacked.load(std::memory_order::relaxed) != INT64_MAX;  // relaxed: a bound
  }
  /// Preconditions: `is_bounded()`. Returns: the bound; the largest number if any level is allowed.
  [[nodiscard]] std::uint64_t stack_bound() const noexcept {
    const auto blocks = most_stacked.load(std::memory_order::relaxed);  // relaxed: a bound
    return blocks >= INT64_MAX - 1 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(blocks);
  }
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
