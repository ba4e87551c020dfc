// SPDX-License-Identifier: MIT
#include <type_traits>
#include <vector>

#include <tarn/object_pool.hpp>

#include "combinations.hpp"

namespace {

struct object_pool_case {
  template <class Policy>
  static void run() {
    tarn::object_pool<std::vector<int>, typename Policy::lock, typename Policy::stats> pool;
    const int* data = nullptr;
    {
      auto numbers = pool.get();
      numbers->assign(10, 7);
      data = numbers->data();
      CHECK(pool.occupancy().in_use() == 1);
    }
    auto again = pool.get();
    CHECK(again->empty());
    CHECK(again->capacity() >= 10);
    CHECK(again->data() == data);
    again.reset();
    CHECK(pool.occupancy().in_use() == 0);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().tiers[0].gets == 2);
      CHECK(pool.snapshot().constructed == 1);
      constexpr bool records = std::is_same_v<typename Policy::stats, tarn::recording_stats>;
      CHECK(pool.snapshot().acquire_times.empty() == !records);
    }
  }
};

const bool object_pool_registered = test::register_all<object_pool_case>(
    "object_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
