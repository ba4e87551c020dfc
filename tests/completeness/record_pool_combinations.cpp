// SPDX-License-Identifier: MIT
#include <cstddef>

#include <tarn/record_batch.hpp>

#include "combinations.hpp"

namespace {

struct record_pool_case {
  template <class Policy>
  static void run() {
    tarn::message_pool<tarn::record, typename Policy::lock, typename Policy::stats> pool;
    const tarn::record* place = nullptr;
    std::size_t capacity = 0;
    {
      auto r = pool.get();
      place = r.get();
      r->key.assign("key");
      r->value.assign("a value that is longer than that");
      r->value_is_null = true;
      r->headers.add("name", "value");
      capacity = r->value.capacity();
      CHECK(pool.in_flight() == 1);
    }
    CHECK(pool.in_flight() == 0);
    const auto again = pool.get();
    CHECK(again.get() == place);
    CHECK(*again == tarn::record());
    CHECK(again->value.capacity() == capacity);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().tiers[0].gets == 2);
      CHECK(pool.snapshot().constructed == 1);
    }
  }
};

const bool record_pool_registered = test::register_all<record_pool_case>(
    "record_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
