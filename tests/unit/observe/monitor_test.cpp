// SPDX-License-Identifier: MIT
//
// The monitor: when it grows and shrinks a tier, by how much, and how it ends.

#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/process.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace {

using tarn::monitor_options;
using tarn::time_span;
using verdict = tarn::monitor_finding::verdict;

struct counting_policy {
  using lock = tarn::thread_cached<>;
  using stats = tarn::counting_stats;
};
using blocks = tarn::object_pool<std::array<std::byte, 1024>, std::mutex>;

[[nodiscard]] std::vector<blocks::handle> take(blocks& pool, std::size_t count) {
  std::vector<blocks::handle> out(count);
  for (auto& o : out)
    o = pool.get();
  return out;
}

}  // namespace

TEST_CASE("a tier whose gets miss grows as Portask's did: 16 to 32, 64 to 96", "[monitor]") {
  {
    blocks pool({.initial_objects = 4, .max_objects = 16});
    tarn::event_log log;
    const auto watching = log.watch(pool);
    tarn::monitor<blocks> m(pool, {.grow_below = 0.7, .growth = 1.0});
    const auto held = take(pool, 200);
    const auto found = m.check();
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == verdict::grow);
    CHECK(found[0].gets == 200);
    CHECK(found[0].hit_rate == Approx(0.02));
    CHECK(found[0].old_size == 16);
    CHECK(found[0].new_size == 32);
    CHECK(found[0].done);
    CHECK(pool.snapshot().tiers[0].max_idle == 32);
    REQUIRE(log.events().size() == 1);
    CHECK(log.events()[0].kind == tarn::event_kind::grow);
    CHECK(log.events()[0].old_size == 16);
    CHECK(log.events()[0].new_size == 32);
    CHECK(pool.snapshot().last_resized > pool.snapshot().created);
  }
  blocks pool({.initial_objects = 1, .max_objects = 64});
  tarn::monitor<blocks> m(pool);
  std::vector<std::vector<blocks::handle>> held;
  held.push_back(take(pool, 200));
  CHECK(m.check()[0].new_size == 96);
  // Steps compound: the next step starts from 96, and needs new evidence.
  CHECK(m.check()[0].what == verdict::keep);
  held.push_back(take(pool, 500));
  CHECK(m.check()[0].new_size == 144);
  held.push_back(take(pool, 800));
  CHECK(m.check()[0].new_size == 216);
}

TEST_CASE("a step grows to twice as much at most", "[monitor]") {
  tarn::tier_snapshot before;
  tarn::tier_snapshot now;
  now.created = now.gets = now.misses = 200;
  now.max_idle = 64;
  CHECK(tarn::judge(now, before, {.growth = 1.0, .most_growth = 1.25}).new_size == 80);
  CHECK(tarn::judge(now, before, {.growth = 1.0}).new_size == 128);
}

TEST_CASE("nothing is concluded from less than a hundred blocks and gets", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::monitor<blocks> m(pool);
  auto held = take(pool, 99);
  CHECK(m.check()[0].what == verdict::keep);
  auto one_more = take(pool, 1);
  CHECK(m.check()[0].what == verdict::grow);
}

TEST_CASE("between the thresholds, and at the least size, nothing happens", "[monitor]") {
  tarn::tier_snapshot before;
  tarn::tier_snapshot now;
  now.created = 1000;
  now.gets = 1000;
  now.max_idle = 64;
  for (const auto& [misses, what] :
       {std::pair{201, verdict::grow}, std::pair{200, verdict::keep}, std::pair{20, verdict::keep},
        std::pair{19, verdict::shrink}}) {
    now.misses = static_cast<std::uint64_t>(misses);
    CHECK(tarn::judge(now, before, {}).what == what);
  }
  now.misses = 0;
  CHECK(tarn::judge(now, before, {}).new_size == 32);
  now.max_idle = 48;
  CHECK(tarn::judge(now, before, {}).new_size == 32);  // not 24
  now.max_idle = 32;
  CHECK(tarn::judge(now, before, {}).what == verdict::keep);
}

