// SPDX-License-Identifier: MIT
//
// static_storage: memory of the program itself as a source, for pools without heap.
//
//   alignas(64 << 10) static tarn::static_storage<1 << 20> storage;
//   using source = tarn::source_ref<tarn::static_storage<1 << 20>>;
//   using frames = tarn::byte_pool<std::mutex, tarn::no_stats,
//                                  tarn::traits<tarn::fixed_tiers<256>, tarn::no_check, source>>;
//   frames pool({}, {}, storage);

#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/guard.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/value/options.hpp>

namespace tarn {

/// `Bytes` bytes inside the object, for pools that must not use the heap: give a pool a
/// `source_ref` to it. What the pool keeps beside its blocks is pages of the system then.
///
/// A pool takes whole slabs, aligned to their size (`options::slab_bytes`, at least 64 KiB). So
/// align the object to that: otherwise up to one slab is lost. It is divided into units of 4 KiB.
///
/// Throws: `std::bad_alloc` if no free part is large enough. Complexity: O(Bytes / 4 KiB) for each
///   slab. Thread safety: any thread may call any member.
template <std::size_t Bytes>
class static_storage {
  static_assert(
      Bytes >= options::min_slab_bytes && Bytes % 4096 == 0,
      "static_storage: Bytes must be a multiple of 4096, and at least the 65536 of a slab");

 public:
  static constexpr bool is_below_heap = true;

  constexpr static_storage() noexcept = default;
  static_storage(const static_storage&) = delete;
  static_storage& operator=(const static_storage&) = delete;

  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if (bytes == 0 || bytes > Bytes) throw std::bad_alloc();
    const std::size_t wanted = (bytes + unit - 1) / unit;
    const detail::guard<system_mutex> hold(lock_);
    for (std::size_t at = aligned(0, alignment); at + wanted <= units;) {
      std::size_t free = 0;
      while (free != wanted && !is_taken(at + free))
        ++free;
      if (free == wanted) {
        mark(at, wanted, true);
        used_ += wanted * unit;
        return memory_ + at * unit;
      }
      at = aligned(at + free + 1, alignment);
    }
    throw std::bad_alloc();
  }
  void deallocate(void* p, std::size_t bytes, std::size_t) noexcept {
    const auto at = static_cast<std::size_t>(static_cast<std::byte*>(p) - memory_) / unit;
    const std::size_t count = (bytes + unit - 1) / unit;
    const detail::guard<system_mutex> hold(lock_);
    mark(at, count, false);
    used_ -= count * unit;
  }
  /// Whether `p` lies in this storage.
  [[nodiscard]] bool owns(const void* p) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    const auto first = reinterpret_cast<std::uintptr_t>(memory_);
    return at - first < Bytes;
  }
  /// Bytes that pools have.
  [[nodiscard]] std::size_t used() const noexcept {
    const detail::guard<system_mutex> hold(lock_);
    return used_;
  }

 private:
  static constexpr std::size_t unit = 4096;
  static constexpr std::size_t units = Bytes / unit;

  /// The first unit from `at` on whose address is aligned.
  [[nodiscard]] std::size_t aligned(std::size_t at, std::size_t alignment) const noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(memory_);
    const std::uintptr_t address = first + at * unit;
    const std::uintptr_t up = (address + alignment - 1) & ~(std::uintptr_t{alignment} - 1);
    return (up - first + unit - 1) / unit;
  }
  [[nodiscard]] bool is_taken(std::size_t at) const noexcept {
    return (taken_[at / 64] >> at % 64 & 1) != 0;
  }
  void mark(std::size_t at, std::size_t count, bool taken) noexcept {
    for (; count != 0; ++at, --count) {
      const auto bit = std::uint64_t{1} << at % 64;
      taken_[at / 64] = taken ? taken_[at / 64] | bit : taken_[at / 64] & ~bit;
    }
  }

  alignas(unit) std::byte memory_[Bytes] = {};
  mutable system_mutex lock_;
  std::uint64_t taken_[(units + 63) / 64] = {};  // guarded by lock_, as the next
  std::size_t used_ = 0;
};

}  // namespace tarn
