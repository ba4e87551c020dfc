// SPDX-License-Identifier: MIT
// says: checked_with: name each part once
#include <tarn/byte_pool.hpp>
#include <tarn/policy/check_parts.hpp>

tarn::byte_pool<
    tarn::no_lock, tarn::no_stats,
    tarn::traits<tarn::small_tiers, tarn::checked_with<tarn::fill_blocks, tarn::fill_blocks>>>
    pool;
