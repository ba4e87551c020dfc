// SPDX-License-Identifier: MIT
#include <tarn/object_pool.hpp>
#include <tarn/variant_pool.hpp>
#include <tarn/visit.hpp>

#include "combinations.hpp"

namespace {

/// Counts how many of it exist.
struct counted {
  explicit counted(int v) : value(v) { ++alive; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { --alive; }

  int value;
  static inline int alive = 0;
};

struct built_pool_case {
  template <class Policy>
  static void run() {
    tarn::built_pool<counted, typename Policy::lock, typename Policy::stats> pool;
    const counted* place = nullptr;
    {
      const auto one = pool.make(7);
      place = one.get();
      CHECK(one->value == 7);
      CHECK(counted::alive == 1);
      CHECK(pool.occupancy().in_use() == 1);
    }
    CHECK(counted::alive == 0);
    auto again = pool.make(8);
    CHECK(again.get() == place);
    CHECK(again->value == 8);
    again.reset();
    CHECK(counted::alive == 0);
    tarn::basic_variant_pool<tarn::type_tiers<counted, double>, typename Policy::lock,
                             typename Policy::stats>
        several;
    const auto number = several.template make<double>(0.5);
    CHECK(several.template make<counted>(9)->value == 9);
    CHECK(counted::alive == 0);
    CHECK(several.sized().occupancy().in_use() == 1);
    CHECK(pool.occupancy().in_use() == 0);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().tiers[0].gets == 2);
      CHECK(pool.snapshot().total().misses == 1);
    }
    if constexpr (tarn::is_concurrent_v<typename Policy::lock>) {
      CHECK(pool.make_for({}, 3)->value == 3);
    } else {
      const auto last = pool.make(4);
      int sum = 0;
      tarn::for_each_live(pool, [&](const counted& object) { sum += object.value; });
      CHECK(sum == 4);
    }
  }
};

const bool built_pool_registered = test::register_all<built_pool_case>(
    "built_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
