// SPDX-License-Identifier: MIT
#pragma once

// Where pages lie: huge pages, and nodes of processors and memory. Linux; elsewhere all is refused.

#include <cstddef>

#include <tarn/detail/system/system.hpp>

#if defined(__linux__) && __has_include(<sys/syscall.h>)
#include <sys/syscall.h>
#endif

namespace tarn::detail {

/// The size and alignment from which on the system can use a huge page: that of x86-64, and of
/// aarch64 with pages of 4 KiB.
inline constexpr std::size_t huge_page = std::size_t{2} << 20;
/// Node numbers that can be asked for; what Linux can be built for at most.
inline constexpr int most_nodes = 1024;

#if defined(__linux__) && defined(SYS_mbind)
/// Asks for huge pages wherever they fit into whole pages. Returns: false if the system has none.
[[nodiscard]] inline bool advise_huge(void* pages, std::size_t bytes) noexcept {
  return ::madvise(pages, bytes, 14) == 0;  // MADV_HUGEPAGE; not all headers name it
}

/// Takes the memory of pages that were not touched yet from a node, or `only` from there. Returns:
/// false if the system refuses, as it does for a node without memory.
[[nodiscard]] inline bool place_on_node(void* pages, std::size_t bytes, int node,
                                        bool only) noexcept {
  if (node < 0 || node >= most_nodes) return false;
  constexpr int word_bits = 8 * static_cast<int>(sizeof(unsigned long));
  unsigned long nodes[most_nodes / word_bits] = {};
  nodes[node / word_bits] = 1ul << node % word_bits;
  constexpr long preferred = 1;  // MPOL_PREFERRED and MPOL_BIND of <linux/mempolicy.h>
  constexpr long bound = 2;
  // The last but one argument is one more than the number of bits: an old slip of the system's.
  return ::syscall(SYS_mbind, pages, bytes, only ? bound : preferred, nodes, most_nodes + 1ul,
                   0ul) == 0;
}
#else
[[nodiscard]] inline bool advise_huge(void*, std::size_t) noexcept { return false; }
[[nodiscard]] inline bool place_on_node(void*, std::size_t, int, bool) noexcept { return false; }
#endif

}  // namespace tarn::detail
