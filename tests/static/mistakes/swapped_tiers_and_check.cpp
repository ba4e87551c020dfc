// SPDX-License-Identifier: MIT
// says: something else stands in the place of the tier table: traits<Tiers, Check, Source>, in this
// order
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::traits<tarn::checked, tarn::small_tiers>> pool;
