// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/align.hpp>
#include <tarn/detail/compiler.hpp>

namespace tarn::detail {

inline constexpr unsigned level_bits = 10;
inline constexpr std::uint64_t level_mask = (std::uint64_t{1} << level_bits) - 1;
/// What one get adds to a cache's word when gets are counted.
inline constexpr std::uint64_t one_get = std::uint64_t{1} << level_bits;

/// Idle blocks of one tier that one thread (or the holder of one lock) reaches at once: two
/// magazines' worth in one array, so that the hit path has one pointer to follow.
///
/// `word` holds gets in its upper 54 bits (two years at 250 million a second) and the fill level
/// in the lower ten. Only the owner writes it, so a get and a put are a load and a store each.
template <class Env>
struct tier_cache {
  template <class T>
  using cell = typename Env::template cell<T>;

  typename Env::template atomic<std::uint64_t> word{0};
  cell<void*>* rounds = nullptr;  // room for `limit` blocks; immutable
  std::uint32_t limit = 0;        // blocks; zero once the core is closed. Owner only
  std::uint32_t room = 0;         // blocks that fit; immutable
  cell<std::int64_t> moved{0};  // blocks moved in from the depot, less those moved out; lock: tier

  [[nodiscard]] std::uint32_t level() const noexcept {
    // relaxed: the owner reads what it wrote itself.
    return static_cast<std::uint32_t>(word.load(std::memory_order::relaxed) & level_mask);
  }

  /// The fill level in the word of a cache whose gets count `Mark`: the whole word if that is zero.
  template <std::uint64_t Mark>
  [[nodiscard]] static constexpr std::uint64_t level_in(std::uint64_t word) noexcept {
    return Mark == 0 ? word : word & level_mask;
  }

  /// Returns: a block, counted with `Mark`; null if there is none.
  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE void* pop() noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = level_in<Mark>(old);
    if (filled == 0) [[unlikely]]
      return nullptr;
    void* const block = rounds[filled - 1];
    promise(block != nullptr);  // so callers need not test it again
    // (1) release, pairs with (2): a reader that sees this put or get sees the gets before it.
    word.store(old + Mark - 1, std::memory_order::release);
    return block;
  }

  /// Returns: false if the cache is full.
  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE bool push(void* block) noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = level_in<Mark>(old);
    if (static_cast<std::uint32_t>(filled) >= limit) [[unlikely]]
      return false;
    rounds[filled] = block;
    word.store(old + 1, std::memory_order::release);  // (1)
    return true;
  }

  /// Takes up to `count` blocks. Returns: how many.
  template <std::uint64_t Mark>
  [[nodiscard]] std::size_t pop_bulk(void** blocks, std::size_t count) noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = cast_to<std::size_t>(old & level_mask);
    const std::size_t n = count < filled ? count : filled;
    const auto* const first = rounds + (filled - n);
    for (std::size_t i = 0; i != n; ++i)
      blocks[i] = first[i];
    word.store(old + n * Mark - n, std::memory_order::release);  // (1)
    return n;
  }

  /// Returns: a block that is not counted as a get; null if there is none.
  [[nodiscard]] void* pop_uncounted() noexcept {
    void* block = nullptr;
    static_cast<void>(pop_bulk<0>(&block, 1));
    return block;
  }

  /// Takes back up to `count` blocks. Returns: how many.
  [[nodiscard]] std::size_t push_bulk(void* const* blocks, std::size_t count) noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = old & level_mask;
    const std::size_t free = filled < limit ? limit - filled : 0;
    const std::size_t n = count < free ? count : free;
    auto* const first = rounds + filled;
    for (std::size_t i = 0; i != n; ++i)
      first[i] = blocks[i];
    word.store(old + n, std::memory_order::release);  // (1)
    return n;
  }

  /// The word as another thread sees it.
  [[nodiscard]] std::uint64_t read() const noexcept {
    return word.load(std::memory_order::acquire);  // (2) pairs with (1)
  }

  /// Counts a get that was served from elsewhere. Owner, under the tier's lock.
  void count_get(std::uint64_t mark) noexcept {
    word.store(word.load(std::memory_order::relaxed) + mark, std::memory_order::release);  // (1)
  }
  /// Counts a get (or a put) of a block that went past the cache. Owner, under the tier's lock.
  void passed_out(std::uint64_t mark) noexcept {
    moved = static_cast<std::int64_t>(moved) + 1;
    count_get(mark);
  }
  void passed_home() noexcept { moved = static_cast<std::int64_t>(moved) - 1; }

  /// Takes `count` more blocks in, or out if negative. Owner, under the tier's lock.
  void moved_in(std::int64_t count) noexcept {
    moved = static_cast<std::int64_t>(moved) + count;
    const auto old = word.load(std::memory_order::relaxed);
    word.store(old + static_cast<std::uint64_t>(count), std::memory_order::release);  // (1)
  }
};

}  // namespace tarn::detail
