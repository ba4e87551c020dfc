// SPDX-License-Identifier: MIT
// says: the tier table is only declared here: include its header, <tarn/policy/runtime_tiers.hpp>
// for tarn::runtime_tiers
#include <tarn/byte_pool.hpp>

tarn::byte_pool_of<tarn::runtime_tiers> pool;
