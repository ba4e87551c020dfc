// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The true extent of one block above the last tier, and its places in the books of its pool.
///
/// It lies beside the block, never in it. Guarded by the owner of the books.
struct extent {
  void* block = nullptr;
  std::size_t bytes = 0;
  std::size_t alignment = 0;
  /// Of what is out: the next with the same hash. Of what is kept: the one that came just before.
  extent* next = nullptr;

  // The rest only while it is kept.
  extent* newer = nullptr;        ///< the one that came just after it
  extent* twin_before = nullptr;  ///< a ring of those with the same size and alignment,
  extent* twin_after = nullptr;   ///< from the oldest, which stands in the tree, to the newest
  extent* left = nullptr;
  extent* right = nullptr;
  extent* up = nullptr;
  std::uint64_t priority = 0;  ///< 0: not in the tree, a twin is
  std::uint64_t tick = 0;      ///< in which it came
};

}  // namespace tarn::detail
