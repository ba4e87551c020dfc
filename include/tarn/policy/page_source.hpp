// SPDX-License-Identifier: MIT
//
// Memory straight from the system, in whole pages.

#pragma once

#include <cstddef>
#include <new>

#include <tarn/detail/pages.hpp>
#include <tarn/policy/source.hpp>

namespace tarn {

/// Takes whole pages from the system and gives them back to it at once.
///
/// For large slabs that must not stay in the heap once they are free, and for memory that is zero
/// when it comes. Every call is a system call: choose large slabs. Requests are rounded up to
/// pages of 4 KiB, or of 64 KiB when aligned to more than 4 KiB; only touched pages cost memory.
/// Where pages cannot be mapped it is `heap_source`, and fresh memory is not zero.
///
/// Leak checkers that scan the heap do not see pointers that are kept in such memory.
struct page_source {
  /// Throws: `std::bad_alloc` if the system refuses.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if constexpr (detail::has_mmap) {
      void* const p = detail::map_aligned(bytes, alignment);
      if (p == nullptr) throw std::bad_alloc();
      return p;
    } else {
      return heap_source{}.allocate(bytes, alignment);
    }
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (detail::has_mmap) {
      detail::unmap_aligned(p, bytes, alignment);
    } else {
      heap_source{}.deallocate(p, bytes, alignment);
    }
  }
};

}  // namespace tarn