TEST_CASE("shrinking gives memory back to the source", "[monitor]") {
  using fixture = test::byte_fixture<test::policies<std::mutex, tarn::counting_stats>,
                                     tarn::fixed_tiers<65536>>;
  fixture f({.initial_objects = 400, .max_objects = 400});
  tarn::event_log log;
  const auto watching = log.watch(*f);
  tarn::monitor<fixture::pool_type> m(*f);
  for (int i = 0; i != 1000; ++i)
    static_cast<void>(f->get(1));
  const auto before = f.source.live_bytes();
  const auto found = m.check();
  CHECK(found[0].what == verdict::shrink);
  CHECK(found[0].old_size == 400);
  CHECK(found[0].new_size == 200);
  CHECK(before - f.source.live_bytes() == 200 * 65536);
  CHECK(log.events().back().kind == tarn::event_kind::shrink);
}

TEMPLATE_TEST_CASE("shrinking lets resident memory fall by what it computes", "[monitor]",
                   (std::pair<tarn::heap_source, std::integral_constant<std::size_t, 1 << 20>>),
                   (std::pair<tarn::page_source, std::integral_constant<std::size_t, 1 << 20>>),
                   (std::pair<tarn::heap_source, std::integral_constant<std::size_t, 1 << 16>>),
                   (std::pair<tarn::page_source, std::integral_constant<std::size_t, 1 << 16>>)) {
  if (test::with_asan || test::with_tsan) return;  // they keep freed memory
  constexpr std::size_t size = TestType::second_type::value;
  constexpr std::size_t count = (std::size_t{128} << 20) / size;
  using pool_type = tarn::byte_pool<
      std::mutex, tarn::counting_stats,
      tarn::traits<tarn::fixed_tiers<size>, tarn::no_check, typename TestType::first_type>>;
  INFO(size << " bytes a block");
  pool_type pool({.initial_objects = count, .max_objects = count});
  tarn::monitor<pool_type> m(pool);
  std::vector<void*> out(count);
  pool.allocate_bulk(size, out);
  for (void* const b : out)
    std::memset(b, 1, size);
  pool.deallocate_bulk(out, size);
  for (int i = 0; i != 1000; ++i)
    static_cast<void>(pool.get(1));
  const auto before = tarn::read_process();
  if (before.resident == 0) return;  // this system does not report it
  const auto found = m.check();
  REQUIRE(found[0].what == verdict::shrink);
  REQUIRE(found[0].new_size == count / 2);
  const auto computed = (found[0].old_size - found[0].new_size) * size;
  CHECK(computed == std::size_t{64} << 20);
  const auto after = tarn::read_process();
  CHECK(before.resident > after.resident);
  CHECK(before.resident - after.resident >= computed / 10 * 9);
  CHECK(before.resident - after.resident <= computed / 4 * 5);  // kept memory stays
}

TEST_CASE("without auto_resize it only says what it would do", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  tarn::monitor<blocks> m(pool, {.auto_resize = false});
  const auto held = take(pool, 200);
  const auto found = m.check();
  CHECK(found[0].what == verdict::grow);
  CHECK(found[0].new_size == 24);
  CHECK_FALSE(found[0].done);
  CHECK(pool.snapshot().tiers[0].max_idle == 16);
  CHECK(log.events().empty());
}

