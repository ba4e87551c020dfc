// SPDX-License-Identifier: MIT
//
// The event log: the events that it keeps, the calls of its sink, and the order in which log and
// pool end.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/event_log.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"

namespace {

using tarn::event;
using tarn::event_kind;

event custom(std::string message) {
  event e;
  e.message = std::move(message);
  return e;
}

// Takes a block at the moment when upkeep begins, as another thread might.
template <class Pool>
class taker final
    : public tarn::detail::observer<typename tarn::lock_traits<typename Pool::lock_type>::env> {
 public:
  taker(Pool& pool, void*& to) : pool_(pool), to_(to) {}
  bool on(const tarn::detail::pool_event& h) noexcept override {
    if (h.what == tarn::detail::pool_event_kind::upkeep) to_ = pool_.try_allocate(128 << 10);
    return true;
  }

 private:
  Pool& pool_;
  void*& to_;
};

}  // namespace

TEST_CASE("a log keeps exactly as many events as it was made for, the newest, oldest first",
          "[event_log]") {
  for (const std::size_t capacity : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    tarn::event_log log(capacity);
    CHECK(log.events().empty());
    for (int i = 0; i != 500; ++i)
      log.add_event(custom(std::to_string(i)));
    const auto events = log.events();
    REQUIRE(events.size() == capacity);
    CHECK(log.total() == 500);
    CHECK(events.front().message == std::to_string(500 - capacity));
    CHECK(events.back().message == "499");
    CHECK(events.back().kind == event_kind::custom);
    CHECK(events.back().time.count() > 0);
  }
  CHECK(tarn::event_log().capacity() == 100);
  CHECK_THROWS_WITH(tarn::event_log(0), "tarn: capacity of an event log 0 must be at least 1");
}

TEMPLATE_LIST_TEST_CASE("grow, shrink, reset, trim, oversize come with sizes and a snapshot",
                        "[event_log]", test::every_policy) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
      {.name = "frames", .initial_objects = 1, .initial_bytes = 1000, .max_objects = 100});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  static_cast<void>(pool.get(100));
  CHECK(log.events().empty());

  pool.resize(0, 200);
  pool.resize(0, 200);  // no change
  pool.resize(0, 50);
  pool.reset_and_drain();
  static_cast<void>(pool.get(std::size_t{3} << 20));
  const auto line = static_cast<std::uint32_t>(__LINE__) - 1;
  const auto before = pool.occupancy().slab_bytes;
  const auto given = pool.trim();
  CHECK(pool.trim() == 0);

  std::vector<event> told;
  for (const auto& e : log.events()) {
    if (e.kind != event_kind::trim || told.size() >= 4) told.push_back(e);
  }
  REQUIRE(told.size() == 5);
  CHECK(told[0].kind == event_kind::grow);
  CHECK(told[0].old_size == 100);
  CHECK(told[0].new_size == 200);
  CHECK(told[0].pool == "frames");
  CHECK(told[0].message == "tier 0 keeps up to 200 idle blocks, before: 100");
  CHECK(told[1].kind == event_kind::shrink);
  CHECK(told[1].old_size == 200);
  CHECK(told[1].new_size == 50);
  CHECK(told[2].kind == event_kind::reset);
  CHECK(told[2].new_size == 3);  // one of 128, of 256 and of 512 bytes fit
  CHECK(told[2].state.name == "frames");
  REQUIRE(told[2].state.tiers.size() == 15);
  CHECK(told[2].state.total().idle == 3);
  CHECK(told[3].kind == event_kind::oversize);
  CHECK(told[3].new_size == std::size_t{3} << 20);
  std::string words = "a request for 3145728 bytes is above the last tier";
  if constexpr (std::is_same_v<typename TestType::stats, tarn::recording_stats>) {
    CHECK(told[3].where == tarn::call_site(__FILE__, line));
    words += ", " + std::string(__FILE__) + ':' + std::to_string(line);
  } else {
    CHECK_FALSE(told[3].where);
  }
  CHECK(told[3].message == words);
  CHECK_FALSE(told[4].where);
  CHECK(told[4].kind == event_kind::trim);
  CHECK(told[4].old_size == before);
  CHECK(told[4].old_size - told[4].new_size == given);
}

