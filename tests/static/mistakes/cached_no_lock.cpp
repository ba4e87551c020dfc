// SPDX-License-Identifier: MIT
// says: the depots of thread_cached<L> are shared by threads: L must be a real lock, or the pool's
// lock plain tarn::no_lock
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::thread_cached<tarn::no_lock>> pool;
