// SPDX-License-Identifier: MIT
//
// A pool with a capacity: exactly that many messages, and waiting for one.

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

template <class P>
using pool_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a capacity is exact, and a get past it says so", "[message_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const std::size_t capacity : {0u, 1u, 7u}) {
    INFO("capacity " << capacity);
    pool_of<TestType> pool({.name = "orders", .capacity = capacity});
    for (int round = 0; round != 3; ++round) {
      std::vector<typename pool_of<TestType>::handle> out;
      for (std::size_t i = 0; i != capacity; ++i)
        out.push_back(pool.get());
      CHECK_FALSE(pool.try_get());
      CHECK_FALSE(pool.get_for(0ms));
      std::string text;
      try {
        static_cast<void>(pool.get());
      } catch (const tarn::pool_exhausted& e) {
        text = e.what();
      }
      CHECK(text.find("'orders'") != text.npos);
      CHECK(text.find("capacity " + std::to_string(capacity)) != text.npos);
      CHECK(pool.in_flight() == capacity);
      if (capacity == 0) continue;
      out[capacity / 2].reset();
      out[capacity / 2] = pool.get();
      CHECK_FALSE(pool.try_get());
    }
    CHECK(pool.in_flight() == 0);
    CHECK(pool.occupancy().tiers[0].created == capacity);
    CHECK(test::imbalance(pool) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("what is shared is in use until its last owner goes", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  typename pool_of<TestType>::shared sinks[3];
  pool.share(pool.get(), sinks);
  for (auto& s : sinks) {
    CHECK_FALSE(pool.try_get());
    s.reset();
  }
  CHECK(pool.try_get());
}

TEMPLATE_LIST_TEST_CASE("a get that waits in vain comes back empty, and not too early",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  auto out = pool.get();
  auto begin = clock_type::now();
  CHECK_FALSE(pool.get_for(20ms));
  CHECK(clock_type::now() - begin >= 20ms);
  begin = clock_type::now();
  CHECK_FALSE(pool.get_until(begin.time_since_epoch() + 20ms));
  CHECK(clock_type::now() - begin >= 20ms);
  CHECK_FALSE(pool.get_for(-1s));
  CHECK_FALSE(pool.get_until(0s));
  out.reset();
  CHECK(pool.get_for(0s));
  CHECK(pool.get_for(std::chrono::hours(24) * 365 * 200));
  CHECK(pool.get_for(std::chrono::hours::max()));
  CHECK(pool.get_until(0s));
  pool_of<TestType> of_none({.capacity = 0});
  CHECK_FALSE(of_none.get_for(std::chrono::hours::max()));
}

TEST_CASE("without a lock no other thread gives anything back: a get does not wait",
          "[message_pool]") {
  tarn::message_pool<tarn::message, tarn::no_lock> pool({.capacity = 1});
  const auto out = pool.get();
  const auto begin = clock_type::now();
  CHECK_FALSE(pool.get_for(1h));
  CHECK_FALSE(pool.get_until(begin.time_since_epoch() + 1h));
  CHECK(clock_type::now() - begin < 1min);
}

TEMPLATE_LIST_TEST_CASE("without a capacity there is nothing to wait for", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  std::vector<typename pool_of<TestType>::handle> out;
  for (int i = 0; i != 3000; ++i)
    out.push_back(i % 2 == 0 ? pool.get_for(1h) : pool.get_until(0s));
  CHECK(pool.in_flight() == 3000);
  pool.close();
  CHECK_FALSE(pool.get_for(1h));
}

TEMPLATE_LIST_TEST_CASE("a put wakes the one that waits", "[message_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  auto out = pool.get();
  bool got = false;
  {
    std::jthread waiter([&] { got = static_cast<bool>(pool.get_for(1min)); });
    std::this_thread::sleep_for(20ms);
    out.reset();
  }
  CHECK(got);
  CHECK(pool.in_flight() == 0);
}

TEMPLATE_LIST_TEST_CASE("closing wakes all that wait, at the pool and at its consumers",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 2});
  auto consumer = pool.consumer(1);
  const auto one = consumer.get();
  const auto two = pool.get();
  int empty = 0;
  {
    std::vector<std::jthread> waiters;
    std::atomic<int> ended{0};
    for (int i = 0; i != 4; ++i) {
      waiters.emplace_back([&, i] {
        const auto got = i % 2 == 0 ? pool.get_for(1min) : consumer.get_for(1min);
        ended += got ? 100 : 1;
      });
    }
    std::this_thread::sleep_for(20ms);
    pool.close();
    waiters.clear();
    empty = ended;
  }
  CHECK(empty == 4);
  CHECK_FALSE(pool.get_for(1min));
  CHECK_THROWS_AS(pool.get(), tarn::pool_closed);
  CHECK_THROWS_AS(consumer.get(), tarn::pool_closed);
  CHECK_THROWS_AS(pool.consumer(1), tarn::pool_closed);
}

TEST_CASE("a capacity that can't be counted is refused", "[message_pool]") {
  using pool_type = tarn::message_pool<>;
  CHECK_THROWS_AS(pool_type({.capacity = std::size_t{1} << 32}), std::invalid_argument);
  CHECK_NOTHROW(pool_type({.capacity = (std::size_t{1} << 32) - 1}));
}
