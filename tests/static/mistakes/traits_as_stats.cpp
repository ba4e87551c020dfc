// SPDX-License-Identifier: MIT
// says: traits stand in the place of the stats policy: first Lock, then Stats, then the traits
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock, tarn::traits<tarn::small_tiers>> pool;
