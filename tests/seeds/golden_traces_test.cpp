// SPDX-License-Identifier: MIT
//
// The traces that were observed in the seeds, one case per trace, with their numbers. A number that
// is another one here stands beside that of the seed: the README gives the reason ("Differs on
// purpose"). Takhin's trace is in takhin_test.cpp.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <mutex>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/builder.hpp>
#include <tarn/compat/seeds.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/tarn.hpp>
#include <tarn/value/ring_queue.hpp>

#include "support/catch.hpp"
#include "support/failing_source.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

using lengths = std::vector<std::size_t>;

template <class Tiers, class Check = tarn::no_check>
using pool_of_tiers =
    tarn::byte_pool<std::mutex, tarn::recording_stats, tarn::traits<Tiers, Check>>;

tarn::portask_stats portask_of(const auto& pool) {
  return tarn::to_portask(pool.snapshot(), tarn::wall_clock::now());
}

}  // namespace

TEST_CASE("golden: bytepool, an oversize cycle and four returns", "[seeds]") {
  pool_of_tiers<tarn::fixed_tiers<128, 256, 512>, tarn::checked> pool;
  static_cast<void>(pool.get(1000));
  CHECK(tarn::to_bytepool(pool.snapshot()).discarded == 2);
  CHECK(pool.snapshot().large.gets == 1);  // and not twice, in our own numbers
  CHECK(pool.snapshot().large.puts == 1);
  {
    auto b = pool.get(100);
    pool.deallocate(b.data() + 10, 90);  // interior
    b.resize(50);                        // the prefix comes back at the end of the scope
    std::array<std::byte, 300> foreign;
    pool.deallocate(foreign.data(), foreign.size());
  }
  const auto s = tarn::to_bytepool(pool.snapshot());
  using counts = tarn::bytepool_stats::counts;
  CHECK(s.pools.at(128) == counts{1, 1});
  CHECK(s.pools.at(256) == counts{0, 0});
  CHECK(s.pools.at(512) == counts{0, 0});
  CHECK(s.recent_lengths == lengths{1000, 100});
}

TEST_CASE("golden: bytepool, tiers that are given twice", "[seeds]") {
  pool_of_tiers<tarn::runtime_tiers> pool({}, {1024, 128, 128});
  CHECK(pool.tiers().count() == 2);  // there, the list of sizes has 128 twice
  CHECK(tarn::to_bytepool(pool.snapshot()).pools.size() == 2);
  std::string text;
  tarn::write_expvar(std::back_inserter(text), "", pool.snapshot());
  CHECK(
      text ==
      R"("pool_stats": {"discarded":0,"pools":{"1024":{"get":0,"put":0},"128":{"get":0,"put":0}},)"
      R"("recent_lengths":null,"total_get":0,"total_put":0})");
}

TEST_CASE("golden: bytepool, the count of a buffer", "[seeds]") {
  tarn::byte_pool<> pool;
  auto none = pool.get_shared(0);
  CHECK(none.bytes().empty());
  {
    auto bytes = none.writable_lease();  // Bytes()
    CHECK(none.ref_count() == 2);
    bytes.release();
  }
  none.release();
  CHECK(none.ref_count() == 0);
  // Bytes() of a dead buffer: nil, and count 1 there; two more releases: -1.
  auto dead = none.writable_lease();
  CHECK(dead.bytes().empty());
  CHECK(none.ref_count() == 0);
  none.release();
  none.release();
  CHECK(none.ref_count() == 0);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("golden: bytepool, rings", "[seeds]") {
  const auto last_of = [](std::size_t pushes) {
    tarn::ring_queue<std::size_t> ring(256);
    for (std::size_t i = 1; i <= pushes; ++i)
      ring.push(i);
    return ring.values();
  };
  lengths expected(256);
  std::iota(expected.begin(), expected.end(), std::size_t{45});
  CHECK(last_of(300) == expected);
  std::iota(expected.begin(), expected.end(), std::size_t{5});
  CHECK(last_of(260) == expected);
  tarn::ring_queue<int> three(3);
  three.push(1);
  CHECK_FALSE(three.full());
  CHECK(three.size() == 1);
  CHECK(three.values() == std::vector<int>{1});
}

TEST_CASE("golden: Portask's monitor, 4 ready and at most 16", "[seeds]") {
  using pool_type = pool_of_tiers<tarn::fixed_tiers<256>>;
  pool_type pool({.initial_objects = 4, .max_objects = 16});
  tarn::monitor<pool_type> watching(pool, {.grow_below = 0.7, .growth = 1.0});
  tarn::event_log log;
  const auto token = log.watch(pool);
  std::vector<pool_type::buffer> out;
  for (int i = 0; i != 200; ++i)
    out.push_back(pool.get(256));
  CHECK(portask_of(pool).hit_count == 4);
  CHECK(portask_of(pool).miss_count == 196);
  CHECK(portask_of(pool).hit_ratio() == 0.02);
  const auto found = (watching.check)();
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == tarn::monitor_finding::verdict::grow);
  CHECK(found[0].gets == 200);
  CHECK(std::abs(found[0].hit_rate - 0.02) < 1e-9);
  REQUIRE(log.events().size() == 1);
  CHECK(log.events()[0].kind == tarn::event_kind::grow);
  CHECK(log.events()[0].old_size == 16);
  CHECK(log.events()[0].new_size == 32);
}

