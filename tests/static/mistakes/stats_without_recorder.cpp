// SPDX-License-Identifier: MIT
// says: the stats policy needs a member template recorder<Counter>
#include <tarn/byte_pool.hpp>

struct own_stats {
  static constexpr bool counts = true;
};
tarn::byte_pool<tarn::no_lock, own_stats> pool;
