// SPDX-License-Identifier: MIT
//
// The number of idle objects that a pool keeps, and when they are destroyed.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using namespace std::chrono_literals;
using test::tracked;

template <class P>
using kept_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

template <class P>
using built_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::build_objects, tarn::no_check, test::failing_source>>;

// True where a thread keeps some idle objects in addition to those of the depot.
template <class P>
constexpr bool is_thread_cached = false;
template <class L, class S>
constexpr bool is_thread_cached<test::policies<tarn::thread_cached<L>, S>> = true;

template <class Pool>
void take_and_return(Pool& pool, std::size_t objects) {
  std::vector<typename Pool::handle> out;
  for (std::size_t i = 0; i != objects; ++i)
    out.push_back(pool.get());
}

template <class Pool>
std::uint64_t discarded(const Pool& pool) {
  return pool.occupancy().tiers[0].discarded;
}

void check_nothing_left(const test::failing_source& source) {
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("objects above max_objects are discarded and destroyed", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t most : {0u, 1u, 8u, 100u, 700u}) {
    INFO("max_objects " << most);
    test::failing_source source;
    tracked::start();
    {
      kept_pool<TestType> pool({.max_objects = most}, {}, source);
      take_and_return(pool, 1500);
      const auto alive = static_cast<std::size_t>(tracked::alive());
      if constexpr (is_thread_cached<TestType>) {
        // As many again may stay with the thread.
        CHECK(alive <= 2 * most);
        CHECK(alive >= most);
      } else {
        CHECK(alive == most);
      }
      CHECK(discarded(pool) == 1500 - alive);
      CHECK(test::imbalance(pool) == "");
      take_and_return(pool, 1500);  // the pool continues to work
      CHECK(static_cast<std::size_t>(tracked::alive()) <= 2 * most);
      CHECK(tracked::made() == static_cast<long>(discarded(pool)) + tracked::alive());
    }
    check_nothing_left(source);
  }
}

