// SPDX-License-Identifier: MIT
// says: the tier table must be one of policy/tiers.hpp, as tarn::fixed_tiers<100, 1000>, or a type
// of your own with count(), size_of(i) and tier_for(n)
#include <tarn/byte_pool.hpp>

tarn::byte_pool_of<int> pool;
