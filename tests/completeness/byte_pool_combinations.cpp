// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <tarn/arena.hpp>
#include <tarn/array_handle.hpp>
#include <tarn/block_cache.hpp>
#include <tarn/byte_pool.hpp>
#include <tarn/observe/bounds_advice.hpp>
#include <tarn/policy/type_tiers.hpp>
#include <tarn/value/closing_report.hpp>

#include "combinations.hpp"

namespace {

std::size_t bytes_at_close = 0;

struct byte_pool_case {
  template <class Policy>
  static void run() {
    tarn::byte_pool<typename Policy::lock, typename Policy::stats> pool(
        {.max_objects_by_tier = {16, 8}, .closing = tarn::closing::report});
    CHECK(pool.occupancy().tiers[0].max_idle == 16);
    CHECK(pool.occupancy().tiers[14].max_idle == 8);
    auto held = pool.get(100);
    REQUIRE(held.size() == 100);
    std::memset(held.data(), 0x5a, held.size());
    const std::byte* first = nullptr;
    {
      const auto passing = pool.get(100);
      first = passing.data();
      CHECK(first != held.data());
    }
    CHECK(pool.get(100).data() == first);
    CHECK(held[99] == std::byte{0x5a});
    CHECK(pool.occupancy().in_use() == 1);
    CHECK(pool.occupancy().most_held_bytes == pool.occupancy().slab_bytes);
    CHECK(pool.block_size(held.data()) == 128);
    held.reset();
    CHECK(tarn::make_array<int>(pool, 5, 7)[4] == 7);
    {
      tarn::arena scratch(pool, 100);
      CHECK(*scratch.template make<int>(7) == 7);
    }
    {
      tarn::block_cache cache(pool, 100, 4);
      cache.put(cache.get());
      CHECK(cache.size() == 2);
    }
    CHECK(pool.occupancy().in_use() == 0);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().tiers[0].gets == 7);
      CHECK(pool.snapshot().tiers[0].puts == 7);
      constexpr bool records = std::is_same_v<typename Policy::stats, tarn::recording_stats>;
      CHECK(pool.snapshot().acquire_times.empty() == !records);
      const auto advice = tarn::advise_bounds(pool.snapshot());
      CHECK(advice.max_objects_by_tier.size() == 15);
      CHECK(advice.limit_bytes >= pool.snapshot().most_held_bytes);
    }
    tarn::byte_pool_of<tarn::type_tiers<char[1000], int>, typename Policy::lock,
                       typename Policy::stats>
        typed;
    CHECK(typed.get(sizeof(int)).capacity() == 16);
    CHECK(typed.get(1000).capacity() == 1024);
    held = pool.get(1000);
    const auto before = tarn::set_closing_handler(
        [](const tarn::closing_report& r) noexcept { bytes_at_close = r.bytes; });
    pool.close();
    tarn::set_closing_handler(before);
    CHECK(bytes_at_close == 1024);
  }
};

const bool byte_pool_registered =
    test::register_all<byte_pool_case>("byte_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
