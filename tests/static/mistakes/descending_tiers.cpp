// SPDX-License-Identifier: MIT
// says: the sizes of fixed_tiers must ascend without duplicates
#include <tarn/byte_pool.hpp>

tarn::byte_pool_of<tarn::fixed_tiers<200, 100>> pool;
