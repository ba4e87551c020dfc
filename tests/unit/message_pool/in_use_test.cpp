// SPDX-License-Identifier: MIT
//
// How many messages a consumer has, and had at most.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class P>
using pool_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

struct sometimes {
  bool* fails;
  std::string operator()() const {
    if (*fails) throw std::runtime_error("no message today");
    return {};
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a consumer counts its live messages, and the most of them",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 10});
  auto a = pool.consumer(4);
  auto b = pool.consumer(2);
  CHECK(a.in_use() == 0);
  CHECK(a.most_in_use() == 0);
  auto other = pool.get();
  {
    auto one = a.get();
    auto two = a.get_for(std::chrono::seconds(1));
    auto three = a.try_get();
    CHECK(a.in_use() == 3);
    one.reset();
    CHECK(a.in_use() == 2);
    typename pool_of<TestType>::shared sinks[3];
    pool.share(std::move(two), sinks);
    CHECK(a.in_use() == 2);  // one message, however many own it
  }
  CHECK(a.in_use() == 0);
  CHECK(a.most_in_use() == 3);
  CHECK(b.most_in_use() == 0);
  const auto mine = b.get();
  CHECK(b.in_use() == 1);
  CHECK(a.in_use() == 0);
  auto moved = std::move(a);
  CHECK(moved.most_in_use() == 3);
  CHECK(pool.most_in_flight() <= 8);  // at most what is live or reserved
  CHECK(pool.most_in_flight() >= 4);
}

TEMPLATE_LIST_TEST_CASE("a get that fails was never in use", "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  bool fails = true;
  using lifecycle = tarn::keep_objects<sometimes>;
  tarn::message_pool<std::string, typename TestType::lock, typename TestType::stats,
                     tarn::object_traits<lifecycle>>
      pool({.capacity = 5}, lifecycle{sometimes{&fails}});
  auto consumer = pool.consumer(2);
  CHECK_THROWS_AS(consumer.get(), std::runtime_error);
  CHECK_THROWS_AS(pool.get(), std::runtime_error);
  CHECK(consumer.in_use() == 0);
  CHECK(consumer.most_in_use() == 0);
  fails = false;
  {
    const auto one = consumer.get();
  }
  CHECK(consumer.most_in_use() == 1);
}

TEMPLATE_LIST_TEST_CASE("what others give back at the same time leaves no gap in the mark",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 6});
  auto consumer = pool.consumer(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i != 500; ++i) {
        const auto m = consumer.try_get();
        if (!m) continue;
        const int now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(consumer.in_use() == 0);
  CHECK(consumer.most_in_use() >= static_cast<std::size_t>(most));
  CHECK(consumer.most_in_use() <= consumer.quota());
}
