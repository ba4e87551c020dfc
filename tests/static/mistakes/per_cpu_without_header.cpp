// SPDX-License-Identifier: MIT
// says: the lock is only declared here: include its header, <tarn/policy/per_cpu.hpp>
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::per_cpu<>> pool;
