// SPDX-License-Identifier: MIT
// says: the source needs void* allocate(std::size_t bytes, std::size_t alignment)
#include <tarn/byte_pool.hpp>

struct own_source {
  void deallocate(void*, std::size_t, std::size_t) noexcept {}
};
tarn::byte_pool<tarn::no_lock, tarn::no_stats,
                tarn::traits<tarn::small_tiers, tarn::no_check, own_source>>
    pool;
