// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/depot/magazine.hpp>

namespace tarn::detail {

/// The ready blocks of one tier, in magazines. Guarded by the tier's lock.
///
/// There is always a magazine for a block that comes home: each slab brings enough for its blocks,
/// so a put never allocates.
template <class Env>
class ready_blocks {
 public:
  using magazine_type = magazine<Env>;
  template <class T>
  using cell = typename Env::template cell<T>;

  ready_blocks() noexcept = default;
  ready_blocks(const ready_blocks&) = delete;
  ready_blocks& operator=(const ready_blocks&) = delete;
  ~ready_blocks() {
    full_.destroy_all(rounds, own);
    empty_.destroy_all(rounds, own);
    if (magazine_type* const m = partial_) magazine_type::destroy(m, rounds, own);
  }

  std::uint32_t rounds = 1;       // blocks per magazine; immutable once there is one
  own_memory own;                 // where magazines come from; immutable likewise
  cell<std::uint64_t> lowest{0};  // least number of ready blocks since the last tick of ageing

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  void put(void* block) noexcept {
    magazine_type* m = partial_;
    if (m == nullptr || m->count == rounds) {
      if (m != nullptr) full_.push(m);
      partial_ = m = empty_.pop();
    }
    m->rounds()[m->count] = block;
    m->count = m->count + 1;
    count_ = count_ + 1;
  }

  /// Preconditions: `count() != 0`.
  [[nodiscard]] void* take() noexcept {
    magazine_type* m = partial_;
    if (m == nullptr || m->count == 0U) {
      if (m != nullptr) empty_.push(m);
      partial_ = m = full_.pop();
    }
    m->count = m->count - 1;
    count_ = count_ - 1;
    if (count_ < lowest) lowest = count_;
    return m->rounds()[m->count];
  }

  /// Calls `action(block)` for each block.
  template <class Action>
  void for_each(Action&& action) const {
    const auto each = [&](magazine_type& m) {
      for (std::uint32_t i = 0; i != m.count; ++i)
        action(static_cast<void*>(m.rounds()[i]));
    };
    full_.for_each(each);
    if (magazine_type* const m = partial_) each(*m);
  }

  /// Magazines that a slab must bring: enough for its own blocks, and one more with the first slab
  /// ever, for the magazine that is being filled.
  [[nodiscard]] std::uint32_t magazines_for(std::uint32_t blocks) const noexcept {
    return full_magazines(blocks) + (magazines_ == 0 ? 1U : 0U);
  }
  /// Adds a slab's magazines.
  void add(std::uint32_t blocks, magazine_list<Env>& brought) noexcept {
    while (auto* const m = brought.pop()) {
      empty_.push(m);
      ++magazines_;
    }
    needed_ += full_magazines(blocks);
  }
  /// Notes that a slab left. Its magazines may be taken out by `pop_surplus`.
  void remove(std::uint32_t blocks) noexcept { needed_ -= full_magazines(blocks); }

  /// Takes out the magazines that the blocks of the remaining slabs can't need.
  void pop_surplus(magazine_list<Env>& surplus) noexcept {
    while (magazines_ > needed_ + 1) {
      auto* const m = empty_.pop();
      if (m == nullptr) return;
      surplus.push(m);
      --magazines_;
    }
  }

 private:
  [[nodiscard]] std::uint32_t full_magazines(std::uint32_t blocks) const noexcept {
    return (blocks + rounds - 1) / rounds;
  }

  magazine_list<Env> full_;
  magazine_list<Env> empty_;
  cell<magazine_type*> partial_{nullptr};  // the magazine that blocks go to and come from
  cell<std::uint64_t> count_{0};           // blocks in full_ and partial_
  // Invariant: magazines_ >= needed_ + 1 once there was a slab.
  std::uint64_t magazines_ = 0;
  std::uint64_t needed_ = 0;
};

}  // namespace tarn::detail
