// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// Caches of all tiers behind a door, which lets one thread in at a time. The thread inside owns
/// the caches. It may take the lock of a tier, so no thread that holds one may wait at a door.
template <class Env>
class alignas(no_sharing_alignment) stripe {
 public:
  using cache_type = tier_cache<Env>;

  [[nodiscard]] TARN_FORCE_INLINE bool try_enter() noexcept {
    // (1) acquire, pairs with (2): this owner sees what the last one did.
    return !inside_.exchange(true, std::memory_order::acquire);
  }
  [[nodiscard]] bool is_taken() const noexcept {
    return inside_.load(std::memory_order::relaxed);  // a hint
  }
  /// Waits. No user code runs inside, so it is short.
  void enter() noexcept {
    for (unsigned turn = 0; !try_enter(); ++turn)
      Env::pause(turn);
  }
  /// The last access to the core, if the thread has put its last block into a cache: a thread that
  /// closes the core comes through the door to find that block.
  TARN_FORCE_INLINE void leave() noexcept {
    inside_.store(false, std::memory_order::release);
  }  // (2)

  [[nodiscard]] TARN_FORCE_INLINE cache_type& of(std::size_t tier) noexcept {
    return reinterpret_cast<cache_type*>(this + 1)[tier];
  }

 private:
  typename Env::template atomic<bool> inside_{false};
};

/// The stripes of one core, made when threads meet for the first time. Their number is fixed: it
/// does not grow with the threads.
///
/// A thread goes into a stripe of the processor it runs on, so that threads that run rarely meet at
/// a door. A thread may lose its processor while it is inside. Then the others go into one of the
/// next stripes of that processor.
template <class Env>
class stripe_list {
 public:
  using stripe_type = stripe<Env>;
  using cache_type = typename stripe_type::cache_type;

  stripe_list() noexcept = default;
  stripe_list(const stripe_list&) = delete;
  stripe_list& operator=(const stripe_list&) = delete;

  [[nodiscard]] TARN_FORCE_INLINE bool are_made() const noexcept {
    return first_.load(std::memory_order::acquire) != nullptr;  // (3) pairs with (4)
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return are_made() ? count_ : 0; }

  /// Goes into a stripe. Returns: null if all those of this processor are taken. Preconditions:
  /// `are_made`.
  [[nodiscard]] TARN_FORCE_INLINE stripe_type* try_enter() const noexcept {
    const auto processor = Env::processor();
    auto* const nearest = at(processor < processors_ ? processor : processor % processors_);
    if (nearest->try_enter()) [[likely]]
      return nearest;
    return try_next(processor % processors_);
  }
  /// Calls `action(stripe)` for each stripe, from inside. Waits at their doors.
  template <class Action>
  void enter_each(Action&& action) const {
    for_each([&](stripe_type& s) {
      s.enter();
      action(s);
      s.leave();
    });
  }
  template <class Action>
  void for_each(Action&& action) const {
    for (std::uint32_t i = 0, n = count(); i != n; ++i)
      action(*at(i));
  }

  /// Makes the stripes, whose caches have a limit of 0. One thread at a time. `room_of(tier)`:
  /// blocks that a cache may hold. Returns: false if there is no memory.
  template <class RoomOf>
  [[nodiscard]] bool make(std::uint32_t tiers, std::uint32_t processors, RoomOf&& room_of,
                          const own_memory& own) noexcept {
    std::size_t rounds = 0;
    for (std::uint32_t t = 0; t != tiers; ++t)
      rounds += room_of(t);
    processors_ = processors;
    count_ = (Env::least_stripes + processors - 1) / processors * processors;
    each_ = align_up(sizeof(stripe_type) + tiers * sizeof(cache_type), no_sharing_alignment);
    // The rounds lie behind all stripes: those that no thread uses are not touched.
    bytes_ = count_ * (each_ + rounds * sizeof(cell));
    auto* const memory = static_cast<std::byte*>(own.take(bytes_, no_sharing_alignment));
    if (memory == nullptr) return false;
    auto* next = reinterpret_cast<cell*>(memory + count_ * each_);
    for (std::uint32_t i = 0; i != count_; ++i) {
      auto* const made = ::new (memory + i * each_) stripe_type;
      for (std::uint32_t t = 0; t != tiers; ++t) {
        const auto room = room_of(t);
        (::new (&made->of(t)) cache_type)->rounds = next;
        if constexpr (!std::is_trivially_default_constructible_v<cell>) {
          for (std::uint32_t r = 0; r != room; ++r)
            ::new (next + r) cell{nullptr};
        }
        next += room;
      }
    }
    // (4) release, pairs with (3): a stripe that is seen is complete.
    first_.store(memory, std::memory_order::release);
    return true;
  }
  /// Preconditions: the same `tiers` and `room_of` as for `make`.
  template <class RoomOf>
  void destroy(std::uint32_t tiers, [[maybe_unused]] RoomOf&& room_of,
               const own_memory& own) noexcept {
    auto* const first = first_.load(std::memory_order::relaxed);  // one thread is left
    if (first == nullptr) return;
    for_each([&](stripe_type& s) {
      for (std::uint32_t t = 0; t != tiers; ++t) {
        if constexpr (!std::is_trivially_destructible_v<cell>) {
          for (std::uint32_t r = 0; r != room_of(t); ++r)
            s.of(t).rounds[r].~cell();
        }
        s.of(t).~cache_type();
      }
      s.~stripe_type();
    });
    own.give(first, bytes_, no_sharing_alignment);
  }

 private:
  using cell = typename cache_type::template cell<void*>;
  static_assert(alignof(cell) <= no_sharing_alignment);

  [[nodiscard]] TARN_FORCE_INLINE stripe_type* at(std::size_t i) const noexcept {
    // relaxed: (3) was before.
    return reinterpret_cast<stripe_type*>(first_.load(std::memory_order::relaxed) + i * each_);
  }
  [[nodiscard]] TARN_COLD stripe_type* try_next(std::uint32_t i) const noexcept {
    while ((i += processors_) < count_) {
      auto* const s = at(i);
      if (!s->is_taken() && s->try_enter()) return s;
    }
    return nullptr;
  }

  typename Env::template atomic<std::byte*> first_{nullptr};
  std::size_t each_ = 0;  // all immutable once `first_` is set
  std::uint32_t processors_ = 1;
  std::uint32_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tarn::detail
