// SPDX-License-Identifier: MIT
// says: per_cpu<L> needs a lock for its depots: tarn::per_cpu<>, or per_cpu<std::mutex>; lock_free
// stands alone
#include <tarn/byte_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

tarn::byte_pool<tarn::per_cpu<tarn::lock_free>> pool;
