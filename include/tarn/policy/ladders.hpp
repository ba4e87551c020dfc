// SPDX-License-Identifier: MIT
//
// Ready tier tables, each for a kind of traffic. tests/static lists every one of them.

#pragma once

#include <cstddef>

#include <tarn/policy/tiers.hpp>

namespace tarn {

namespace detail {
inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;
}  // namespace detail

/// 1, 4, 16, 32, 64, 128 and 256 KiB: network streams, where a read is a few pages.
using stream_tiers =
    fixed_tiers<1 * detail::kib, 4 * detail::kib, 16 * detail::kib, 32 * detail::kib,
                64 * detail::kib, 128 * detail::kib, 256 * detail::kib>;

/// 512 B and 1 KiB, then times four up to 16 MiB: record batches, from one record to a segment.
using kafka_tiers =
    fixed_tiers<512, 1 * detail::kib, 4 * detail::kib, 16 * detail::kib, 64 * detail::kib,
                256 * detail::kib, 1 * detail::mib, 4 * detail::mib, 16 * detail::mib>;

/// 4 KiB to 4 MiB, doubling: whole pages. For larger sizes turn on the cache for large blocks.
using page_tiers = power_of_two_tiers<4 * detail::kib, 4 * detail::mib>;

/// 32 B to 64 KiB, doubling: small objects and messages.
using small_tiers = power_of_two_tiers<32, 64 * detail::kib>;

/// 512 B, 4 KiB and 16 KiB: the values of a cache.
using cache_tiers = fixed_tiers<512, 4 * detail::kib, 16 * detail::kib>;

}  // namespace tarn
