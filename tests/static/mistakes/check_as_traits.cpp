// SPDX-License-Identifier: MIT
// says: byte_pool: the third argument (after Lock and Stats) must be tarn::traits<Tiers, Check,
// Source>, as in tarn::traits<tarn::small_tiers>
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::checked> pool;
