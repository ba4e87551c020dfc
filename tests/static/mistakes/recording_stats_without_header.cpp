// SPDX-License-Identifier: MIT
// says: the stats policy is only declared here: include its header,
// <tarn/policy/recording_stats.hpp> for tarn::recording_stats
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock, tarn::recording_stats> pool;
