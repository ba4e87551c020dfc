// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// The sizes and the layout of a tier, the same for all its slabs.
struct tier_shape {
  std::size_t size = 0;        // bytes a user may use of a block
  std::size_t stride = 0;      // bytes from block to block
  std::size_t slab_bytes = 0;  // bytes of a slab taken from the source for this tier
  std::uint32_t number = 0;    // index of the tier
  std::uint32_t rounds = 0;    // blocks per magazine
  bool links = false;          // slabs carry links for the index stack
  bool states = false;         // slabs carry one in-use bit per block, for checks
  bool leaves = false;         // and one that says whether its bytes are as its put left them
  own_memory own;              // where descriptors and magazines come from
};

/// A piece of memory that is carved into equal blocks of one tier. All bookkeeping is here, out of
/// band: a stray write into a free block can't break the pool.
///
/// Descriptors live as long as the core, so that a racing reader of the directory or of a link
/// never reads freed memory. The memory that they describe may come and go.
template <class Env>
struct slab {
  template <class T>
  using atomic = typename Env::template atomic<T>;

  static constexpr std::uint8_t no_bin = 0xff;

  // What a put under `lock_free` reads, in one line.
  std::byte* base = nullptr;
  std::size_t stride = 0;
  std::uint64_t reciprocal = 0;            // 2^64 / stride, rounded up
  atomic<std::uint32_t>* links = nullptr;  // one per block: the next free block's index
  std::uint32_t first_index = 0x7fffffff;  // in the index stack of the tier; at first: none yet
  std::uint32_t tier = 0;
  atomic<std::uint64_t>* state_bits = nullptr;  // one per block: in use
  std::size_t bytes = 0;

  std::uint32_t blocks = 0;   // blocks that fit
  std::uint32_t room = 0;     // blocks that the bit sets and links have room for
  std::uint32_t carved = 0;   // blocks that were ever out or at home; lock: tier
  std::uint32_t parked = 0;   // carved blocks that idle here, not in a magazine; lock: tier
  std::uint32_t purged = 0;   // parked blocks without pages of their own; lock: tier
  std::uint8_t bin = no_bin;  // the bin that holds the slab; lock: tier
  bool leaves = false;        // behind the state bits is one per block: as its put left it
  slab* parent = nullptr;     // the slab of which a block was carved to make this one
  slab* next = nullptr;       // links of the lists; lock: tier
  slab* previous = nullptr;
  std::uint64_t* parked_bits = nullptr;  // one per block; lock: tier
  std::uint64_t* purged_bits = nullptr;  // one per block; lock: tier

