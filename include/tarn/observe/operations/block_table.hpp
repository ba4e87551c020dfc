// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// A map from addresses to numbers, of bounded size. The constructor takes all memory.
///
/// Open addressing with linear probing, at most two thirds full. A removal leaves no mark: it moves
/// later entries up. Source: Knuth, TAOCP vol. 3, algorithm 6.4R.
class block_table {
 public:
  explicit block_table(std::size_t most)
      : most_(most), slots_(std::bit_ceil(most + most / 2 + 1)), mask_(slots_.size() - 1) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_full() const noexcept { return size_ == most_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.size() * sizeof(slot); }

  /// The number of `address`; null if the table does not have it.
  [[nodiscard]] const std::uint64_t* find(std::uintptr_t address) const noexcept {
    const auto& s = slots_[place_of(address)];
    return s.address == address ? &s.number : nullptr;
  }
  /// Preconditions: not full; `address` is not 0 and not in the table.
  void insert(std::uintptr_t address, std::uint64_t number) noexcept {
    slots_[place_of(address)] = {address, number};
    ++size_;
  }
  /// Preconditions: `address` is in the table.
  void erase(std::uintptr_t address) noexcept {
    auto hole = place_of(address);
    for (auto at = hole;;) {
      at = (at + 1) & mask_;
      if (slots_[at].address == 0) break;
      // The entry may move into the hole unless its home is between the hole and its slot.
      const auto from_home = (at - home_of(slots_[at].address)) & mask_;
      if (from_home < ((at - hole) & mask_)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

 private:
  struct slot {
    std::uintptr_t address = 0;  // 0: free
    std::uint64_t number = 0;
  };

  [[nodiscard]] std::size_t home_of(std::uintptr_t address) const noexcept {
    // Fibonacci hashing, with the high bits: addresses differ in their middle bits.
    return cast_to<std::size_t>((std::uint64_t{address} * 0x9e37'79b9'7f4a'7c15u) >> 32) & mask_;
  }
  /// The slot of `address`, or the free slot for it.
  [[nodiscard]] std::size_t place_of(std::uintptr_t address) const noexcept {
    auto at = home_of(address);
    while (slots_[at].address != 0 && slots_[at].address != address)
      at = (at + 1) & mask_;
    return at;
  }

  std::size_t most_;
  std::size_t size_ = 0;
  std::vector<slot> slots_;
  std::size_t mask_;
};

}  // namespace tarn::detail
