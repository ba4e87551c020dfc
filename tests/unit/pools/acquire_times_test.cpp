// SPDX-License-Identifier: MIT
//
// How long gets take: recording_stats times some of the gets that it follows.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/catch.hpp"
#include "support/hooked_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

using every_get = tarn::basic_recording_stats<256, 1>;
using all_policy =
    decltype(std::tuple_cat(test::some_of<test::locks, std::tuple<every_get>>(),
                            std::tuple<test::policies<tarn::per_cpu<>, every_get>>()));
using few_policy = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;

template <class P>
using bytes_of = tarn::byte_pool<typename P::lock, typename P::stats>;

// Longer than any bucket below this one.
constexpr auto a_while = 5ms;

template <class Pool>
std::uint64_t timed(const Pool& pool) {
  return pool.snapshot().acquire_times.count();
}
// The gets that took at least `a_while`, as far as buckets tell.
template <class Pool>
std::uint64_t slow(const Pool& pool) {
  const auto times = pool.snapshot().acquire_times;
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i != times.counts.size(); ++i) {
    const auto above = tarn::time_buckets::upper_bound(i - 1) * 2;
    if (above >= static_cast<std::uint64_t>(std::chrono::nanoseconds(a_while).count()))
      sum += times.counts[i];
  }
  return sum;
}

struct slow_to_build {
  explicit slow_to_build(bool fails) noexcept(false) {
    std::this_thread::sleep_for(a_while);
    if (fails) throw std::runtime_error("built in vain");
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("every get of a block that is followed is timed", "[byte_pool]",
                        all_policy) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool;
  REQUIRE(pool.snapshot().acquire_times.counts.size() == tarn::time_buckets::count);
  CHECK(timed(pool) == 0);
  CHECK(pool.snapshot().acquire_times.sum.count() == 0);
  std::vector<typename bytes_of<TestType>::buffer> held;
  for (std::size_t i = 0; i != 100; ++i)
    held.push_back(pool.get(100 * i));
  CHECK(timed(pool) == 100);
  held.clear();
  for (std::size_t i = 0; i != 100; ++i)
    pool.put(pool.get(100 * i));
  const auto s = pool.snapshot();
  CHECK(s.acquire_times.count() == 200);
  // To read the clock twice takes time; it may be less than the clock shows.
  CHECK(s.acquire_times.sum.count() >= 0);
  CHECK(s.waiting_times.empty());
}

TEMPLATE_LIST_TEST_CASE("a get above the last tier is timed", "[byte_pool]", few_policy) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool;
  for (int i = 0; i != 3; ++i)
    pool.put(pool.get(std::size_t{5} << 20));
  CHECK(timed(pool) == 3);
}

TEMPLATE_LIST_TEST_CASE("where few gets are followed, those that are timed stand for all",
                        "[byte_pool]", few_policy) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool;
  // One followed get in four of one get in 128.
  for (std::uint64_t gets = 512; gets <= 20 * 512; gets += 512) {
    for (int i = 0; i != 512; ++i)
      pool.put(pool.get(100));
    CHECK(timed(pool) == gets);
  }
}

TEMPLATE_LIST_TEST_CASE("gets in vain and gets of many at once are not timed", "[byte_pool]",
                        all_policy) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool({.capacity = 4});
  {
    std::vector<typename bytes_of<TestType>::buffer> many(4);
    pool.get_bulk(100, many);
    CHECK_FALSE(pool.try_get(100));
    CHECK(timed(pool) == 0);
  }
  pool.close();
  CHECK_FALSE(pool.try_get(100));
  CHECK(timed(pool) == 0);
}

TEMPLATE_LIST_TEST_CASE("a get that waits for the source is slow", "[byte_pool]", all_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = tarn::byte_pool<
      typename TestType::lock, typename TestType::stats,
      tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::hooked_source>>;
  test::hooked_source source;
  pool_type pool({}, {}, source);
  source.during_next_allocation([] { std::this_thread::sleep_for(a_while); });
  auto b = pool.get(100);
  CHECK(slow(pool) == 1);
  CHECK(timed(pool) == 1);
  const auto s = pool.snapshot();
  CHECK(s.acquire_times.sum >= tarn::time_span(a_while));
  CHECK(s.acquire_times.within(1) >= tarn::time_span(a_while));
}

TEMPLATE_LIST_TEST_CASE("the time of a get includes the factory of its object", "[object_pool]",
                        all_policy) {
  INFO(test::name_of<TestType>());
  bool sleeps = true;
  auto factory = [&sleeps] {
    if (std::exchange(sleeps, false)) std::this_thread::sleep_for(a_while);
    return std::string();
  };
  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats,
                    tarn::object_traits<tarn::keep_objects<decltype(factory)>>>
      pool({}, {factory});
  {
    auto first = pool.get();
    CHECK(slow(pool) == 1);
    auto second = pool.get();
    CHECK(timed(pool) == 2);
  }
  {
    auto kept = pool.get();
  }
  CHECK(timed(pool) == 3);
}

TEMPLATE_LIST_TEST_CASE("an object that could not be built is no get", "[object_pool]",
                        all_policy) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<slow_to_build, typename TestType::lock, typename TestType::stats,
                    tarn::object_traits<tarn::build_objects>>
      pool;
  CHECK_THROWS_AS(pool.make(true), std::runtime_error);
  CHECK(timed(pool) == 0);
  {
    auto good = pool.make(false);
  }
  CHECK(slow(pool) == 1);
  CHECK(timed(pool) == 1);
}

TEMPLATE_LIST_TEST_CASE("messages are timed as objects are", "[message_pool]", all_policy) {
  INFO(test::name_of<TestType>());
  tarn::message_pool<tarn::message, typename TestType::lock, typename TestType::stats> pool(
      {.capacity = 2});
  for (int i = 0; i != 5; ++i)
    pool.put(pool.get());
  CHECK(timed(pool) == 5);
}

TEST_CASE("a pool that does not record has no times of gets", "[byte_pool]") {
  tarn::byte_pool<> pool;
  pool.put(pool.get(100));
  CHECK(pool.snapshot().acquire_times.empty());
}

TEST_CASE("threads time their gets beside each other", "[byte_pool]") {
  tarn::byte_pool<tarn::thread_cached<>, every_get> pool;
  constexpr int threads = 4, gets = 2000;
  std::uint64_t fell = 0;
  {
    std::vector<std::jthread> all;
    for (int t = 0; t != threads; ++t) {
      all.emplace_back([&] {
        for (int i = 0; i != gets; ++i)
          pool.put(pool.get(100));
      });
    }
    std::vector<std::uint64_t> before(tarn::time_buckets::count);
    tarn::time_span sum;
    for (int look = 0; look != 200; ++look) {
      const auto now = pool.snapshot().acquire_times;
      for (std::size_t i = 0; i != before.size(); ++i)
        fell += now.counts[i] < before[i];
      fell += now.sum < sum;
      before = now.counts;
      sum = now.sum;
    }
  }
  CHECK(fell == 0);
  CHECK(timed(pool) == threads * gets);
}