  [[nodiscard]] std::uint32_t index_of(const void* block) const noexcept {
    // Not a division, which takes longer than all else of a put. Exact below 2^64 / stride bytes.
    return static_cast<std::uint32_t>(multiply_high(offset_of(block), reciprocal));
  }
  [[nodiscard]] std::size_t offset_of(const void* p) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(p) - base);
  }
  [[nodiscard]] void* block(std::uint32_t index) const noexcept { return base + index * stride; }

  /// Whether all carved blocks are parked here, so that the memory can go.
  [[nodiscard]] bool whole() const noexcept { return parked == carved; }

  /// Whether a block is here, so that it can't come home.
  [[nodiscard]] bool is_here(std::uint32_t index) const noexcept {
    return index >= carved || (parked_bits[index / 64] >> index % 64 & 1) != 0;
  }
  void park(std::uint32_t index) noexcept {
    parked_bits[index / 64] |= std::uint64_t{1} << index % 64;
    ++parked;
  }

  /// Preconditions: `parked > 0`. Returns: the index of the lowest parked block that has pages;
  /// without such a block, of the lowest parked one.
  [[nodiscard]] std::uint32_t unpark() noexcept {
    const bool resident = parked != purged;
    const auto good = [&](std::uint32_t word) {
      return parked_bits[word] & (resident ? ~purged_bits[word] : parked_bits[word]);
    };
    std::uint32_t word = 0;
    while (good(word) == 0)
      ++word;
    const auto bits = good(word);
    const auto lowest = bits & (0 - bits);
    parked_bits[word] &= ~lowest;
    purged_bits[word] &= ~lowest;
    --parked;
    purged -= resident ? 0 : 1;
    return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
  }

  /// Marks a parked block as one without pages.
  void mark_purged(std::uint32_t index) noexcept {
    purged_bits[index / 64] |= std::uint64_t{1} << index % 64;
    ++purged;
  }
  /// Preconditions: all blocks are parked.
  void mark_all_purged() noexcept {
    for (std::uint32_t word = 0; word * 64 < carved; ++word)
      purged_bits[word] = parked_bits[word];
    purged = parked;
  }
  [[nodiscard]] bool is_purged(std::uint32_t index) const noexcept {
    return (purged_bits[index / 64] >> index % 64 & 1) != 0;
  }

  /// Resets the descriptor to the state before any block was carved.
  void uncarve() noexcept {
    for (std::uint32_t word = 0; word * 64 < carved; ++word)
      parked_bits[word] = purged_bits[word] = 0;
    forget_left();
    carved = parked = purged = 0;
  }

  /// Marks a block as in use. Returns: whether it was in use before.
  bool enter(std::uint32_t index) noexcept {
    const auto bit = std::uint64_t{1} << index % 64;
    // relaxed: the bit orders nothing; the hand-over of the block does.
    return (state_bits[index / 64].fetch_or(bit, std::memory_order::relaxed) & bit) != 0;
  }
  [[nodiscard]] bool is_out(std::uint32_t index) const noexcept {
    // relaxed: a thread that may ask about a block was told of the block, which orders.
    return (state_bits[index / 64].load(std::memory_order::relaxed) >> index % 64 & 1) != 0;
  }
  /// Marks a block as idle. Returns: whether it was in use; of two racing calls, one gets true.
  bool exit(std::uint32_t index) noexcept {
    const auto bit = std::uint64_t{1} << index % 64;
    return (state_bits[index / 64].fetch_and(~bit, std::memory_order::relaxed) & bit) != 0;
  }

  // Whether the bytes of an idle block are as its put left them. relaxed, for all: the bit orders
  // nothing; the hand-over of the block, or the tier's lock, does.
  void set_left(std::uint32_t index) noexcept {
    left_bits()[index / 64].fetch_or(std::uint64_t{1} << index % 64, std::memory_order::relaxed);
  }
  /// Returns: whether they were, until now.
  bool end_left(std::uint32_t index) noexcept {
    const auto bit = std::uint64_t{1} << index % 64;
    return (left_bits()[index / 64].fetch_and(~bit, std::memory_order::relaxed) & bit) != 0;
  }
  /// To be called before the pool changes the bytes of an idle block, or the system may.
  void forget_left(const void* block) noexcept {
    if (leaves) static_cast<void>(end_left(index_of(block)));
  }
  /// The same for all blocks that were carved.
  void forget_left() noexcept {
    if (!leaves) return;
    for (std::uint32_t word = 0; word * 64 < carved; ++word)
      left_bits()[word].store(0, std::memory_order::relaxed);
  }

  /// Gives the descriptor new memory to describe. Preconditions: it has room for the blocks.
  void describe(std::byte* memory, std::size_t size, const tier_shape& shape, slab* from) noexcept {
    base = memory;
    bytes = size;
    stride = shape.stride;
    reciprocal = ~std::uint64_t{0} / stride + 1;
    tier = shape.number;
    blocks = blocks_in(size, shape);
    carved = parked = purged = 0;
    parent = from;
  }

  [[nodiscard]] static std::uint32_t blocks_in(std::size_t bytes, const tier_shape& s) noexcept {
    return static_cast<std::uint32_t>(bytes < s.stride ? 1 : bytes / s.stride);
  }

  /// Returns: a descriptor with room for `blocks`; null if there is no memory.
  [[nodiscard]] static slab* make(std::uint32_t blocks, const tier_shape& shape) noexcept {
    const std::size_t words = (blocks + 63) / 64;
    const std::size_t state_words = state_words_for(words, shape);
    const std::size_t link_count = shape.links ? blocks : 0;
    void* const memory = shape.own.take(bytes_for(blocks, shape), alignof(slab));
    if (memory == nullptr) return nullptr;
    auto* const made = ::new (memory) slab;
    made->room = blocks;
    auto* const bits = reinterpret_cast<std::uint64_t*>(made + 1);
    for (std::size_t i = 0; i != 2 * words; ++i)
      ::new (bits + i) std::uint64_t{0};
    made->parked_bits = bits;
    made->purged_bits = bits + words;
    auto* const states = reinterpret_cast<atomic<std::uint64_t>*>(bits + 2 * words);
    for (std::size_t i = 0; i != state_words; ++i)
      ::new (states + i) atomic<std::uint64_t>(0);
    made->state_bits = states;
    made->leaves = shape.leaves;
    auto* const links = reinterpret_cast<atomic<std::uint32_t>*>(states + state_words);
    for (std::size_t i = 0; i != link_count; ++i)
      ::new (links + i) atomic<std::uint32_t>(0);
    made->links = links;
    return made;
  }

  static void destroy(slab* s, const tier_shape& shape) noexcept {
    if constexpr (!std::is_trivially_destructible_v<atomic<std::uint64_t>>) {  // model checkers
      using bits = atomic<std::uint64_t>;
      using link = atomic<std::uint32_t>;
      for (std::size_t i = 0; i != state_words_for((s->room + 63) / 64, shape); ++i)
        s->state_bits[i].~bits();
      for (std::uint32_t i = 0; shape.links && i != s->room; ++i)
        s->links[i].~link();
    }
    shape.own.give(s, bytes_for(s->room, shape), alignof(slab));
  }

 private:
  [[nodiscard]] atomic<std::uint64_t>* left_bits() const noexcept {
    return state_bits + (std::size_t{room} + 63) / 64;
  }
  [[nodiscard]] static std::size_t state_words_for(std::size_t words,
                                                   const tier_shape& shape) noexcept {
    return shape.states ? (shape.leaves ? 2 * words : words) : 0;
  }
  [[nodiscard]] static std::size_t bytes_for(std::uint32_t blocks,
                                             const tier_shape& shape) noexcept {
    const std::size_t words = (std::size_t{blocks} + 63) / 64;
    return sizeof(slab) + 2 * words * sizeof(std::uint64_t) +
           state_words_for(words, shape) * sizeof(atomic<std::uint64_t>) +
           (shape.links ? blocks : 0) * sizeof(atomic<std::uint32_t>);
  }
};

}  // namespace tarn::detail
