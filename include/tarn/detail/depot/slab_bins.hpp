// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/depot/slab_list.hpp>

namespace tarn::detail {

/// The slabs of one tier, each in the bin for what it can give, so that no search is needed.
///
/// Blocks are taken from the fullest slab that has an idle one, so that the other slabs become
/// whole and can go. A slab changes bins in O(1). Guarded by the tier's lock.
/// Source: Bonwick's slab allocator (1994), which sorts slabs by the blocks in use; the fill_bins
/// are those of Hoard.
template <class Env>
class slab_bins {
 public:
  using slab_type = slab<Env>;

  slab_bins() noexcept = default;
  slab_bins(const slab_bins&) = delete;
  slab_bins& operator=(const slab_bins&) = delete;

  void destroy_all(const tier_shape& shape) noexcept {
    for (auto& list : lists_) {
      while (auto* const s = list.pop())
        slab_type::destroy(s, shape);
    }
    for (auto& list : spare_) {
      while (auto* const s = list.pop())
        slab_type::destroy(s, shape);
    }
  }

  /// Puts a slab into its bin. To be called whenever its blocks were parked, taken or purged.
  void place(slab_type* s) noexcept {
    const auto bin = bin_for(*s);
    if (bin == s->bin) return;
    if (s->bin != slab_type::no_bin) remove(s);
    s->bin = bin;
    lists_[bin].push(s);
    filled_ |= bit_of(bin);
  }

  void remove(slab_type* s) noexcept {
    auto& list = lists_[s->bin];
    list.remove(s);
    if (list.front() == nullptr) filled_ &= ~bit_of(s->bin);
    s->bin = slab_type::no_bin;
  }

  /// The slab to take a block from: one with a parked block, the fullest first; without such a
  /// slab, if `fresh_too`, one that can be carved.
  [[nodiscard]] slab_type* best(bool fresh_too) const noexcept {
    const auto parked = filled_ & ~(bit_of(whole_purged) - 1);
    return highest(parked != 0 ? parked
                   : fresh_too ? filled_ & (bit_of(fresh) | bit_of(untouched))
                               : 0);
  }
  /// A slab with a parked block that has its pages, or null.
  [[nodiscard]] slab_type* resident() const noexcept {
    return highest(filled_ & ~(bit_of(whole) - 1));
  }
  /// A slab of which no block is in use or ready, or null. Without `whole_too`, only a slab that
  /// was never carved.
  [[nodiscard]] slab_type* spare(bool whole_too) const noexcept {
    const auto any = bit_of(untouched) | bit_of(whole_purged) | bit_of(whole);
    return highest(filled_ & (whole_too ? any : bit_of(untouched)));
  }
  /// A slab whose blocks are all parked, not all of them without pages, or null.
  [[nodiscard]] slab_type* whole_resident() const noexcept {
    return highest(filled_ & bit_of(whole));
  }

  /// Takes out a descriptor of an earlier slab with room for `blocks`, or returns null. It may miss
  /// one with less than twice that room behind others, because it does not search.
  [[nodiscard]] slab_type* pop_spare(std::uint32_t blocks) noexcept {
    const auto level = level_of(blocks);
    auto* s = spare_[level].front();
    if (s == nullptr || s->room < blocks) {
      const auto above = level + 1 < levels ? spared_ >> (level + 1) : 0;
      if (above == 0) return nullptr;
      s = spare_[level + 1 + static_cast<unsigned>(std::countr_zero(above))].front();
    }
    auto& list = spare_[level_of(s->room)];
    list.remove(s);
    if (list.front() == nullptr) spared_ &= ~(std::uint32_t{1} << level_of(s->room));
    return s;
  }
  void push_spare(slab_type* s) noexcept {
    spare_[level_of(s->room)].push(s);
    spared_ |= std::uint32_t{1} << level_of(s->room);
  }

  /// Calls `action(slab)` for every slab that has memory.
  template <class Action>
  void for_each(Action&& action) {
    for (auto& list : lists_) {
      for (auto* s = list.front(); s != nullptr; s = s->next)
        action(*s);
    }
  }

 private:
  // In the order of preference, the best last.
  static constexpr std::uint8_t exhausted = 0;       // all blocks are away
  static constexpr std::uint8_t untouched = 1;       // nothing was carved yet
  static constexpr std::uint8_t fresh = 2;           // nothing is parked, something can be carved
  static constexpr std::uint8_t whole_purged = 3;    // everything is parked and has no pages
  static constexpr std::uint8_t purged = 4;          // what is parked has no pages
  static constexpr std::uint8_t whole = 5;           // everything is parked
  static constexpr std::uint8_t first_fill_bin = 6;  // some are parked; by how many are away
  static constexpr std::uint8_t fill_bins = 8;
  static constexpr std::uint8_t bins = first_fill_bin + fill_bins;

  [[nodiscard]] static constexpr std::uint32_t bit_of(std::uint8_t bin) noexcept {
    return std::uint32_t{1} << bin;
  }
  [[nodiscard]] slab_type* highest(std::uint32_t among) const noexcept {
    return among == 0 ? nullptr : lists_[std::bit_width(among) - 1].front();
  }

  static constexpr unsigned levels = 32;
  [[nodiscard]] static unsigned level_of(std::uint32_t room) noexcept {
    return cast_to<unsigned>(std::bit_width(room | 1u)) - 1;
  }

  [[nodiscard]] static std::uint8_t bin_for(const slab_type& s) noexcept {
    if (s.parked == 0) return s.carved == 0 ? untouched : s.carved < s.blocks ? fresh : exhausted;
    if (s.parked == s.purged) return s.whole() ? whole_purged : purged;
    if (s.whole()) return whole;
    const auto away = std::uint64_t{s.carved - s.parked} * fill_bins / s.blocks;  // less than all
    return static_cast<std::uint8_t>(first_fill_bin + away);
  }

  slab_list<Env> lists_[bins];
  std::uint32_t filled_ = 0;      // bins that are not empty
  slab_list<Env> spare_[levels];  // descriptors without memory, by the bits of their room
  std::uint32_t spared_ = 0;      // levels that are not empty
};

}  // namespace tarn::detail