TEST_CASE("golden: Portask's monitor, 1 ready and at most 64", "[seeds]") {
  using pool_type = pool_of_tiers<tarn::fixed_tiers<256>>;
  pool_type pool({.initial_objects = 1, .max_objects = 64});
  tarn::monitor<pool_type> watching(pool);
  std::vector<pool_type::buffer> out;
  const auto get_many = [&] {
    for (int i = 0; i != 200; ++i)
      out.push_back(pool.get(256));
  };
  get_many();
  CHECK(portask_of(pool).hit_count == 1);
  CHECK(portask_of(pool).miss_count == 199);
  static_cast<void>((watching.check)());
  CHECK(portask_of(pool).max_objects == 96);
  // There, the reported bound stays 64, so each step goes to 96.
  get_many();
  get_many();
  static_cast<void>((watching.check)());
  CHECK(portask_of(pool).max_objects == 144);
}

TEST_CASE("golden: Portask, resize, events, the buffer pool and messages", "[seeds]") {
  pool_of_tiers<tarn::fixed_tiers<256>> pool({.initial_objects = 64, .max_objects = 64});
  pool.resize(0, 128);
  CHECK(portask_of(pool).current_objects == 128);
  CHECK(portask_of(pool).max_objects == 128);  // 64 is reported there
  pool.resize(0, 32);
  CHECK(portask_of(pool).current_objects == 32);  // a smaller size does nothing there
  CHECK(portask_of(pool).max_objects == 32);

  tarn::event_log log;
  for (int i = 0; i != 500; ++i)
    log.add_event({.message = std::to_string(i)});
  CHECK(log.events().size() == 100);  // 101 there
  CHECK(log.events().front().message == "400");
  CHECK(log.total() == 500);

  pool_of_tiers<tarn::small_tiers> buffers;
  buffers.put(buffers.get(40));
  std::vector<decltype(buffers)::buffer> out;
  for (int i = 0; i != 3; ++i) {
    out.push_back(buffers.get(64));
    CHECK(out.back().capacity() == 64);  // 40, 64, 64 there
  }
  CHECK(buffers.snapshot().tier_for(64)->in_use == 3);  // 2 there: it counted the foreign put

  tarn::message_pool<> messages({.capacity = 10});
  const auto a = messages.get();
  const auto b = messages.get();
  const auto s = portask_of(messages);
  CHECK(s.hit_count == 0);  // 2 there, a ratio of 1
  CHECK(s.miss_count == 2);
  CHECK(s.max_objects == 10);
  CHECK(s.current_objects == 0);
  CHECK(s.memory_usage_bytes == 0);  // 640 there: 64 bytes for each of the capacity
}

TEST_CASE("golden: synk, what is cut off a block of 32 KiB", "[seeds]") {
  using tiers = tarn::power_of_two_tiers<2 * kib, 2 * mib>;
  test::failing_source source;
  tarn::byte_pool<std::mutex, tarn::counting_stats,
                  tarn::traits<tiers, tarn::no_check, test::failing_source>>
      pool({.max_objects_by_tier = tarn::tier_bounds::halving(256, 8)}, {}, source);
  lengths slots;
  for (const auto& t : pool.occupancy().tiers)
    slots.push_back(t.max_idle);
  CHECK(slots == lengths{256, 128, 64, 32, 16, 8, 8, 8, 8, 8, 8});

  const auto* const base = pool.get(32 * kib).data();
  auto front = pool.get(20000);
  CHECK(front.data() == base);
  CHECK(front.size() == 20000);
  CHECK(front.capacity() == 32 * kib);  // 20000 there: the tail went to the tier of 8 KiB
  auto tail = pool.get(8192);
  CHECK(tail.size() == 8192);
  CHECK((tail.data() < base || tail.data() >= base + 32 * kib));  // base + 20000 there
  std::memset(tail.data(), 't', tail.size());
  front.reset();
  auto whole = pool.get(32768);
  CHECK(whole.data() == base);
  std::memset(whole.data(), 'w', whole.size());
  CHECK(tail.view() == std::string(8192, 't'));  // overwritten there
  CHECK(pool.get(3000).size() == 3000);
  CHECK(pool.get(3000).capacity() == 4096);  // 3000 there, and an entry in a table

  // 3 MiB come back, then 5 MiB are asked for: exactly these, 6,152,192 there.
  static_cast<void>(pool.get(3 * mib));
  CHECK(pool.get(5 * mib).capacity() == 5 * mib);
}

TEST_CASE("golden: Go-CacheX, copies and capacities", "[seeds]") {
  tarn::byte_pool<> pool;
  const std::string two(2000, 7);
  const std::string one(900, 7);
  CHECK(tarn::copy_value(std::string_view(two), pool).view() == two);  // 2000 zeros there
  const auto copy = tarn::copy_value(std::string_view(one), pool);
  CHECK(copy.view() == one);
  CHECK(copy.capacity() == 1024);

  tarn::object_pool<std::vector<std::byte>> buffers({.default_capacity = 1024});
  CHECK(buffers.get(100)->capacity() == 1024);
  CHECK(buffers.get(0)->capacity() == 1024);

  pool_of_tiers<tarn::cache_tiers> tiered;
  CHECK(tiered.get(512).capacity() == 512);
  CHECK(tiered.get(4096).capacity() == 4096);
  CHECK(tiered.get(16384).capacity() == 16384);
  CHECK(tiered.get(100000).capacity() == 100000);  // 16384 there
}
