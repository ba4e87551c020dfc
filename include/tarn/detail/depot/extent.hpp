// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace tarn::detail {

/// Numbers of blocks above the last tier; exact under the lock.
struct large_numbers {
  std::uint64_t gets = 0;
  std::uint64_t puts = 0;
  std::uint64_t reused = 0;
  std::uint64_t discarded = 0;
  std::uint64_t in_use = 0;
  std::uint64_t kept = 0;
  std::size_t in_use_bytes = 0;
  std::size_t kept_bytes = 0;
  std::uint64_t fresh_bytes = 0;      // of the gets that the source served
  std::uint64_t reused_bytes = 0;     // of all others
  std::uint64_t discarded_bytes = 0;  // of the discarded
};

/// The true extent of one block above the last tier.
struct extent {
  void* block = nullptr;
  std::size_t bytes = 0;
  std::size_t alignment = 0;
  extent* next = nullptr;
};

/// Extents of blocks that are out, by address. Guarded by its owner.
class extent_map {
 public:
  void push(extent* e) noexcept {
    extent*& list = slots_[slot_of(e->block)];
    e->next = list;
    list = e;
  }

  [[nodiscard]] const extent* find(const void* block) const noexcept {
    const extent* e = slots_[slot_of(block)];
    while (e != nullptr && e->block != block)
      e = e->next;
    return e;
  }

  /// Takes the extent of `block` out; null if there is none.
  [[nodiscard]] extent* pop(const void* block) noexcept {
    for (extent** place = &slots_[slot_of(block)]; *place != nullptr; place = &(*place)->next) {
      if ((*place)->block != block) continue;
      extent* const found = *place;
      *place = found->next;
      return found;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t slots = 256;

  [[nodiscard]] static std::size_t slot_of(const void* block) noexcept {
    const auto bits = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(block));
    return static_cast<std::size_t>((bits * 0x9e3779b97f4a7c15u) >> 56);  // Fibonacci hashing
  }

  extent* slots_[slots] = {};
};

}  // namespace tarn::detail
