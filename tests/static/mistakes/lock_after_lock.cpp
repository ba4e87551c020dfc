// SPDX-License-Identifier: MIT
// says: a lock stands in the place of the stats policy: first Lock, then Stats
#include <tarn/byte_pool.hpp>

#include <mutex>

tarn::byte_pool<tarn::no_lock, std::mutex> pool;
