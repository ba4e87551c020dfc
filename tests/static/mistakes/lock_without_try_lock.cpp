// SPDX-License-Identifier: MIT
// says: the lock needs a try_lock() that returns a bool, beside lock() and unlock()
#include <tarn/byte_pool.hpp>

struct own_lock {
  void lock();
  void unlock();
};

tarn::byte_pool<own_lock> pool;
