// SPDX-License-Identifier: MIT
// says: the stats policy must be tarn::no_stats, tarn::counting_stats, tarn::recording_stats, or a
// type of your own with a static constexpr bool counts
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock, int> pool;
