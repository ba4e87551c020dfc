// SPDX-License-Identifier: MIT
//
// Parts of a capacity that belong to consumers.

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

template <class P>
using pool_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

template <class Action>
std::string refusal_of(Action&& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a consumer holds up to its quota, whatever the others do",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  pool_type pool({.capacity = 10});
  auto a = pool.consumer(3);
  auto b = pool.consumer(2);
  CHECK(a.quota() == 3);
  std::vector<typename pool_type::handle> out;
  for (int i = 0; i != 5; ++i)
    out.push_back(pool.get());
  CHECK_FALSE(pool.try_get());  // five are reserved
  CHECK_THROWS_AS(pool.get(), tarn::pool_exhausted);
  for (int i = 0; i != 3; ++i)
    out.push_back(a.get());
  CHECK_FALSE(a.try_get());
  CHECK_FALSE(a.get_for(0s));
  CHECK_THROWS_AS(a.get(), tarn::pool_exhausted);
  for (int i = 0; i != 2; ++i)
    out.push_back(i == 0 ? b.get_for(1ms) : b.get_until(0s));
  CHECK_FALSE(b.try_get());
  CHECK(pool.in_flight() == 10);
  out[0].reset();  // a permit of the pool: neither consumer gets more
  CHECK_FALSE(a.try_get());
  CHECK(pool.try_get());
  out[5].reset();  // a permit of a
  CHECK_FALSE(b.try_get());
  CHECK(a.try_get());
  out.clear();
  CHECK(pool.in_flight() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("quotas together can't be above the capacity", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 5});
  auto a = pool.consumer(3);
  CHECK(refusal_of([&] { static_cast<void>(pool.consumer(3)); }) ==
        "tarn: sum of quotas 6 must be at most the capacity, 5");
  CHECK(refusal_of([&] { static_cast<void>(pool.consumer(SIZE_MAX)); }).find("at most") !=
        std::string::npos);
  CHECK(refusal_of([&] { static_cast<void>(pool.consumer(0)); }) ==
        "tarn: quota 0 must be at least 1");
  auto b = pool.consumer(2);
  CHECK_FALSE(pool.try_get());
  {
    pool_of<TestType> unbounded;
    CHECK(refusal_of([&] { static_cast<void>(unbounded.consumer(1)); }) ==
          "tarn: quota 1 needs a pool with options::capacity");
  }
}

TEMPLATE_LIST_TEST_CASE("what is out can't be promised: a consumer comes when it is back",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 2});
  auto out = pool.get();
  CHECK_THROWS_AS(pool.consumer(2), tarn::pool_exhausted);
  CHECK(pool.try_get());  // that call kept no permit
  out.reset();
  auto all = pool.consumer(2);
  CHECK_FALSE(pool.try_get());
  CHECK(all.try_get());
}

TEMPLATE_LIST_TEST_CASE("a consumer that goes gives its part back, message by message",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 3});
  std::optional consumer(pool.consumer(3));
  auto one = consumer->get();
  auto two = consumer->get();
  CHECK_FALSE(pool.try_get());
  consumer.reset();
  auto three = pool.get();  // the permit that was not out
  CHECK_FALSE(pool.try_get());
  one.reset();
  one = pool.get();
  CHECK_FALSE(pool.try_get());
  CHECK_THROWS_AS(pool.consumer(1), tarn::pool_exhausted);
  two.reset();
  auto next = pool.consumer(1);  // the quota can be given again
  CHECK_FALSE(pool.try_get());
  CHECK(next.try_get());
}

TEMPLATE_LIST_TEST_CASE("permits find home after consumer and pool are gone, in any order",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  for (int order = 0; order != 6; ++order) {
    INFO("order " << order);
    std::optional<pool_type> pool(std::in_place, tarn::options{.capacity = 4});
    std::optional consumer(pool->consumer(2));
    std::vector<typename pool_type::handle> out;
    out.push_back(consumer->get());
    out.push_back(pool->get());
    constexpr int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (const int what : orders[order]) {
      if (what == 0) pool.reset();
      if (what == 1) consumer.reset();
      if (what == 2) out.clear();
    }
  }  // a sanitizer finds blocks that were freed twice or not at all
}

TEST_CASE("a consumer can be moved", "[message_pool]") {
  tarn::message_pool<> pool({.capacity = 4});
  auto a = pool.consumer(1);
  auto b = std::move(a);
  auto one = b.get();
  CHECK_FALSE(b.try_get());
  b = pool.consumer(2);  // the first consumer ends
  CHECK(b.quota() == 2);
  auto two = b.get();
  auto three = b.get();
  CHECK(pool.try_get());
  one.reset();
  auto four = pool.get();
  auto five = pool.get();
  CHECK_FALSE(pool.try_get());
}
