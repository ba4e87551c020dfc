// SPDX-License-Identifier: MIT
// says: the lock needs a default constructor: a pool makes one for each tier
#include <tarn/byte_pool.hpp>

struct own_lock {
  explicit own_lock(const char*);
  void lock();
  bool try_lock();
  void unlock();
};
tarn::byte_pool<own_lock> pool;
