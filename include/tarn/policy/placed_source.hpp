// SPDX-License-Identifier: MIT
//
// placed_source: huge pages, and the memory of one node.
//
//   tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
//                   tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::placed_source>>
//       pool({.slab_bytes = tarn::placed_source::huge_bytes}, {}, {.huge = true, .node = 0});

#pragma once

#include <cstddef>
#include <new>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/system/placed_pages.hpp>
#include <tarn/policy/source.hpp>

namespace tarn {

/// Takes whole pages from the system as `page_source`, from where the user wants them.
///
/// `huge`: memory of 2 MiB and more begins at a multiple of 2 MiB, and the system is asked to use
/// huge pages for it (`madvise(MADV_HUGEPAGE)`), so a processor needs fewer entries for addresses.
/// That is for slabs: choose `options::slab_bytes` of 2 MiB or more. A purge breaks huge pages up.
/// `node`: the memory comes from this node of processors and memory (`mbind`), if it has some left.
///
/// These are wishes. Where the system does not know or refuses them, memory is what `page_source`
/// gives; so it is on all systems but Linux. With `strict` such a request fails instead, and so
/// does one for huge pages below 2 MiB; memory of other nodes is never used then, and the system
/// ends a program that touches new memory of a node that is full. That a huge page is there is
/// certain only after the touch: the system may be set to ignore the advice
/// (`/sys/kernel/mm/transparent_hugepage/enabled`).
///
/// Each call is up to three system calls. Complexity: O(1). Thread safety: any thread.
struct placed_source {
  static constexpr std::size_t huge_bytes = detail::huge_page;
  static constexpr int any_node = -1;
  static constexpr bool is_purgeable = true;
  static constexpr bool is_below_heap = true;

  bool huge = true;
  int node = any_node;  ///< as in `/sys/devices/system/node`
  bool strict = false;

  /// Throws: `std::bad_alloc` if the system has no memory, or refuses a wish that is `strict`.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if constexpr (!detail::has_mmap) {
      if (strict) throw std::bad_alloc();
      return page_source{}.allocate(bytes, alignment);
    }
    const auto aligned = alignment_of(bytes, alignment);
    void* const pages = detail::map_aligned(bytes, aligned);
    if (pages == nullptr) throw std::bad_alloc();
    const auto mapped = detail::page_bytes(bytes, aligned);
    const bool is_huge = !huge || (bytes >= huge_bytes && detail::advise_huge(pages, mapped));
    const bool is_there = node == any_node || detail::place_on_node(pages, mapped, node, strict);
    if (!strict || (is_huge && is_there)) return pages;
    detail::unmap_aligned(pages, bytes, aligned);
    throw std::bad_alloc();
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (!detail::has_mmap) return page_source{}.deallocate(p, bytes, alignment);
    detail::unmap_aligned(p, bytes, alignment_of(bytes, alignment));
  }

 private:
  [[nodiscard]] std::size_t alignment_of(std::size_t bytes, std::size_t alignment) const noexcept {
    return huge && bytes >= huge_bytes ? detail::max_of(alignment, huge_bytes) : alignment;
  }
};

}  // namespace tarn
