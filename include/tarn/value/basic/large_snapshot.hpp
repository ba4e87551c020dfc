// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>

namespace tarn {

/// Blocks above the last tier, which pass through to the source or to the large cache.
struct large_snapshot {
  std::uint64_t gets = 0;  ///< oversize requests
  std::uint64_t puts = 0;
  std::uint64_t reused = 0;     ///< of the gets, served by the large cache
  std::uint64_t discarded = 0;  ///< of the puts, not kept although there is a cache
  std::uint64_t in_use = 0;
  std::size_t in_use_bytes = 0;
  std::uint64_t kept = 0;  ///< idle in the large cache
  std::size_t kept_bytes = 0;
  std::uint64_t fresh_bytes = 0;      ///< of the gets that the source served
  std::uint64_t reused_bytes = 0;     ///< of the gets that the large cache served
  std::uint64_t discarded_bytes = 0;  ///< of the discarded
  std::uint64_t aged = 0;             ///< were kept, but not needed for long: `maintain`
  std::uint64_t aged_bytes = 0;
  std::uint64_t purged = 0;        ///< only their pages went: the blocks stay kept
  std::uint64_t purged_bytes = 0;  ///< of those pages
  std::uint64_t kept_purged = 0;   ///< of the kept, without memory of their own until a get
  std::size_t kept_purged_bytes = 0;

  /// Those that only grow.
  using self = large_snapshot;
  static constexpr std::uint64_t self::* counts[] = {
      &self::gets,        &self::puts,         &self::reused,          &self::discarded,
      &self::fresh_bytes, &self::reused_bytes, &self::discarded_bytes, &self::aged,
      &self::aged_bytes,  &self::purged,       &self::purged_bytes};
};

}  // namespace tarn
