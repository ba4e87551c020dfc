// SPDX-License-Identifier: MIT
// says: deallocate() of the source must be noexcept: giving memory back can't fail
#include <tarn/byte_pool.hpp>

struct own_source {
  void* allocate(std::size_t, std::size_t) { return nullptr; }
  void deallocate(void*, std::size_t, std::size_t) {}
};
tarn::byte_pool<tarn::no_lock, tarn::no_stats,
                tarn::traits<tarn::small_tiers, tarn::no_check, own_source>>
    pool;