TEMPLATE_LIST_TEST_CASE("what maintain gives up is told with the idle bytes before and after",
                        "[event_log]", test::every_policy) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 128 << 10;
  const auto seconds = [](std::int64_t s) { return tarn::time_span::of_seconds(s); };
  for (const bool cleans : {false, true}) {
    INFO("cleans " << cleans);
    tarn::options o{.name = "frames"};
    if (cleans) o.cleanup_interval = seconds(1);
    test::byte_fixture<TestType> f(o);
    tarn::event_log log;
    const auto watching = log.watch(*f);
    std::vector<void*> blocks(10);
    f->allocate_bulk(size, blocks);
    f->deallocate_bulk(blocks, size);
    f->maintain(seconds(100));
    f->maintain(seconds(100));
    CHECK(log.total() == 0);  // no block was given back yet

    const auto before = f->occupancy().idle_bytes();
    CHECK(f->maintain(seconds(101)) == (cleans ? 10 : 5));
    REQUIRE(log.total() == 1);
    const auto e = log.events().back();
    CHECK(e.kind == event_kind::trim);
    CHECK(e.pool == "frames");
    CHECK(e.old_size == before);
    CHECK(e.new_size == f->occupancy().idle_bytes());
    CHECK(e.new_size == (cleans ? 0 : 5 * size));
    CHECK(e.state.total().idle == (cleans ? 0 : 5));
    CHECK(e.message == std::to_string(e.old_size - e.new_size) +
                           " bytes of idle memory were not needed and went, " +
                           std::to_string(e.new_size) + " are left");
    for (int s = 102; s != 120; ++s)
      f->maintain(seconds(s));
    const auto told = log.total();
    CHECK(told == 1);  // that event counts all ticks: 5, 3, 1, 1
    const auto run = log.events().back();
    CHECK(run.ticks == (cleans ? 1 : 4));
    CHECK(run.time == e.time);
    CHECK(run.old_size == before);
    CHECK(run.new_size == 0);
    CHECK(run.state.total().idle == 0);
    if (!cleans) {
      CHECK(run.message == std::to_string(before) +
                               " bytes of idle memory were not needed and went in 4 ticks, "
                               "0 are left");
    }

    // Blocks that are in use, or were needed, are not surplus.
    for (int s = 120; s != 130; ++s) {
      f->allocate_bulk(size, blocks);
      f->maintain(seconds(s));
      f->deallocate_bulk(blocks, size);
    }
    CHECK(log.total() == told);
  }
}

TEST_CASE("ticks one after the other are one event, of which a sink hears twice", "[event_log]") {
  constexpr std::size_t size = 128 << 10;
  tarn::byte_pool<> pool({.name = "frames"});
  tarn::event_log log(2);
  std::vector<event> heard;
  log.set_sink([&](const event& e) { heard.push_back(e); });
  const auto watching = log.watch(pool);
  std::vector<void*> blocks(8);
  int now = 100;
  const auto tick = [&](int times) {
    for (; times != 0; --times)
      pool.maintain(tarn::time_span::of_seconds(now++));
  };
  const auto spike = [&] {
    pool.allocate_bulk(size, blocks);
    pool.deallocate_bulk(blocks, size);
  };
  spike();
  tick(1);
  CHECK(heard.empty());
  tick(1);
  REQUIRE(heard.size() == 1);  // the first
  CHECK(heard[0].ticks == 1);
  CHECK(heard[0].new_size == 4 * size);
  tick(3 + 7);
  CHECK(heard.size() == 1);  // the run may still continue
  spike();
  tick(2);  // the first of these two was the eighth after a tick that gave blocks back
  REQUIRE(heard.size() == 3);
  CHECK(heard[1].ticks == 4);  // the whole run: 4, 2, 1, 1
  CHECK(heard[1].time == heard[0].time);
  CHECK(heard[1].old_size == 8 * size);
  CHECK(heard[1].new_size == 0);
  CHECK(heard[2].ticks == 1);  // a new run
  CHECK(log.total() == 2);
  CHECK(log.events().front().ticks == 4);

  // With a quiet tick in between it is still one run.
  tick(3);
  spike();
  tick(6);
  CHECK(heard.size() == 3);
  CHECK(log.total() == 2);
  CHECK(log.events().back().ticks == 8);
  CHECK(log.events().back().new_size == 0);

  // An event that the log has dropped can't grow.
  spike();
  log.add_event({});
  log.add_event({});
  tick(2);
  CHECK(log.total() == 5);
  CHECK(heard.size() == 6);
  CHECK(log.events().back().ticks == 1);
}

TEMPLATE_LIST_TEST_CASE("a tick that gives nothing up is no event, whatever others take meanwhile",
                        "[event_log]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture f;
  tarn::event_log log;
  const auto watching = log.watch(*f);
  void* taken = nullptr;
  tarn::detail::access::watch(*f, new taker<typename fixture::pool_type>(*f, taken));
  f->prewarm(f->tiers().tier_for(128 << 10), 4);
  f->maintain(tarn::time_span::of_seconds(100));
  REQUIRE(taken != nullptr);
  CHECK(f->occupancy().idle() == 3);
  CHECK(log.total() == 0);
  f->deallocate(taken, 128 << 10);
}

