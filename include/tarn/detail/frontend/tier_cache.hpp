// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

inline constexpr unsigned level_bits = 10;
inline constexpr std::uint64_t level_mask = (std::uint64_t{1} << level_bits) - 1;
/// The number that one get adds to a cache's word when gets are counted.
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
  /// A sequence word: odd while `moved` and `word` change together. Owner only.
  typename Env::template atomic<std::uint32_t> changes{0};
  /// Blocks moved in from the depot, less those moved out and those held. Owner only.
  typename Env::template atomic<std::int64_t> moved{0};

  [[nodiscard]] std::uint32_t level() const noexcept {
    // relaxed: the owner reads what it wrote itself.
    return static_cast<std::uint32_t>(word.load(std::memory_order::relaxed) & level_mask);
  }

  /// The fill level in the word of a cache whose gets count `Mark`: the whole word if `Mark` is
  /// zero.
  template <std::uint64_t Mark>
  [[nodiscard]] static constexpr std::uint64_t level_in(std::uint64_t word) noexcept {
    return Mark == 0 ? word : word & level_mask;
  }

  /// Returns: a block, counted with `Mark`; null if the cache is empty.
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

  /// Takes out a block that goes home, so it is not counted as a get. Called by the owner, under
  /// the tier's lock. Returns: null if the cache is empty.
  [[nodiscard]] void* take_home() noexcept {
    const auto filled = level();
    if (filled == 0) return nullptr;
    void* const block = rounds[filled - 1];
    change(-1, -1, 0);
    return block;
  }

  /// Takes out up to `count` blocks that do not count as gets yet. `count_held` follows, or
  /// `unhold` with the same blocks. Called by the owner, with the tier's lock or without it.
  /// Returns: how many.
  [[nodiscard]] std::size_t hold(void** blocks, std::size_t count) noexcept {
    const auto filled = level();
    const std::size_t n = count < filled ? count : filled;
    const auto* const first = rounds + (filled - n);
    for (std::size_t i = 0; i != n; ++i)
      blocks[i] = first[i];
    const auto out = -static_cast<std::int64_t>(n);
    if (n != 0) change(out, out, 0);
    return n;
  }
  /// Takes back up to `count` blocks that were held. Called as `hold`. Returns: how many.
  [[nodiscard]] std::size_t unhold(void* const* blocks, std::size_t count) noexcept {
    const auto filled = level();
    const std::size_t free = filled < limit ? limit - filled : 0;
    const std::size_t n = count < free ? count : free;
    for (std::size_t i = 0; i != n; ++i)
      rounds[filled + i] = blocks[i];
    if (n != 0) change(static_cast<std::int64_t>(n), static_cast<std::int64_t>(n), 0);
    return n;
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

  /// The numbers of a cache as another thread sees them.
  struct numbers {
    std::uint64_t puts = 0;
    std::uint64_t level = 0;
  };
  /// Returns: false if a change is under way; another thread is between two stores then.
  [[nodiscard]] bool try_read(numbers& into) const noexcept {
    // (4) acquire, pairs with (3): all stores of a change are release, so a reader that sees one of
    // them also sees that the change has begun.
    const auto before = changes.load(std::memory_order::acquire);
    const auto in = static_cast<std::uint64_t>(moved.load(std::memory_order::acquire));
    const auto seen = read();
    // relaxed: the two loads above are not moved behind it.
    if (before % 2 != 0 || changes.load(std::memory_order::relaxed) != before) return false;
    into.level = seen & level_mask;
    into.puts = (seen >> level_bits) + into.level - in;
    return true;
  }
  /// As `try_read`, but waits for the end of the change.
  [[nodiscard]] numbers read_numbers() const noexcept {
    numbers now;
    for (unsigned turn = 0; !try_read(now); ++turn)
      Env::pause(turn);
    return now;
  }

  /// Counts `n` gets (or a put) that bypassed the cache. Called by the owner, gets as `hold`, a put
  /// under the tier's lock.
  void passed_out(std::uint64_t mark, std::size_t n = 1) noexcept {
    change(0, static_cast<std::int64_t>(n), n * mark);
  }
  void passed_home() noexcept { change(0, -1, 0); }

  /// Takes `count` more blocks in, or out if negative. Called by the owner, under the tier's lock.
  void moved_in(std::int64_t count) noexcept { change(count, count, 0); }
  /// Around a store to `word` by other code, which moves blocks as `moved_in` does.
  void begin_move() noexcept {
    // relaxed load: the tier's lock orders it.
    changes.store(changes.load(std::memory_order::relaxed) + 1, std::memory_order::relaxed);
  }
  void end_move(std::int64_t count) noexcept {
    // relaxed loads: the same.
    moved.store(moved.load(std::memory_order::relaxed) + count, std::memory_order::release);  // (3)
    changes.store(changes.load(std::memory_order::relaxed) + 1, std::memory_order::release);  // (3)
  }

  /// In a fork's child, for a cache whose owner is gone: ends a change that the fork cut off.
  void end_change() noexcept {
    const auto now = changes.load(std::memory_order::relaxed);  // one thread is left
    changes.store(now + now % 2, std::memory_order::relaxed);
  }

 private:
  void change(std::int64_t blocks, std::int64_t in, std::uint64_t mark) noexcept {
    // relaxed loads: the owner reads its own stores.
    const auto before = changes.load(std::memory_order::relaxed);
    const auto move = [&] {
      moved.store(moved.load(std::memory_order::relaxed) + in, std::memory_order::release);  // (3)
    };
    changes.store(before + 1, std::memory_order::relaxed);
    // If a fork cuts the change off, the child sees a block too many in use, never one too few.
    if (in > 0) move();
    word.store(word.load(std::memory_order::relaxed) + static_cast<std::uint64_t>(blocks) + mark,
               std::memory_order::release);  // (1), (3)
    if (in <= 0) move();
    changes.store(before + 2, std::memory_order::release);  // (3)
  }
};

}  // namespace tarn::detail
