// SPDX-License-Identifier: MIT
// says: the ends of power_of_two_tiers must be powers of two
#include <tarn/byte_pool.hpp>

tarn::byte_pool_of<tarn::power_of_two_tiers<100, 1024>> pool;
