// SPDX-License-Identifier: MIT
//
// Pools begin and end while other threads read, trim, maintain and validate all published pools.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/compat/global_pools.hpp>
#include <tarn/compat/memory_stats.hpp>
#include <tarn/observe/maintainer.hpp>
#include <tarn/observe/pressure.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/policy/lock_free.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

using std::chrono::milliseconds;

struct fake_source {
  [[nodiscard]] static tarn::pressure_reading read() { return {50, 50, {}}; }
  [[nodiscard]] static tarn::pressure_thresholds defaults() { return {10, 5, 0.8}; }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("pools are published, used and ended while others watch", "[registry]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry(8);
  test::failing_source source;
  std::atomic<std::size_t> broken{0}, seen{0}, refused{0};
  std::atomic<int> makers{3};
  test::run_together(5, [&](std::size_t me) {
    if (me >= 3) {
      while (makers != 0) {
        for (const auto& s : registry.snapshots())
          seen += !s.tiers.empty();
        broken += registry.validate().has_value();
        registry.for_each([&](const tarn::watched_pool& pool) {
          if (me == 3) pool.trim(100);
          pool.maintain(tarn::time_span::of_nanoseconds(static_cast<std::int64_t>(seen)));
          static_cast<void>(pool.occupancy());
        });
        static_cast<void>(registry.find("0-5"));
        if (me == 4) static_cast<void>(registry.unpublish("1-7"));
      }
      return;
    }
    // Not before the observers have visited the pool.
    for (int round = 0; round < 60 || seen < 50; ++round) {
      std::optional<test::byte_pool_for<TestType>> pool;
      pool.emplace(tarn::options{.name = std::to_string(me) + '-' + std::to_string(round % 10),
                                 .cleanup_interval = milliseconds(0)},
                   tarn::power_of_two_tiers<>{}, source);
      auto token = registry.try_publish(*pool);
      refused += !token && !registry.find(pool->name());
      auto late = pool->get(100);
      for (int i = 0; i != 200; ++i)
        pool->deallocate(pool->allocate(1000), 1000);
      if (round % 3 == 0) pool.reset();  // before its token
      if (round % 3 == 1) token.reset();
      late.reset();
    }
    --makers;
  });
  CHECK(broken == 0);
  CHECK(seen > 0);
  CHECK(registry.size() == 0);
  tarn::flush_thread();
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

TEST_CASE("a sound pool under load never looks broken", "[registry]") {
  tarn::pool_registry registry;
  tarn::byte_pool<> cached({.name = "cached", .large_cache_bytes = std::size_t{8} << 20});
  tarn::byte_pool<tarn::lock_free> free({.name = "free"});
  tarn::byte_pool<std::mutex> locked({.name = "locked", .capacity = 100});
  const auto one = registry.publish(cached);
  const auto two = registry.publish(free);
  const auto three = registry.publish(locked);
  std::atomic<int> workers{3};
  std::string text;
  std::size_t looks = 0;
  test::run_together(4, [&](std::size_t me) {
    if (me == 3) {
      for (; workers != 0; ++looks) {
        if (const auto broken = registry.validate()) text = broken->text;
      }
      return;
    }
    const auto work = [&](auto& pool) {
      for (int i = 0; i != 20'000; ++i) {
        const auto size = std::size_t{1} << (static_cast<std::size_t>(i) * 7 + me) % 22;
        auto b = pool.try_get(size);
        if (auto shared = pool.try_get_shared(100)) auto again = shared;
        if (i % 3000 == 0) pool.trim();
      }
    };
    work(cached);
    work(free);
    work(locked);
    --workers;
  });
  CHECK(text == "");
  CHECK(looks > 0);
  tarn::flush_thread();
  CHECK_FALSE(registry.validate(tarn::moment::at_rest));
}

TEST_CASE("all observers at once, over pools that change", "[registry]") {
  tarn::pool_registry registry;
  tarn::sized_pools sized(registry);
  tarn::maintainer upkeep(registry);
  tarn::pressure_watch watch(fake_source{}, {.least_between_trims = milliseconds(2)}, registry);
  upkeep.start(milliseconds(1));
  watch.start(milliseconds(1));
  std::atomic<std::size_t> wrong{0};
  test::run_together(3, [&](std::size_t me) {
    for (std::size_t round = 0; round != 300; ++round) {
      auto b = sized.get(std::size_t{64} << (round + me) % 12);
      b.data()[0] = std::byte{1};
      tarn::byte_pool<> brief({.name = "brief" + std::to_string(me)});
      const auto token = registry.publish(brief);
      auto c = brief.get(100);
      const auto now = tarn::read_memory_stats(registry);
      wrong += now.alloc == 0 || now.heap_idle > now.heap_sys;
      if (round % 50 == me) tarn::force_trim(registry);
      if (round % 20 == 0 && me == 0) {
        upkeep.stop();
        upkeep.start(milliseconds(1));
      }
      static_cast<void>(watch.numbers());
      static_cast<void>(watch.level());
      static_cast<void>(watch.why_absent());
    }
  });
  CHECK(wrong == 0);
  CHECK(upkeep.ticks() > 0);
  CHECK(watch.numbers().trims > 0);
  watch.stop();
  upkeep.stop();
  CHECK_FALSE(registry.validate(tarn::moment::at_rest));
}