TEMPLATE_LIST_TEST_CASE("max_bytes bounds the idle objects of a pool", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({.max_bytes = 64 * sizeof(tracked), .shard_bytes = 0}, {}, source);
    take_and_return(pool, 3000);
    CHECK(tracked::alive() <= 64 + 512);  // one cache in addition to the depot
    CHECK(test::imbalance(pool) == "");
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("a capacity is exact", "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({.capacity = 7}, {}, source);
    for (int round = 0; round != 3; ++round) {
      std::vector<typename kept_pool<TestType>::handle> out(7);
      pool.get_bulk(out);
      CHECK_FALSE(pool.try_get());
      CHECK_THROWS_AS(pool.get(), std::bad_alloc);
      out[3].reset();
      CHECK(pool.try_get());
    }
    CHECK(pool.occupancy().tiers[0].created == 7);
    CHECK(test::imbalance(pool) == "");
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("trim, drain and clear destroy what is idle and spare what is out",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({}, {}, source);
    for (int way = 0; way != 3; ++way) {
      INFO("way " << way);
      auto out = pool.get();
      out->value = 5;
      take_and_return(pool, 3000);  // the blocks of a few slabs
      CHECK(tracked::alive() == 3001);
      switch (way) {
        case 0:
          CHECK(pool.trim() > 0);
          break;
        case 1:
          pool.drain();
          break;
        default:
          pool.clear();
          break;
      }
      CHECK(tracked::alive() == 1);
      CHECK(out->value == 5);
      CHECK(pool.occupancy().in_use() == 1);
      CHECK(source.live_blocks() == 1);  // the slab of the object that is in use
      CHECK(test::imbalance(pool) == "");
    }
    CHECK(pool.trim() > 0);
    CHECK(source.live_bytes() == 0);
    CHECK(pool.trim() == 0);
    // Trimming to a number of bytes keeps about that many bytes.
    take_and_return(pool, 1200);
    pool.trim(300 * pool.occupancy().tiers[0].stride_bytes);
    CHECK(tracked::alive() <= 300);
    CHECK(tracked::alive() >= 200);
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("reset_and_drain makes the initial objects anew", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({.initial_objects = 12}, {}, source);
    auto out = pool.get();
    take_and_return(pool, 40);
    pool.reset_and_drain();
    CHECK(pool.occupancy().in_use() == 1);
    CHECK(tracked::alive() == 13);
    const auto made = tracked::made();
    take_and_return(pool, 12);
    CHECK(tracked::made() == made);
    CHECK(test::imbalance(pool) == "");
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("resize grows through the factory and really shrinks", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({.initial_objects = 8}, {}, source);
    auto out = pool.get();
    pool.resize(300);
    CHECK(tracked::alive() >= 300);
    CHECK(tracked::alive() <= 308);
    const auto made = tracked::made();
    take_and_return(pool, 300);
    CHECK(tracked::made() == made);
    pool.resize(20);
    CHECK(tracked::alive() == 21);
    take_and_return(pool, 200);
    // The new bound is valid for objects that return from now on, as max_objects is.
    CHECK(tracked::alive() <= (is_thread_cached<TestType> ? 41 : 21));
    pool.resize(0);
    CHECK(tracked::alive() == 1);
    pool.resize(5);
    CHECK(tracked::alive() == 6);
    out.reset();
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("idle objects go after a cleanup interval, busy ones stay", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    kept_pool<TestType> pool({.initial_objects = 50, .cleanup_interval = 10s}, {}, source);
    auto out = pool.get();
    CHECK(pool.maintain(100s) == 0);  // the first call only looks
    CHECK(pool.maintain(101s) == 0);  // too early
    CHECK(tracked::alive() == 50);
    CHECK(pool.maintain(110s) == 49);
    CHECK(tracked::alive() == 1);
    CHECK(pool.maintain(120s) == 0);
    CHECK(out->value == 0);

    // Objects that are used between two calls stay, the others are destroyed.
    take_and_return(pool, 400);
    static_cast<void>(pool.maintain(130s));
    CHECK(tracked::alive() == 401);
    take_and_return(pool, 100);
    static_cast<void>(pool.maintain(140s));
    CHECK(tracked::alive() >= 101);
    static_cast<void>(pool.maintain(150s));
    static_cast<void>(pool.maintain(160s));
    CHECK(tracked::alive() == 1);
    CHECK(test::imbalance(pool) == "");
  }
  check_nothing_left(source);
}

TEMPLATE_LIST_TEST_CASE("without a cleanup interval idle objects decay, but for the initial ones",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  tracked::start();
  kept_pool<TestType> pool({.initial_objects = 5});
  take_and_return(pool, 45);
  CHECK(pool.maintain(1s) == 0);  // the first call only looks
  CHECK(pool.maintain(2s) == 23);
  CHECK(tracked::alive() == 22);
  CHECK(pool.maintain(2s + 999ms) == 0);
  CHECK(pool.maintain(3s) == 11);
  CHECK(pool.maintain(4s) == 6);
  CHECK(pool.maintain(5s) == 0);
  CHECK(pool.maintain(1000000s) == 0);
  CHECK(tracked::alive() == 5);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("the bounds hold for blocks of built objects as well", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    built_pool<TestType> pool({.initial_objects = 10, .max_objects = 10}, {}, source);
    {
      std::vector<typename built_pool<TestType>::handle> out;
      for (int i = 0; i != 2000; ++i)
        out.push_back(pool.make(i));
    }
    CHECK(discarded(pool) >= 1980);
    CHECK(test::imbalance(pool) == "");
    pool.reset_and_drain();
    CHECK(pool.occupancy().idle() == 10);
    pool.resize(0);
    pool.drain();
    CHECK(source.live_bytes() == 0);
    CHECK(tracked::alive() == 0);
  }
  check_nothing_left(source);
}

TEST_CASE("the presets work on real pools", "[object_pool]") {
  const auto try_out = [](tarn::options preset, std::size_t initial, std::size_t most,
                          std::chrono::nanoseconds interval) {
    test::failing_source source;
    tracked::start();
    {
      using pool_type = tarn::object_pool<
          tracked, std::mutex, tarn::counting_stats,
          tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;
      pool_type pool(preset, {}, source);
      CHECK(tracked::alive() == static_cast<long>(initial));
      take_and_return(pool, most + 50);
      CHECK(tracked::alive() == static_cast<long>(most));
      CHECK(discarded(pool) == 50);
      static_cast<void>(pool.maintain(interval));
      CHECK(pool.maintain(2 * interval - 1ns) == 0);
      CHECK(pool.maintain(2 * interval) == most);
      CHECK(tracked::alive() == 0);
    }
    check_nothing_left(source);
  };
  try_out(tarn::options::standard(), 100, 1000, 5min);
  try_out(tarn::options::high_throughput(), 1000, 10000, 1min);
  try_out(tarn::options::constrained(), 100, 1000, 30s);
}

TEST_CASE("a pool sized for a rate misses nothing at that load", "[object_pool]") {
  auto o = tarn::options::for_rate(50.0);  // held for ten seconds each
  CHECK(o.initial_objects == 500u);
  CHECK(o.max_objects == 1000u);
  tarn::object_pool<tracked> pool(o);
  tracked::start();
  for (int round = 0; round != 3; ++round)
    take_and_return(pool, 500);
  CHECK(tracked::made() == 0);
  CHECK(pool.snapshot().total().misses == 0);
}

TEST_CASE("options that make no sense are refused before anything is made", "[object_pool]") {
  tracked::start();
  using pool_type = tarn::object_pool<tracked>;
  CHECK_THROWS_AS(pool_type({.initial_objects = 5, .max_objects = 4}), std::invalid_argument);
  CHECK_THROWS_AS(pool_type({.initial_objects = 5, .capacity = 4}), std::invalid_argument);
  CHECK_THROWS_AS(pool_type({.slab_bytes = 1000}), std::invalid_argument);
  CHECK(tracked::made() == 0);
}

TEMPLATE_LIST_TEST_CASE("what is tried is empty where the other form throws", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<std::vector<int>, typename TestType::lock> pool(
      {.capacity = 3, .default_capacity = 40});
  {
    auto a = pool.try_get(100);
    CHECK(a->capacity() >= 100);
    CHECK(pool.try_get(0)->capacity() >= 40);
    std::vector<typename decltype(pool)::handle> three(3);
    CHECK_FALSE(pool.try_get_bulk(three));  // one object is in use
    CHECK_THROWS_AS(pool.get_bulk(three), std::bad_alloc);
    for (const auto& handle : three)
      CHECK_FALSE(handle);
    a.reset();
    CHECK(pool.try_get_bulk(three));
    CHECK_FALSE(pool.try_get());
    CHECK_FALSE(pool.try_get(5));
    CHECK_THROWS_AS(pool.get(5), std::bad_alloc);
  }
  CHECK(test::imbalance(pool) == "");
  CHECK(pool.occupancy().in_use() == 0);
}
