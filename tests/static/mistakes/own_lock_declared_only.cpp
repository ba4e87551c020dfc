// SPDX-License-Identifier: MIT
// says: the lock is only declared here: include its header, <tarn/policy/spin_lock.hpp> for
// tarn::spin_lock
#include <tarn/object_pool.hpp>

struct own_lock;
tarn::object_pool<int, own_lock> pool;
