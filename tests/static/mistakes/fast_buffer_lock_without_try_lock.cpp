// SPDX-License-Identifier: MIT
// says: the lock needs a try_lock() that returns a bool, beside lock() and unlock()
#include <tarn/fast_buffer.hpp>

struct own_lock {
  void lock();
  void unlock();
};

tarn::basic_fast_buffer<own_lock> text;
