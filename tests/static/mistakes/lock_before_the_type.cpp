// SPDX-License-Identifier: MIT
// says: a stats policy stands in the place of the lock: first Lock, then Stats
#include <tarn/object_pool.hpp>

#include <mutex>

tarn::object_pool<std::mutex, tarn::counting_stats> pool;
