// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The true extent of one block above the last tier, and its links in the tables of its pool.
///
/// It lies beside the block, never in it. Guarded by the owner of the tables.
struct extent {
  void* block = nullptr;
  std::size_t bytes = 0;
  std::size_t alignment = 0;
  /// While the block is out: the next with the same hash. While it is kept: the one that came
  /// before.
  extent* next = nullptr;

  // The members below are used only while the block is kept.
  extent* newer = nullptr;        ///< the extent that came just after it
  extent* twin_before = nullptr;  ///< a ring of the extents of the same size and alignment,
  extent* twin_after = nullptr;   ///< from the oldest, which stands in the tree, to the newest
  extent* left = nullptr;
  extent* right = nullptr;
  extent* up = nullptr;
  std::uint64_t priority = 0;  ///< 0: a twin is in the tree instead
  std::uint64_t tick = 0;      ///< the tick in which it came
};

}  // namespace tarn::detail
