// SPDX-License-Identifier: MIT
// says: the lock is only declared here: include its header, <tarn/policy/lock_free.hpp>
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::lock_free> pool;
