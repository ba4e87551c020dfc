// SPDX-License-Identifier: MIT
//
// Upkeep of all published pools, by hand and on a thread.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/observe/event_log.hpp>
#include <tarn/observe/maintainer.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Waits until the condition is true, for a minute at most.
template <class Condition>
bool comes_true(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a tick by hand maintains every published pool", "[maintainer]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  test::byte_fixture<TestType> a({.name = "a", .cleanup_interval = seconds(10)});
  test::byte_fixture<TestType> b({.name = "b", .cleanup_interval = seconds(10)});
  test::byte_fixture<TestType> unseen({.name = "c", .cleanup_interval = seconds(10)});
  const auto one = registry.publish(*a);
  auto two = registry.publish(*b);
  tarn::maintainer upkeep(registry);
  tarn::event_log log;
  const auto watching = log.watch(*a);
  burst(*a, 1000, 40);
  burst(*b, 1000, 30);
  burst(*unseen, 1000, 20);
  CHECK(upkeep.tick(seconds(100)) == 0);  // the clocks start
  CHECK(upkeep.tick(seconds(105)) == 0);
  CHECK(log.total() == 0);
  CHECK(upkeep.tick(seconds(111)) == 70);
  CHECK(log.total() == 1);
  CHECK(log.events().back().kind == tarn::event_kind::trim);
  CHECK(log.events().back().old_size == 40 * 1024);
  CHECK(log.events().back().new_size == 0);
  CHECK(a->occupancy().idle() == 0);
  CHECK(b->occupancy().idle() == 0);
  CHECK(unseen->occupancy().idle() == 20);
  CHECK(upkeep.ticks() == 3);
  CHECK(upkeep.blocks() == 70);
  two.reset();
  burst(*b, 1000, 30);
  upkeep.tick(seconds(122));
  upkeep.tick(seconds(133));
  CHECK(b->occupancy().idle() == 30);
  CHECK_FALSE(upkeep.running());
}

TEST_CASE("the thread does the same every interval, until it is stopped", "[maintainer]") {
  tarn::pool_registry registry;
  test::byte_fixture<test::policies<std::mutex, tarn::counting_stats>> pool(
      {.name = "a", .cleanup_interval = milliseconds(1)});
  const auto token = registry.publish(*pool);
  burst(*pool, 1000, 40);
  tarn::maintainer upkeep(registry);
  CHECK_FALSE(upkeep.running());
  std::this_thread::sleep_for(milliseconds(20));
  CHECK(upkeep.ticks() == 0);
  for (int round = 0; round != 3; ++round) {
    upkeep.start(milliseconds(2));
    CHECK(upkeep.running());
    CHECK(comes_true([&] { return pool->occupancy().idle() == 0; }));
    upkeep.stop();
    upkeep.stop();
    CHECK_FALSE(upkeep.running());
    const auto ticks = upkeep.ticks();
    burst(*pool, 1000, 40);
    std::this_thread::sleep_for(milliseconds(20));
    CHECK(upkeep.ticks() == ticks);
    CHECK(pool->occupancy().idle() == 40);
  }
  upkeep.start(milliseconds(2));
  upkeep.start(milliseconds(1));  // already running: another interval
  CHECK(upkeep.running());
  CHECK(comes_true([&] { return pool->occupancy().idle() == 0; }));
  CHECK(upkeep.failures() == 0);
}

TEST_CASE("pools and the registry may go while the thread runs", "[maintainer]") {
  std::optional<tarn::maintainer> upkeep;
  {
    tarn::pool_registry registry;
    upkeep.emplace(registry);
    upkeep->start(milliseconds(1));
    for (int i = 0; i != 200; ++i) {
      auto pool = std::make_unique<tarn::byte_pool<>>(
          tarn::options{.name = "brief", .cleanup_interval = milliseconds(0)});
      const auto token = registry.publish(*pool);
      burst(*pool, 1000, 10);
      if (i % 2 == 0) pool.reset();  // before its token
    }
  }
  const auto ticks = upkeep->ticks();
  CHECK(comes_true([&] { return upkeep->ticks() > ticks; }));
}