TEST_CASE("ticks by hand count from the last one", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::monitor<blocks> m(pool, {.interval = time_span::of_seconds(10)});
  const auto begin = pool.snapshot().taken.count();
  const auto at = [&](std::int64_t seconds) {
    return time_span::of_nanoseconds(begin + seconds * 1'000'000'000);
  };
  CHECK(m.tick(at(9)).empty());
  CHECK(m.tick(at(11)).size() == 1);
  CHECK(m.tick(at(20)).empty());
  CHECK(m.tick(at(21)).size() == 1);
}

TEST_CASE("an interval without end is never over", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::monitor<blocks> m(pool, {.interval = time_span::of_nanoseconds(INT64_MAX)});
  const auto now = pool.snapshot().taken.count();
  CHECK(m.tick(time_span::of_nanoseconds(now)).empty());
  CHECK(m.tick(time_span::of_nanoseconds(INT64_MAX - 1)).empty());
}

TEST_CASE("its thread starts and stops any number of times, and ends with the pool", "[monitor]") {
  tarn::event_log log;
  std::optional<blocks> pool(std::in_place, tarn::options{.max_objects = 16});
  const auto watching = log.watch(*pool);
  tarn::monitor<blocks> m(*pool, {.interval = std::chrono::milliseconds(1)});
  m.stop();
  for (int i = 0; i != 20; ++i) {
    m.start();
    m.start();
    CHECK(m.running());
    if (i % 2 == 0) m.stop();
  }
  {
    const auto held = take(*pool, 200);
    while (log.total() == 0)
      std::this_thread::yield();
  }
  CHECK(log.events()[0].kind == tarn::event_kind::grow);
  CHECK(log.events()[0].new_size == 24);  // the same numbers as by hand
  pool.reset();
  CHECK_FALSE(m.running());
  CHECK(m.check().empty());
  CHECK_THROWS_AS(m.start(), tarn::pool_closed);
}

TEST_CASE("an event's sink may close the pool or ask the monitor", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  tarn::monitor<blocks> m(pool);
  log.set_sink([&](const tarn::event&) {
    static_cast<void>(m.check());
    m.stop();
    pool.close();
  });
  const auto held = take(pool, 200);
  static_cast<void>(m.check());
  CHECK(pool.closed());
  CHECK(m.check().empty());
}

TEST_CASE("a sink may close the pool while the monitor's thread is about to check", "[monitor]") {
  for (int round = 0; round != 20; ++round) {
    blocks pool({.max_objects = 16});
    tarn::event_log log;
    const auto watching = log.watch(pool);
    tarn::monitor<blocks> m(pool, {.interval = std::chrono::milliseconds(1)});
    log.set_sink([&](const tarn::event&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      pool.close();  // waits for the end of the monitor's thread
    });
    const auto held = take(pool, 200);
    m.start();
    static_cast<void>(m.check());
    while (m.running())
      std::this_thread::yield();
    CHECK(pool.closed());
  }
}

TEST_CASE("a start does not wait for a check whose sink waits for the caller", "[monitor]") {
  blocks pool({.max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  tarn::monitor<blocks> m(pool, {.interval = std::chrono::milliseconds(1)});
  std::atomic<bool> is_inside{false};
  std::atomic<bool> has_started{false};
  log.set_sink([&](const tarn::event&) {
    is_inside = true;
    while (!has_started)
      std::this_thread::yield();
  });
  const auto held = take(pool, 200);
  std::thread other([&] { static_cast<void>(m.check()); });
  while (!is_inside)
    std::this_thread::yield();
  m.start();
  has_started = true;
  other.join();
  CHECK(m.running());
}

TEST_CASE("a step ends at the largest size, and at none", "[monitor]") {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  tarn::tier_snapshot before, now;
  now.created = now.gets = now.misses = 1000;
  now.max_idle = most - 1;
  monitor_options o;
  auto f = tarn::judge(now, before, o);
  CHECK(f.what == verdict::grow);
  CHECK(f.new_size == most);
  now.max_idle = most / 3 * 2 + 10;  // times 1.5 is just above the largest size
  f = tarn::judge(now, before, o);
  CHECK(f.new_size == most);
  o.growth = -5;  // not validated here
  f = tarn::judge(now, before, o);
  CHECK(f.what == verdict::keep);
  CHECK(f.new_size == now.max_idle);
}

TEST_CASE("a monitor refuses options that make no sense, by name and limit", "[monitor]") {
  blocks pool;
  const auto refuses = [&](const monitor_options& o, const std::string& text) {
    CHECK_THROWS_WITH(tarn::monitor<blocks>(pool, o), text);
  };
  refuses({.grow_below = 1.5}, "tarn: grow_below 1.500000 must be at most 1.000000");
  refuses({.grow_below = -1}, "tarn: grow_below -1.000000 must be at least 0.000000");
  refuses({.grow_below = 0.9, .shrink_above = 0.5},
          "tarn: shrink_above 0.500000 must be at least 0.900000");
  refuses({.growth = 2}, "tarn: growth 2.000000 must be at most 1.000000");
  refuses({.interval = time_span::of_nanoseconds(5)},
          "tarn: interval ns 5 must be at least 1000000");
}

TEST_CASE("its own thread may stop it or close the pool", "[monitor]") {
  for (const bool closes : {false, true}) {
    blocks pool({.max_objects = 16});
    tarn::event_log log;
    const auto watching = log.watch(pool);
    tarn::monitor<blocks> m(pool, {.interval = std::chrono::milliseconds(1)});
    log.set_sink([&](const tarn::event&) { closes ? pool.close() : m.stop(); });
    const auto held = take(pool, 200);
    m.start();
    while (m.running())
      std::this_thread::yield();
    m.stop();
    CHECK(log.total() == 1);
    CHECK(pool.closed() == closes);
  }
}
