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
  [[nodiscard]] std::uint32_t count() const noexcept { return are_made() ? layout_.count : 0; }

  /// Goes into a stripe. Returns: null if all those of this processor are taken, or if none are
  /// made.
  [[nodiscard]] TARN_FORCE_INLINE stripe_type* try_enter() const noexcept {
    if (!are_made()) return nullptr;
    const auto processor = Env::processor();
    auto* const nearest =
        at(processor < layout_.processors ? processor : processor % layout_.processors);
    if (nearest->try_enter()) [[likely]]
      return nearest;
    return try_next(processor % layout_.processors);
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

  /// The sizes of all stripes of a core.
  struct layout {
    std::uint32_t processors = 1;
    std::uint32_t count = 0;
    std::size_t each = 0;  // bytes of a stripe and its caches
    std::size_t bytes = 0;
  };
  /// `room_of(tier)`: blocks that a cache may hold.
  template <class RoomOf>
  [[nodiscard]] static layout layout_of(std::uint32_t tiers, RoomOf&& room_of) noexcept {
    std::size_t rounds = 0;
    for (std::uint32_t t = 0; t != tiers; ++t)
      rounds += room_of(t);
    layout l;
    l.processors = Env::processors();
    l.count = (Env::least_stripes + l.processors - 1) / l.processors * l.processors;
    l.each = align_up(sizeof(stripe_type) + tiers * sizeof(cache_type), no_sharing_alignment);
    // The rounds lie behind all stripes: those that no thread uses are not touched.
    l.bytes = l.count * (l.each + rounds * sizeof(cell));
    return l;
  }
  static constexpr std::size_t alignment = no_sharing_alignment;

  /// Makes the stripes in `memory`, with caches that have a limit of 0. One thread at a time, once.
  template <class RoomOf>
  void make(const layout& l, void* memory, std::uint32_t tiers, RoomOf&& room_of) noexcept {
    layout_ = l;
    auto* const first = static_cast<std::byte*>(memory);
    auto* next = static_cast<cell*>(static_cast<void*>(first + l.count * l.each));
    for (std::uint32_t i = 0; i != l.count; ++i) {
      auto* const made = ::new (first + i * l.each) stripe_type;
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
    first_.store(first, std::memory_order::release);
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
    own.give(first, layout_.bytes, alignment);
  }

 private:
  using cell = typename cache_type::template cell<void*>;
  static_assert(alignof(cell) <= no_sharing_alignment);

  [[nodiscard]] TARN_FORCE_INLINE stripe_type* at(std::size_t i) const noexcept {
    // relaxed: (3) was before.
    void* const found = first_.load(std::memory_order::relaxed) + i * layout_.each;
    return static_cast<stripe_type*>(found);
  }
  [[nodiscard]] TARN_COLD stripe_type* try_next(std::uint32_t i) const noexcept {
    while ((i += layout_.processors) < layout_.count) {
      auto* const s = at(i);
      if (!s->is_taken() && s->try_enter()) return s;
    }
    return nullptr;
  }

  typename Env::template atomic<std::byte*> first_{nullptr};
  layout layout_;  // immutable once `first_` is set
};

}  // namespace tarn::detail
