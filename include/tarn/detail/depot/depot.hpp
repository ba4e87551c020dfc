// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/depot/directory.hpp>
#include <tarn/detail/depot/ready_blocks.hpp>
#include <tarn/detail/depot/slab.hpp>
#include <tarn/detail/depot/tier_counts.hpp>

namespace tarn::detail {

/// Which slabs leave when they are whole: all, or those that were carved out of a larger block.
enum class whole_slabs : std::uint8_t { all, carved };
[[nodiscard]] constexpr whole_slabs slabs_for(leaving why) noexcept {
  return why == leaving::reunited || why == leaving::purged ? whole_slabs::carved
                                                            : whole_slabs::all;
}

/// The home of one tier's blocks. A block at home is either *ready*, in a magazine, or *parked*, as
/// a bit of its slab; a slab whose carved blocks are all parked is whole and can go.
///
/// Every function but the constructor and the destructor: the tier's lock is held. Nothing here
/// allocates or calls out.
template <class Env>
class depot {
 public:
  using slab_type = slab<Env>;
  template <class T>
  using cell = typename Env::template var<T>;

  depot() noexcept = default;
  depot(const depot&) = delete;

  ~depot() {
    for (auto* list : {&available_, &exhausted_, &spare_}) {
      while (auto* const s = list->pop())
        slab_type::destroy(s, shape);
    }
  }

  tier_shape shape;  // immutable after construction of the core
  tier_counts count;
  std::uint64_t bound = ~std::uint64_t{0};     // ready blocks above it are discarded
  std::uint64_t max_live = ~std::uint64_t{0};  // blocks that may exist: an exact capacity
  ready_blocks<Env> magazines;
  bool closed = false;
  bool settled = false;            // closed, and every block is home
  std::uint64_t lent = 0;          // blocks of this tier that are carved for smaller ones
  std::uint32_t missed = 0;        // how often a block was wanted while one was carved
  std::uint64_t least_home = 0;    // blocks at home since the last tick, at least
  std::uint64_t tick_away = 0;     // and that were not, at most
  std::uint64_t carved_slabs = 0;  // slabs of this tier that are carved out of larger blocks

  /// Blocks that exist and can come home.
  [[nodiscard]] std::uint64_t live() const noexcept {
    return count.created - count.retired - count.abandoned;
  }
  [[nodiscard]] std::uint64_t ready() const noexcept { return magazines.count(); }
  [[nodiscard]] std::uint64_t home() const noexcept {
    return ready() + static_cast<std::uint64_t>(parked_);
  }
  [[nodiscard]] std::uint64_t parked() const noexcept { return parked_; }

  /// Takes a ready block if there is one, else one that is parked or fresh.
  [[nodiscard]] taken<Env> take() noexcept {
    if (ready() == 0) return take_from_slab();
    void* const block = magazines.take();
    note_away();
    return {block, origin::ready};
  }

  /// Takes a block that is in no magazine: the lowest parked one, else a fresh one.
  [[nodiscard]] taken<Env> take_from_slab() noexcept {
    slab_type* s = available_.front();
    // A parked block wherever there is one; a fresh one only as long as more may exist.
    if (parked_ != 0U || live() >= max_live) {
      while (s != nullptr && s->parked == 0)
        s = s->next;
    }
    if (s == nullptr) return {};
    taken<Env> result;
    if (s->parked != 0) {
      result = {s->block(s->unpark()), origin::parked};
      parked_ = parked_ - 1;
    } else {
      result = {s->block(s->carved++), origin::fresh};
      ++count.created;
    }
    if (s->parked == 0 && s->carved == s->blocks) {
      available_.remove(s);
      s->available = false;
      exhausted_.push(s);
    }
    note_away();
    return result;
  }

  /// Keeps the marks of high and low water. To be called after blocks left.
  void note_away() noexcept {
    const auto idle = home();
    least_home = min_of(least_home, idle);
    tick_away = max_of(tick_away, live() - idle);
    count.most_away = max_of(count.most_away, tick_away);
  }

  /// Takes a block home into its slab. Returns: the slab if that made it whole and `leaving` wants
  /// it; it is no longer in any list then.
  [[nodiscard]] slab_type* park(slab_type* s, const void* block, whole_slabs leaving) noexcept {
    s->park(s->index_of(block));
    parked_ = parked_ + 1;
    if (!s->available) {
      s->available = true;
      exhausted_.remove(s);
      available_.push(s);
    }
    if (!s->whole() || (leaving == whole_slabs::carved && s->parent == nullptr)) return nullptr;
    available_.remove(s);
    forget(s);
    return s;
  }

  /// Takes up to `most` ready blocks out, those above `keep`. They are not home until they are
  /// parked. Without their magazine: one that is out would be missing where a put needs it.
  [[nodiscard]] std::uint32_t take_above(std::uint64_t keep, void** blocks,
                                         std::uint32_t most) noexcept {
    std::uint32_t taken = 0;
    while (taken != most && ready() > keep)
      blocks[taken++] = magazines.take();
    return taken;
  }

  /// Adds a slab with its magazines.
  void add(slab_type* s, magazine_list<Env>& brought) noexcept {
    magazines.add(s->blocks, brought);
    s->available = true;
    available_.push(s);
  }

  /// A descriptor of an earlier slab with room for `blocks`, or null.
  [[nodiscard]] slab_type* pop_spare(std::uint32_t blocks) noexcept {
    for (auto* s = spare_.front(); s != nullptr; s = s->next) {
      if (s->room < blocks) continue;
      spare_.remove(s);
      return s;
    }
    return nullptr;
  }
  void push_spare(slab_type* s) noexcept { spare_.push(s); }

  /// Takes a slab out of which no block is in use or ready, or null.
  [[nodiscard]] slab_type* pop_unused() noexcept {
    for (auto* s = available_.front(); s != nullptr; s = s->next) {
      if (s->carved != s->parked) continue;
      available_.remove(s);
      forget(s);
      return s;
    }
    return nullptr;
  }

  /// Calls `action(slab)` for every slab that has memory, whatever its state.
  template <class Action>
  void for_each_slab(Action&& action) noexcept {
    for (auto* list : {&available_, &exhausted_}) {
      for (auto* s = list->front(); s != nullptr; s = s->next)
        action(*s);
    }
  }

 private:
  /// A whole slab leaves: its blocks are retired.
  void forget(slab_type* s) noexcept {
    for (std::uint32_t word = 0; word * 64 < s->carved; ++word)
      s->parked_bits[word] = 0;
    parked_ = parked_ - s->parked;
    count.retired += s->carved;
    magazines.remove(s->blocks);
    s->available = false;
    s->parked = s->carved = 0;
  }

  cell<std::uint64_t> parked_{0};
  slab_list<Env> available_;  // slabs with a parked or an uncarved block
  slab_list<Env> exhausted_;  // all others
  slab_list<Env> spare_;      // descriptors without memory
};

}  // namespace tarn::detail
