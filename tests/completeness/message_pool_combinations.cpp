// SPDX-License-Identifier: MIT
#include <type_traits>

#include <tarn/message_pool.hpp>
#include <tarn/persistent_message.hpp>

#include "combinations.hpp"

namespace {

struct message_pool_case {
  template <class Policy>
  static void run() {
    using pool_type =
        tarn::message_pool<tarn::message, typename Policy::lock, typename Policy::stats>;
    pool_type pool({.capacity = 3});
    auto consumer = pool.consumer(1);
    const tarn::message* place = nullptr;
    {
      auto m = pool.get();
      place = m.get();
      m->value.assign("hello");
      m->headers.set("a", "b");
      CHECK(m->headers.erase("a") == 1);
      typename pool_type::shared sinks[2];
      pool.share(std::move(m), sinks);
      CHECK(sinks[1]->value.view() == "hello");
      const tarn::persistent_message<pool_type> beat;
      sinks[0] = beat.share();
      CHECK(sinks[0].ref_count() == 2);
      sinks[0] = sinks[1];
      const auto mine = consumer.get();
      const auto last = pool.get();
      CHECK_FALSE(pool.try_get());
      CHECK(pool.in_flight() == 3);
      CHECK(consumer.in_use() == 1);
    }
    CHECK(pool.in_flight() == 0);
    CHECK(consumer.in_use() == 0);
    CHECK(consumer.most_in_use() == 1);
    CHECK(pool.most_in_flight() == 3);
    CHECK(pool.owns(place));
    CHECK(pool.get()->value.empty());
    CHECK(pool.occupancy().tiers[0].created == 3);
    if constexpr (Policy::stats::counts) {
      CHECK(pool.snapshot().tiers[0].misses == 3);
      CHECK(pool.snapshot().constructed == 3);
      constexpr bool records = std::is_same_v<typename Policy::stats, tarn::recording_stats>;
      CHECK(pool.snapshot().acquire_times.empty() == !records);
      constexpr bool waits = tarn::is_concurrent_v<typename Policy::lock>;
      CHECK(pool.snapshot().waiting_times.empty() == !waits);
    }
  }
};

const bool message_pool_registered = test::register_all<message_pool_case>(
    "message_pool", static_cast<const test::every_pair*>(nullptr));

}  // namespace
