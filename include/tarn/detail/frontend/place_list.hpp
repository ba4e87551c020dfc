// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Places for blocks of one tier, which any thread fills and empties without a lock. A place is one
/// word: a get exchanges the block in it for null, and a put the reverse. That works whatever other
/// threads did meanwhile, since nothing but the word itself changes hands.
///
/// Threads use the places like a stack, up to a level. The level is a hint: threads that meet may
/// leave it too high or too low, and the next one that finds it wrong looks at each place.
template <class Env>
class alignas(typename Env::template atomic<std::uintptr_t>) place_list {
 public:
  explicit place_list(std::uint32_t room) noexcept : room_(room) {}
  place_list(const place_list&) = delete;
  place_list& operator=(const place_list&) = delete;

  /// A block, and whether it lay in its place, or on the stack before that, since the last mark.
  struct taken {
    void* block = nullptr;
    bool is_still = false;
  };

  /// Returns: null if the level says that all places are empty.
  [[nodiscard]] TARN_FORCE_INLINE void* take() noexcept {
    // relaxed, all accesses to the level: a hint.
    const auto level = level_.load(std::memory_order::relaxed);
    if (level == 0) return nullptr;
    auto word = at(level - 1).load(std::memory_order::relaxed);  // a guess; the exchange decides
    if (word > sealed && try_take(level - 1, word)) [[likely]] {
      level_.store(level - 1, std::memory_order::relaxed);
      return block_in(word);
    }
    return take_below(level).block;
  }
  /// The same, for a block that goes elsewhere without a user.
  [[nodiscard]] taken take_marked() noexcept {
    const auto level = level_.load(std::memory_order::relaxed);
    return level != 0 ? take_below(level) : taken{};
  }
  /// Returns: false if the places are full or sealed. On true the core may have ended.
  [[nodiscard]] TARN_FORCE_INLINE bool put(void* block, bool is_still = false) noexcept {
    const auto level = level_.load(std::memory_order::relaxed);
    const auto word = reinterpret_cast<std::uintptr_t>(block) | (is_still ? still_bit : 0);
    if (level >= room_) return false;
    if (put_into(level, word)) [[likely]]
      return true;
    return put_above(level, word);
  }
  /// The number of blocks, as the level tells.
  [[nodiscard]] std::uint32_t level() const noexcept {
    return level_.load(std::memory_order::relaxed);
  }

  /// Takes all blocks, whatever the level says, and calls `action(taken)` for each.
  template <class Action>
  void take_all(Action&& action) noexcept {
    for (std::uint32_t i = 0; i != room_; ++i) {
      if (const auto one = take_from(i); one.block != nullptr) action(one);
    }
    level_.store(0, std::memory_order::relaxed);
  }
  /// The same, and from then on the places take no block.
  template <class Action>
  void seal(Action&& action) noexcept {
    for (std::uint32_t i = 0; i != room_; ++i) {
      // (1) acquire, pairs with (2).
      const auto word = at(i).exchange(sealed, std::memory_order::acquire);
      if (word > sealed) action(taken{block_in(word), (word & still_bit) != 0});
    }
    level_.store(room_, std::memory_order::relaxed);  // full
  }

  /// What a reader finds.
  struct view {
    std::uint32_t blocks = 0;
    std::uint32_t still = 0;  // of these, those that lay there when `mark` was called
  };
  [[nodiscard]] view look() const noexcept {
    view seen;
    for (std::uint32_t i = 0; i != room_; ++i) {
      const auto word = at(i).load(std::memory_order::relaxed);  // only counted
      seen.blocks += word > sealed ? 1 : 0;
      seen.still += word > sealed && (word & still_bit) != 0 ? 1 : 0;
    }
    return seen;
  }
  void mark() noexcept {
    for (std::uint32_t i = 0; i != room_; ++i) {
      // relaxed: the block stays where it is, and what the exchange finds it leaves. A place whose
      // block changes meanwhile is in use.
      auto word = at(i).load(std::memory_order::relaxed);
      if (word > sealed) {
        static_cast<void>(at(i).compare_exchange_strong(
            word, word | still_bit, std::memory_order::relaxed, std::memory_order::relaxed));
      }
    }
  }
  [[nodiscard]] std::uint32_t room() const noexcept { return room_; }

  using place = typename Env::template atomic<std::uintptr_t>;
  [[nodiscard]] static constexpr std::size_t bytes_for(std::uint32_t room) noexcept {
    return align_up(sizeof(place_list) + room * sizeof(place), no_sharing_alignment);
  }
  /// The places lie behind the object.
  void make_places() noexcept {
    for (std::uint32_t i = 0; i != room_; ++i)
      ::new (&at(i)) place(empty);
  }
  void destroy_places() noexcept {
    for (std::uint32_t i = 0; i != room_; ++i)
      at(i).~place();
  }

 private:
  // What a place holds, if not a block. Blocks are aligned, so that a bit of their address is free.
  static constexpr std::uintptr_t empty = 0;
  static constexpr std::uintptr_t sealed = 2;
  static constexpr std::uintptr_t still_bit = 1;

  [[nodiscard]] TARN_FORCE_INLINE place& at(std::uint32_t i) const noexcept {
    return reinterpret_cast<place*>(const_cast<place_list*>(this) + 1)[i];
  }
  [[nodiscard]] static void* block_in(std::uintptr_t word) noexcept {
    // The bit stands in the address itself. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<void*>(word & ~still_bit);
  }

  /// On false, `word` is what is there.
  [[nodiscard]] TARN_FORCE_INLINE bool try_take(std::uint32_t i, std::uintptr_t& word) noexcept {
    // (1) acquire, pairs with (2): what the last owner did to the block comes first.
    return at(i).compare_exchange_strong(word, empty, std::memory_order::acquire,
                                         std::memory_order::relaxed);
  }
  [[nodiscard]] taken take_from(std::uint32_t i) noexcept {
    auto word = at(i).load(std::memory_order::relaxed);
    while (word > sealed) {  // more than once if another thread marked it, or took and put
      if (try_take(i, word)) return {block_in(word), (word & still_bit) != 0};
    }
    return {};
  }
  [[nodiscard]] TARN_FORCE_INLINE bool put_into(std::uint32_t i, std::uintptr_t block) noexcept {
    auto word = at(i).load(std::memory_order::relaxed);  // a guess; the exchange decides
    if (word != empty) return false;
    // Before the exchange: once the block is in its place, the core may end.
    level_.store(i + 1, std::memory_order::relaxed);
    // (2) release, pairs with (1).
    return at(i).compare_exchange_strong(word, block, std::memory_order::release,
                                         std::memory_order::relaxed);
  }
  [[nodiscard]] TARN_COLD taken take_below(std::uint32_t i) noexcept {
    while (i-- != 0) {
      if (const auto one = take_from(i); one.block != nullptr) {
        level_.store(i, std::memory_order::relaxed);
        return one;
      }
    }
    level_.store(0, std::memory_order::relaxed);
    return {};
  }
  [[nodiscard]] TARN_COLD bool put_above(std::uint32_t i, std::uintptr_t block) noexcept {
    while (++i < room_) {
      if (put_into(i, block)) return true;
    }
    level_.store(room_, std::memory_order::relaxed);
    return false;
  }

  typename Env::template atomic<std::uint32_t> level_{0};  // the first place to put into
  const std::uint32_t room_;
};

}  // namespace tarn::detail
