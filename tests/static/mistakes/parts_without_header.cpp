// SPDX-License-Identifier: MIT
// says: the check policy is only declared here: include its header, <tarn/policy/check_parts.hpp>
// for tarn::checked_with
#include <tarn/byte_pool.hpp>

tarn::byte_pool<
    tarn::no_lock, tarn::no_stats,
    tarn::traits<tarn::small_tiers, tarn::checked_with<tarn::fill_blocks, tarn::fence_blocks>>>
    pool;
