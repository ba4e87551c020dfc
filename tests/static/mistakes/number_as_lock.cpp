// SPDX-License-Identifier: MIT
// says: the lock must be tarn::thread_cached<>, tarn::per_cpu<>, tarn::lock_free, tarn::no_lock, or
// a type with lock(), try_lock() and unlock(), as std::mutex
#include <tarn/byte_pool.hpp>

tarn::byte_pool<int> pool;
