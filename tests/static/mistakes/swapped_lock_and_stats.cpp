// SPDX-License-Identifier: MIT
// says: a stats policy stands in the place of the lock: first Lock, then Stats
#include <tarn/byte_pool.hpp>

#include <mutex>

tarn::byte_pool<tarn::counting_stats, std::mutex> pool;
