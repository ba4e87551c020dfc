// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/back_off.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// A lock-free stack of block indices. The links lie in memory that stays valid. Each operation
/// increases a tag in the head, which keeps a delayed pop from taking a head that came back.
///
/// The head: 31 bits of index, one bit "closed", 32 bits of tag (wraps after 2^32 operations
/// between the load and the exchange of one stalled pop: over a minute at 50 million a second).
/// Source: Treiber (1986); index and tag as in folly's IndexedMemPool.
template <class Env>
class index_stack {
 public:
  using link = typename Env::template atomic<std::uint32_t>;
  static constexpr std::uint32_t none = 0x7fffffff;
  static constexpr std::uint32_t lost = 0xffffffff;  // no index: another thread came first
  /// A bit of a link that any thread may set: the block was in the stack then. The next push of the
  /// block clears the bit, so a block found in the stack with it was not taken meanwhile.
  static constexpr std::uint32_t still_bit = 0x80000000;

  /// The index in a link; `none` at the end of the chain.
  [[nodiscard]] static constexpr std::uint32_t index_in(std::uint32_t word) noexcept {
    return word & none;
  }

  /// `link_of(index)`: the link of a block; the last call is for the block that is taken. Returns:
  /// an index, or `none`; `lost` if another thread came first.
  template <class LinkOf>
  [[nodiscard]] TARN_FORCE_INLINE std::uint32_t try_pop(LinkOf&& link_of) noexcept {
    // (1) acquire, pairs with (2): the link behind the head is the one its push wrote.
    auto head = head_.load(std::memory_order::acquire);
    const auto index = static_cast<std::uint32_t>(head) & none;
    if (index == none) return none;
    // relaxed: ordered by (1); if it is stale, the tag has moved and the exchange fails.
    const auto next = index_in(link_of(index).load(std::memory_order::relaxed));
    // A stack whose head has an index is not closed. relaxed on failure: nothing is read then.
    return head_.compare_exchange_weak(head, one_tag + head - index + next,
                                       std::memory_order::acquire, std::memory_order::relaxed)
               ? index
               : lost;
  }
  /// For a pop that was lost: tries again until it is not. Out of line: a stack without contention
  /// pays nothing for it.
  template <class LinkOf>
  [[nodiscard]] TARN_COLD std::uint32_t pop_again(LinkOf&& link_of) noexcept {
    back_off busy;  // each time a little later
    std::uint32_t index = lost;
    do {
      busy.wait();
      index = try_pop(link_of);
    } while (index == lost);
    return index;
  }
  template <class LinkOf>
  [[nodiscard]] std::uint32_t pop(LinkOf&& link_of) noexcept {
    const auto index = try_pop(link_of);
    return index != lost ? index : pop_again(link_of);
  }

  /// A chain of blocks that one thread owns, linked from `first` to `last`.
  struct chain {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };
  /// Takes up to `most` blocks by one exchange. Returns: a chain; an empty one also if another
  /// thread came first.
  template <class LinkOf>
  [[nodiscard]] chain try_pop_chain(std::uint32_t most, LinkOf&& link_of) noexcept {
    auto head = head_.load(std::memory_order::acquire);  // (1)
    chain taken;
    taken.first = taken.last = static_cast<std::uint32_t>(head) & none;
    if (taken.first == none) return taken;
    // (4) acquire: others may take and push what this one walks over. Then the tag has moved.
    const auto next_of = [&](std::uint32_t index) {
      return index_in(link_of(index).load(std::memory_order::acquire));
    };
    auto next = next_of(taken.first);
    for (std::uint32_t n = 1; n < most && next != none; ++n) {
      taken.last = next;
      next = next_of(next);
    }
    return head_.compare_exchange_weak(head, one_tag + head - taken.first + next,
                                       std::memory_order::acquire, std::memory_order::relaxed)
               ? taken
               : chain{};
  }

