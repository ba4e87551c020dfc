// SPDX-License-Identifier: MIT
// says: thread_cached<L> needs a lock for its depots: tarn::thread_cached<>, or
// thread_cached<std::mutex>; lock_free stands alone
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::thread_cached<tarn::lock_free>> pool;