TEST_CASE("an interval that makes no sense is refused", "[ticker]") {
  tarn::ticker t([](tarn::time_span) {});
  CHECK_THROWS_AS(t.start(seconds(0)), std::invalid_argument);
  CHECK_THROWS_AS(t.start(seconds(-1)), std::invalid_argument);
  CHECK_FALSE(t.running());
}

TEST_CASE("an action that throws is counted and called again", "[ticker]") {
  std::atomic<int> calls{0};
  tarn::ticker t([&](tarn::time_span) {
    if (++calls % 2 == 1) throw std::runtime_error("once");
  });
  t.start(milliseconds(1));
  CHECK(comes_true([&] { return t.failures() >= 2; }));
  t.stop();
  CHECK(t.ticks() == static_cast<unsigned>(calls));
  CHECK(t.failures() == (static_cast<unsigned>(calls) + 1) / 2);
}

TEST_CASE("a ticker stops at once, however long its interval", "[ticker]") {
  tarn::ticker t([](tarn::time_span) {});
  for (int i = 0; i != 20; ++i) {
    t.start(std::chrono::hours(1));                        // longer than any test may take
    std::this_thread::sleep_for(milliseconds(i % 2 * 5));  // asleep every second time
    t.stop();
  }
  CHECK(t.ticks() == 0);
}

TEST_CASE("a ticker whose interval has no end does not tick", "[ticker]") {
  tarn::ticker t([](tarn::time_span) {});
  for (const tarn::time_span endless : {tarn::time_span(std::chrono::nanoseconds::max()),
                                        tarn::time_span(std::chrono::hours::max()),
                                        tarn::time_span::of_nanoseconds(INT64_MAX - 1)}) {
    t.start(endless);
    std::this_thread::sleep_for(milliseconds(20));
    t.stop();
    CHECK(t.ticks() == 0);
  }
}

TEST_CASE("an action may stop its own ticker", "[ticker]") {
  std::atomic<int> calls{0};
  std::function<void()> stop;
  tarn::ticker t([&](tarn::time_span) {
    ++calls;
    stop();
  });
  stop = [&] { t.stop(); };
  t.start(milliseconds(1));
  CHECK(comes_true([&] { return t.ticks() == 1; }));
  std::this_thread::sleep_for(milliseconds(20));
  CHECK(calls == 1);
}

TEST_CASE("a ticker never gets ahead of its interval, and time goes on", "[ticker]") {
  constexpr std::int64_t interval = 5'000'000;
  std::int64_t calls = 0;
  std::int64_t last = 0;
  std::atomic<int> wrong{0};
  const auto begin = tarn::detail::steady_nanoseconds();
  tarn::ticker t([&](tarn::time_span now) {
    // A late tick may be followed by one on time, which is sooner than an interval later.
    if (now.count() < begin + ++calls * interval || now.count() <= last) ++wrong;
    last = now.count();
  });
  t.start(tarn::time_span::of_nanoseconds(interval));
  CHECK(comes_true([&] { return t.ticks() >= 5; }));
  t.stop();
  CHECK(wrong == 0);
}

TEST_CASE("a fork's child has no thread, says so, and may start one", "[maintainer]") {
  tarn::pool_registry registry;
  tarn::byte_pool<std::mutex> pool({.name = "a", .cleanup_interval = milliseconds(1)});
  const auto token = registry.publish(pool);
  std::optional<tarn::maintainer> upkeep(registry);
  upkeep->start(milliseconds(1));
  for (int i = 0; i != 10; ++i) {
    const auto end = test::in_child(
        [&] {
          if (upkeep->running()) return 1;
          if (i % 2 == 0) {
            upkeep->stop();               // no need to wait
          } else if (!test::with_tsan) {  // TSan allows no new thread here
            upkeep->start(milliseconds(1));
            if (!upkeep->running()) return 2;
            const auto ticks = upkeep->ticks();
            if (!comes_true([&] { return upkeep->ticks() > ticks; })) return 3;
          }
          upkeep.reset();
          return 0;
        },
        20);
    CHECK((end.ok() || ((test::with_asan || test::with_tsan) && end.signal == SIGALRM)));
    CHECK(upkeep->running());
  }
}
