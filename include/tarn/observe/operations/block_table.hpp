// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/detail/base/align.hpp>

namespace tarn::detail {

/// Numbers by address, up to a bound. All memory is taken when it is made.
///
/// Open addressing with linear probing, at most two thirds full; what is taken out leaves no mark:
/// those behind it move up. Source: Knuth, TAOCP vol. 3, algorithm 6.4R.
class block_table {
 public:
  explicit block_table(std::size_t most)
      : most_(most), slots_(std::bit_ceil(most + most / 2 + 1)), mask_(slots_.size() - 1) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_full() const noexcept { return size_ == most_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.size() * sizeof(slot); }

  /// The number of `address`; null if it is not here.
  [[nodiscard]] const std::uint64_t* find(std::uintptr_t address) const noexcept {
    const auto& s = slots_[place_of(address)];
    return s.address == address ? &s.number : nullptr;
  }
  /// Preconditions: not full, `address` is not here and not 0.
  void insert(std::uintptr_t address, std::uint64_t number) noexcept {
    slots_[place_of(address)] = {address, number};
    ++size_;
  }
  /// Preconditions: `address` is here.
  void erase(std::uintptr_t address) noexcept {
    auto hole = place_of(address);
    for (auto at = hole;;) {
      at = (at + 1) & mask_;
      if (slots_[at].address == 0) break;
      // It may move up unless its home lies behind the hole, up to where it is.
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
    // Fibonacci hashing, with the high bits: addresses differ in their middle.
    return cast_to<std::size_t>((std::uint64_t{address} * 0x9e37'79b9'7f4a'7c15u) >> 32) & mask_;
  }
  /// Where it is, or where it would go.
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
