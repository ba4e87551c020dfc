// SPDX-License-Identifier: MIT
// says: checked_with: a part of a check needs a static on_get, on_put or on_idle that takes a const
// tarn::checked_block&, or a static constexpr room_bytes
#include <tarn/byte_pool.hpp>
#include <tarn/policy/check_parts.hpp>

struct nothing {};

tarn::byte_pool<tarn::no_lock, tarn::no_stats,
                tarn::traits<tarn::small_tiers, tarn::checked_with<nothing>>>
    pool;
