// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn {

/// Blocks above the last tier. The source or the large cache serves them.
struct large_snapshot {
  std::uint64_t gets = 0;  ///< oversize requests
  std::uint64_t puts = 0;
  std::uint64_t reused = 0;     ///< gets that the large cache served
  std::uint64_t discarded = 0;  ///< puts that the large cache did not keep
  std::uint64_t in_use = 0;
  std::size_t in_use_bytes = 0;
  std::uint64_t kept = 0;  ///< idle in the large cache
  std::size_t kept_bytes = 0;
  std::size_t max_kept_bytes = 0;     ///< bound of the large cache; 0: there is no cache
  std::uint64_t fresh_bytes = 0;      ///< of the gets that the source served
  std::uint64_t reused_bytes = 0;     ///< of the gets that the large cache served
  std::uint64_t discarded_bytes = 0;  ///< of the discarded blocks
  std::uint64_t aged = 0;             ///< left the large cache, not needed for long: `maintain`
  std::uint64_t aged_bytes = 0;
  std::uint64_t purged = 0;        ///< kept blocks that lost their pages
  std::uint64_t purged_bytes = 0;  ///< of the purged pages
  std::uint64_t kept_purged = 0;   ///< kept blocks without pages until a get
  std::size_t kept_purged_bytes = 0;
  std::size_t most_in_use_bytes = 0;  ///< exact high-water mark of `in_use_bytes`

  /// The counters that never fall.
  using self = large_snapshot;
  static constexpr std::uint64_t self::* counts[] = {
      &self::gets,        &self::puts,         &self::reused,          &self::discarded,
      &self::fresh_bytes, &self::reused_bytes, &self::discarded_bytes, &self::aged,
      &self::aged_bytes,  &self::purged,       &self::purged_bytes};
};

}  // namespace tarn
