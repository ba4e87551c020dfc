// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/depot/index_stack.hpp>
#include <tarn/detail/depot/slab.hpp>

namespace tarn::detail {

/// The numbers of the slabs of one tier, by which an index names a block: the number of its slab,
/// and below that the place of the block in the slab. Any thread may look for a block whose index
/// it found in a stack.
template <class Env>
class slab_numbers {
 public:
  using slab_type = slab<Env>;
  using link_type = typename index_stack<Env>::link;
  static constexpr std::uint32_t none = index_stack<Env>::none;

  /// Before the first slab: the bits for the place of a block in its slab.
  void set_place_bits(std::uint32_t bits) noexcept { place_bits_ = bits; }

  /// Numbers a descriptor once and for all. Only the one thread that grows the tier comes here.
  /// Returns: false if there is no memory or no number left.
  [[nodiscard]] bool add(slab_type* s, const own_memory& own) noexcept {
    if (s->first_index != none) return true;  // an old descriptor
    const auto number = count_;
    const auto row = row_of(number);
    if ((std::uint64_t{number} + 1) << place_bits_ > none) return false;
    auto* slabs = rows_[row].load(std::memory_order::relaxed);  // only this thread writes it
    if (slabs == nullptr) {
      slabs = own.template make_array<slab_type*>(first_row << row);
      if (slabs == nullptr) return false;
      rows_[row].store(slabs, std::memory_order::release);  // (2) pairs with (1)
    }
    slabs[place_in(row, number)] = s;
    s->first_index = number << place_bits_;
    ++count_;
    return true;
  }

  [[nodiscard]] link_type& link_of(std::uint32_t index) noexcept {
    return slab_of(index)->links[place_of(index)];
  }
  [[nodiscard]] void* block_at(std::uint32_t index) noexcept {
    return slab_of(index)->block(place_of(index));
  }

  /// Finds links, and remembers the slab of the last one.
  class finder {
   public:
    explicit finder(slab_numbers& numbers) noexcept : numbers_(numbers) {}
    [[nodiscard]] TARN_FORCE_INLINE link_type& operator()(std::uint32_t index) noexcept {
      found_ = numbers_.slab_of(index);
      return found_->links[numbers_.place_of(index)];
    }
    /// The block with the index of the last call.
    [[nodiscard]] TARN_FORCE_INLINE void* block(std::uint32_t index) const noexcept {
      return found_->block(numbers_.place_of(index));
    }

   private:
    slab_numbers& numbers_;
    slab_type* found_ = nullptr;
  };

  /// One thread is left.
  void destroy(const own_memory& own) noexcept {
    for (std::uint32_t row = 0; row != rows; ++row)
      own.destroy_array(rows_[row].load(std::memory_order::relaxed), first_row << row);
  }

 private:
  static constexpr std::uint32_t rows = 24;
  static constexpr std::size_t first_row = 64;  // slabs; each row has twice as many

  [[nodiscard]] static std::uint32_t row_of(std::uint32_t number) noexcept {
    return cast_to<std::uint32_t>(std::bit_width((number + first_row) / first_row)) - 1;
  }
  [[nodiscard]] static std::size_t place_in(std::uint32_t row, std::uint32_t number) noexcept {
    return (number + first_row) ^ (first_row << row);
  }
  [[nodiscard]] TARN_FORCE_INLINE slab_type* slab_of(std::uint32_t index) const noexcept {
    const auto number = index >> place_bits_;
    const auto row = row_of(number);
    // (1) acquire, pairs with (2): the row is complete. The index stack orders its entry.
    return rows_[row].load(std::memory_order::acquire)[place_in(row, number)];
  }
  [[nodiscard]] TARN_FORCE_INLINE std::uint32_t place_of(std::uint32_t index) const noexcept {
    return index & ((std::uint32_t{1} << place_bits_) - 1);
  }

  std::uint32_t place_bits_ = 0;
  std::uint32_t count_ = 0;  // numbers given out; lock: tier
  typename Env::template atomic<slab_type**> rows_[rows] = {};
};

}  // namespace tarn::detail
