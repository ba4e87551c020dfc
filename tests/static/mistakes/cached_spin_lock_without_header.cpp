// SPDX-License-Identifier: MIT
// says: the lock is only declared here: include its header, <tarn/policy/spin_lock.hpp> for
// tarn::spin_lock
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::thread_cached<tarn::spin_lock>> pool;