TEMPLATE_LIST_TEST_CASE("pages that go are told with the idle bytes that have theirs",
                        "[event_log]", test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 128 << 10;
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
      {.idle_memory = tarn::idle_memory::purge});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  std::vector<void*> blocks(8);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
  pool.maintain(tarn::time_span::of_seconds(100));
  CHECK(log.total() == 0);
  pool.maintain(tarn::time_span::of_seconds(101));
  REQUIRE(log.total() == 1);
  auto e = log.events().back();
  CHECK(e.kind == event_kind::purge);
  CHECK(e.old_size == 8 * size);
  CHECK(e.new_size == 4 * size);
  CHECK(e.state.total().idle == 8);
  CHECK(e.state.total().idle_purged == 4);
  CHECK(e.message == "524288 bytes of idle memory lost their pages, 524288 bytes have them");

  CHECK(pool.purge() == 4 * size);
  REQUIRE(log.total() == 2);
  e = log.events().back();
  CHECK(e.kind == event_kind::purge);
  CHECK(e.old_size == 4 * size);
  CHECK(e.new_size == 0);
  CHECK(pool.purge() == 0);
  pool.maintain(tarn::time_span::of_seconds(102));
  CHECK(log.total() == 2);

  // Where pages can't be dropped the memory is given back, and that is a trim.
  test::byte_fixture<TestType> f({.idle_memory = tarn::idle_memory::purge});
  const auto other = log.watch(*f);
  f->deallocate(f->allocate(size), size);
  const auto held = f->occupancy().slab_bytes;
  CHECK(f->purge() == held);
  e = log.events().back();
  CHECK(e.kind == event_kind::trim);
  CHECK(e.old_size == held);
  CHECK(e.new_size == 0);
  f->deallocate(f->allocate(size), size);
  f->maintain(tarn::time_span::of_seconds(100));
  f->maintain(tarn::time_span::of_seconds(101));
  CHECK(log.events().back().kind == event_kind::trim);
  CHECK(log.total() == 4);
}

TEST_CASE("a misuse becomes an event", "[event_log]") {
  tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                  tarn::traits<tarn::power_of_two_tiers<>, tarn::checked>>
      pool;
  tarn::event_log log;
  const auto watching = log.watch(pool);
  int stranger = 0;
  pool.deallocate(&stranger, 100);
  REQUIRE(log.events().size() == 1);
  CHECK(log.events()[0].kind == event_kind::misuse);
  CHECK(log.events()[0].message == "pointer that no pool gave, given back as 100 bytes");
}

TEMPLATE_LIST_TEST_CASE("with debugging on the sink hears of every operation; none is kept",
                        "[event_log]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  tarn::event_log log;
  const auto watching = log.watch(*f);
  std::vector<std::string> heard;
  log.set_sink([&](const event& e) { heard.push_back(e.message); });
  static_cast<void>(f->get(100));
  CHECK(heard.empty());
  log.set_debug(true);
  static_cast<void>(f->get(200));
  log.set_debug(false);
  static_cast<void>(f->get(300));
  CHECK(heard == std::vector<std::string>{"create 256 bytes, tier 1", "get 200 bytes, tier 1",
                                          "put 200 bytes, tier 1"});
  CHECK(log.events().empty());
  CHECK(log.total() == 0);
}

TEST_CASE("a sink hears of events at once, may use pool and log, and may throw", "[event_log]") {
  tarn::byte_pool<> pool;
  tarn::event_log log;
  const auto watching = log.watch(pool);
  std::size_t heard = 0;
  log.set_sink([&](const event& e) {
    ++heard;
    static_cast<void>(pool.get(e.new_size));
    CHECK(log.events().size() == heard);
    throw std::runtime_error("no");
  });
  static_cast<void>(pool.get(std::size_t{3} << 20));
  static_cast<void>(pool.get(std::size_t{4} << 20));
  CHECK(heard == 2);
  CHECK(log.failures() == 2);
  CHECK(pool.snapshot().callback_failures == 2);
  log.set_sink({});
  static_cast<void>(pool.get(std::size_t{4} << 20));
  CHECK(heard == 2);
  CHECK(log.events().size() == 3);
}

TEST_CASE("a log hears of a pool until its watch or the pool ends, in any order", "[event_log]") {
  constexpr std::size_t huge = std::size_t{3} << 20;
  tarn::pool_watch late;
  tarn::event_log kept;
  {
    std::optional<tarn::event_log> log(std::in_place);
    tarn::byte_pool<> pool({.name = "first"});
    auto a = log->watch(pool);
    auto b = kept.watch(pool);
    static_cast<void>(pool.get(huge));
    log.reset();  // the pool still writes into its log
    static_cast<void>(pool.get(huge));
    a.reset();
    static_cast<void>(pool.get(huge));
    CHECK(kept.events().size() == 3);
    late = std::move(b);
    CHECK(late);
    CHECK_FALSE(b);
  }
  kept.set_debug(true);  // the pool has ended
  late.reset();
  CHECK_FALSE(late);

  tarn::byte_pool<> closed;
  closed.close();
  CHECK_THROWS_AS(kept.watch(closed), tarn::pool_closed);
}

TEST_CASE("eight watch a pool at most; the ninth is refused by number", "[event_log]") {
  tarn::byte_pool<> pool({.name = "frames"});
  tarn::event_log log;
  std::vector<tarn::pool_watch> all;
  for (int i = 0; i != 8; ++i)
    all.push_back(log.watch(pool));
  CHECK_THROWS_WITH(log.watch(pool), "tarn: observers of pool 'frames' 9 must be at most 8");
  CHECK_THROWS_AS(pool.set_callback([](const tarn::operation&) {}), std::invalid_argument);
  all.pop_back();
  all.push_back(log.watch(pool));
  static_cast<void>(pool.get(std::size_t{3} << 20));
  CHECK(log.total() == 8);
}
