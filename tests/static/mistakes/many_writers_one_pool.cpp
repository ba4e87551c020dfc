// SPDX-License-Identifier: MIT
// says: concurrent_fast_buffer: what several threads append to needs a pool for several threads
#include <tarn/concurrent_fast_buffer.hpp>

#include <mutex>

using pool = tarn::byte_pool<tarn::no_lock>;
void use(pool& p) {
  tarn::basic_concurrent_fast_buffer<std::mutex, tarn::no_stats, tarn::fast_buffer_traits<pool>>
      text(p);
}