  /// Pushes a chain that begins with `first`; `last` is the link of its last block. Returns: false
  /// if the stack is closed.
  [[nodiscard]] TARN_FORCE_INLINE bool push(std::uint32_t first, link& last) noexcept {
    const auto done = try_push(first, last);
    if (done == outcome::lost) [[unlikely]]
      return push_again(first, last);
    return done == outcome::pushed;
  }

  /// Takes all blocks. Returns: the first index of the chain, or `none`.
  [[nodiscard]] std::uint32_t take_all(bool close) noexcept {
    auto head = head_.load(std::memory_order::acquire);
    for (;;) {
      const auto empty = follow(head, none) | (close ? closed_bit : 0);
      if (head_.compare_exchange_weak(head, empty, std::memory_order::acquire,
                                      std::memory_order::acquire)) {
        return static_cast<std::uint32_t>(head) & none;
      }
    }
  }

  /// Closes the stack if it is empty. Returns: whether it is closed.
  [[nodiscard]] bool close_if_empty() noexcept {
    auto head = head_.load(std::memory_order::relaxed);  // a guess; the exchange decides
    while ((static_cast<std::uint32_t>(head) & none) == none) {
      // relaxed: the caller holds a lock, which a thread that finds the stack closed takes next.
      if (head_.compare_exchange_weak(head, follow(head, none) | closed_bit,
                                      std::memory_order::relaxed, std::memory_order::relaxed)) {
        return true;
      }
    }
    return false;
  }
  /// The reverse, also of `take_all(true)`. Returns: whether the stack was closed.
  bool reopen() noexcept {
    auto head = head_.load(std::memory_order::relaxed);  // as in `close_if_empty`
    while ((head & closed_bit) != 0) {
      if (head_.compare_exchange_weak(head, tag_after(head) | none, std::memory_order::relaxed,
                                      std::memory_order::relaxed)) {
        return true;
      }
    }
    return false;
  }
  /// Whether it is closed now.
  [[nodiscard]] bool is_closed() const noexcept {
    return (head_.load(std::memory_order::relaxed) & closed_bit) != 0;  // a hint
  }

  /// The first index in the stack now. The chain behind it may change at any time.
  [[nodiscard]] std::uint32_t peek() const noexcept {
    return static_cast<std::uint32_t>(head_.load(std::memory_order::acquire)) & none;
  }

 private:
  enum class outcome : std::uint8_t { pushed, closed, lost };

  [[nodiscard]] TARN_FORCE_INLINE outcome try_push(std::uint32_t first, link& last) noexcept {
    auto head = head_.load(std::memory_order::relaxed);  // only compared and linked to
    if ((head & closed_bit) != 0) return outcome::closed;
    const auto next = static_cast<std::uint32_t>(head);
    // (3) release, pairs with (4): a thread that walks along the chain may follow a link that
    // changes meanwhile, to a slab newer than the head that it began with. For pops: see (2).
    last.store(next, std::memory_order::release);
    // (2) release, pairs with (1): the link, and what the last owner did to the block.
    return head_.compare_exchange_weak(head, one_tag + head - next + first,
                                       std::memory_order::release, std::memory_order::relaxed)
               ? outcome::pushed
               : outcome::lost;
  }
  [[nodiscard]] TARN_COLD bool push_again(std::uint32_t first, link& last) noexcept {
    back_off busy;
    auto done = outcome::lost;
    do {
      busy.wait();
      done = try_push(first, last);
    } while (done == outcome::lost);
    return done == outcome::pushed;
  }

  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 31;
  static constexpr std::uint64_t one_tag = std::uint64_t{1} << 32;

  [[nodiscard]] static std::uint64_t follow(std::uint64_t head, std::uint32_t index) noexcept {
    return tag_after(head) | (head & closed_bit) | index;
  }
  [[nodiscard]] static std::uint64_t tag_after(std::uint64_t head) noexcept {
    return ((head >> 32) + 1) << 32;
  }

  typename Env::template atomic<std::uint64_t> head_{none};
};

}  // namespace tarn::detail
