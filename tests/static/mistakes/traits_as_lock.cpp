// SPDX-License-Identifier: MIT
// says: traits stand in the place of the lock: first Lock, then Stats, then the traits
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::traits<tarn::small_tiers>> pool;
