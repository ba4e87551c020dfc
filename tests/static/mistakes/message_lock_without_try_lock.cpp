// SPDX-License-Identifier: MIT
// says: the lock needs a try_lock() that returns a bool, beside lock() and unlock()
#include <tarn/message_pool.hpp>

struct own_lock {
  void lock();
  void unlock();
};

tarn::message_pool<tarn::message, own_lock> pool;
