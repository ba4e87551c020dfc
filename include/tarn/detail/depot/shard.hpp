// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

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
  using cell = typename Env::template var<T>;

  typename Env::template atomic<std::uint64_t> word{0};
  cell<void*>* rounds = nullptr;  // room for `limit` blocks; immutable
  std::uint32_t limit = 0;        // blocks; zero once the core is closed. Owner only
  std::uint32_t room = 0;         // blocks that fit; immutable
  cell<std::int64_t> moved{0};  // blocks moved in from the depot, less those moved out; lock: tier

  [[nodiscard]] std::uint32_t level() const noexcept {
    // relaxed: the owner reads what it wrote itself.
    return static_cast<std::uint32_t>(word.load(std::memory_order::relaxed) & level_mask);
  }

  /// Returns: a block, counted with `Mark`; null if there is none.
  template <std::uint64_t Mark>
  [[nodiscard]] TARN_FORCE_INLINE void* pop() noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = old & level_mask;
    if (filled == 0) [[unlikely]]
      return nullptr;
    void* const block = rounds[filled - 1];
    assume(block != nullptr);  // so callers need not test it again
    // (1) release, pairs with (2): a reader that sees this put or get sees the gets before it.
    word.store(old + Mark - 1, std::memory_order::release);
    return block;
  }

  /// Returns: false if the cache is full.
  [[nodiscard]] TARN_FORCE_INLINE bool push(void* block) noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = old & level_mask;
    if (filled >= limit) [[unlikely]]
      return false;
    rounds[filled] = block;
    word.store(old + 1, std::memory_order::release);  // (1)
    return true;
  }

  /// Takes up to `count` blocks. Returns: how many.
  template <std::uint64_t Mark>
  [[nodiscard]] std::size_t pop_bulk(void** blocks, std::size_t count) noexcept {
    const auto old = word.load(std::memory_order::relaxed);  // the owner reads its own store
    const auto filled = old & level_mask;
    const std::size_t n = count < filled ? count : filled;
    const auto* const first = rounds + (filled - n);
    for (std::size_t i = 0; i != n; ++i)
      blocks[i] = first[i];
    word.store(old + n * Mark - n, std::memory_order::release);  // (1)
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
  /// The get of a block that went past the cache did not happen after all.
  void came_back(std::uint64_t mark) noexcept {
    passed_home();
    count_get(0 - mark);
  }

  /// Takes `count` more blocks in, or out if negative. Owner, under the tier's lock.
  void moved_in(std::int64_t count) noexcept {
    moved = static_cast<std::int64_t>(moved) + count;
    const auto old = word.load(std::memory_order::relaxed);
    word.store(old + static_cast<std::uint64_t>(count), std::memory_order::release);  // (1)
  }
};

/// One thread's caches of all tiers of one core, and its part of the statistics. Lives as long as
/// the core; a thread that ends leaves it, counts and all, to the next.
template <class Env, class Recorder>
struct alignas(no_sharing_alignment) shard {
  using cache = tier_cache<Env>;

  explicit shard(std::uint32_t count) noexcept : tiers(count) {}

  [[nodiscard]] cache* caches() noexcept { return reinterpret_cast<cache*>(this + 1); }
  [[nodiscard]] const cache* caches() const noexcept {
    return reinterpret_cast<const cache*>(this + 1);
  }

  shard* next = nullptr;  // immutable once linked
  bool vacant = false;    // no thread has it; lock: the core's shard lock
  std::uint32_t tiers;
  std::uint64_t seen_drains = 0;  // the newest drain followed. Owner only
  std::uint64_t seen_bounds = 0;  // the bounds the limits were made for. Owner only
  std::size_t seen_threads = 0;   // the number of threads the limits were made for. Owner only
  TARN_NO_UNIQUE_ADDRESS Recorder recorder;

  /// `room_of(tier)`: blocks that a tier's cache holds. Returns: null if there is no memory.
  template <class RoomOf>
  [[nodiscard]] static shard* make(std::uint32_t tiers, RoomOf&& room_of) noexcept {
    using cell = typename cache::template cell<void*>;
    std::size_t total = 0;
    for (std::uint32_t t = 0; t != tiers; ++t)
      total += room_of(t);
    void* const memory =
        ::operator new (sizeof(shard) + tiers * sizeof(cache) + total * sizeof(cell),
                        std::align_val_t{alignof(shard)}, std::nothrow);
    if (memory == nullptr) return nullptr;
    auto* const made = ::new (memory) shard(tiers);
    auto* rounds = reinterpret_cast<cell*>(made->caches() + tiers);
    for (std::uint32_t t = 0; t != tiers; ++t) {
      auto* const c = ::new (made->caches() + t) cache;
      c->rounds = rounds;
      c->limit = c->room = room_of(t);
      // Not touched for trivial cells: the pages of tiers that are never used cost nothing.
      if constexpr (!std::is_trivially_default_constructible_v<cell>) {
        for (std::uint32_t i = 0; i != c->room; ++i)
          ::new (rounds + i) cell{nullptr};
      }
      rounds += c->room;
    }
    return made;
  }

  static void destroy(shard* s) noexcept {
    using cell = typename cache::template cell<void*>;
    for (std::uint32_t t = 0; t != s->tiers; ++t) {
      auto& c = s->caches()[t];
      if constexpr (!std::is_trivially_destructible_v<cell>) {
        for (std::uint32_t i = 0; i != c.room; ++i)
          c.rounds[i].~cell();
      }
      c.~cache();
    }
    s->~shard();
    ::operator delete (static_cast<void*>(s), std::align_val_t{alignof(shard)});
  }
};

}  // namespace tarn::detail
