// SPDX-License-Identifier: MIT
// says: the source must be movable, because a pool keeps it by value: for one that stays where it
// is, take tarn::source_ref<Source>
#include <tarn/byte_pool.hpp>

struct own_source {
  own_source() = default;
  own_source(const own_source&) = delete;
  void* allocate(std::size_t, std::size_t) { return nullptr; }
  void deallocate(void*, std::size_t, std::size_t) noexcept {}
};
tarn::byte_pool<tarn::no_lock, tarn::no_stats,
                tarn::traits<tarn::small_tiers, tarn::no_check, own_source>>
    pool;
