// SPDX-License-Identifier: MIT
// says: can_wait_for_other_threads
#include <chrono>

#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::no_lock> pool;
auto b = pool.get_for(100, std::chrono::seconds(1));
