// SPDX-License-Identifier: MIT
//
// Objects constructed in place under every lock and stats policy.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

using built = tarn::object_traits<tarn::build_objects, tarn::no_check, test::failing_source>;

template <class T, class P>
using built_pool = tarn::object_pool<T, typename P::lock, typename P::stats, built>;

// Neither default-constructible nor movable: it can only be constructed at its final address.
struct session {
  session(std::unique_ptr<int> n, std::string& other, const char* what)
      : number(std::move(n)), log(other), text(what) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  std::unique_ptr<int> number;
  std::string& log;
  std::string text;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("objects are built with arguments and destroyed on their return",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  test::failing_source source;
  {
    built_pool<tracked, TestType> pool({}, {}, source);
    void* first = nullptr;
    {
      auto object = pool.make(5);
      first = object.get();
      CHECK(object->value == 5);
      CHECK(tracked::alive() == 1);
    }
    CHECK(tracked::alive() == 0);
    {
      auto object = pool.try_make(6);
      CHECK(object.get() == first);
      CHECK(object->value == 6);
      auto other = pool.make();
      CHECK(other->value == 0);
      CHECK(tracked::alive() == 2);
      object.reset();
      CHECK(tracked::alive() == 1);
      pool.put(std::move(other));
      CHECK(tracked::alive() == 0);
    }
    CHECK(tracked::resets() == 0);  // an object that is destroyed is not reset
    CHECK(test::imbalance(pool) == "");
    if constexpr (TestType::stats::counts) {
      const auto t = pool.snapshot().total();
      CHECK(t.gets == 3);
      CHECK(t.puts == 3);
      CHECK(t.misses == 2);
    }
  }
  CHECK(tracked::faults() == 0);
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("arguments are forwarded and the object stays where it was built",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  built_pool<session, TestType> pool;
  std::string log;
  auto object = pool.make(std::make_unique<int>(3), log, "hello");
  CHECK(*object->number == 3);
  CHECK(&object->log == &log);
  CHECK(object->text == "hello");
  const session* const place = object.get();
  auto moved = std::move(object);
  CHECK(moved.get() == place);
}

TEMPLATE_LIST_TEST_CASE("a constructor that throws loses no slot", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  test::failing_source source;
  {
    // One block in total: a lost block would be noticed.
    built_pool<tracked, TestType> pool({.capacity = 1}, {}, source);
    for (int round = 0; round != 5; ++round) {
      tracked::throw_at(1);
      CHECK_THROWS_AS(pool.make(1), tracked::thrown);
      tracked::throw_at(1);
      CHECK_THROWS_AS(pool.try_make(1), tracked::thrown);
      CHECK(pool.occupancy().in_use() == 0);
      auto object = pool.make(round);
      CHECK(object->value == round);
      CHECK_THROWS_AS(pool.make(1), std::bad_alloc);
      CHECK_FALSE(pool.try_make(1));
    }
    CHECK(test::imbalance(pool) == "");
    CHECK(pool.occupancy().tiers[0].created == 1);
  }
  CHECK(tracked::alive() == 0);
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("prewarming a pool of built objects makes blocks, no objects",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  test::failing_source source;
  {
    built_pool<tracked, TestType> pool({.initial_objects = 20}, {}, source);
    CHECK(tracked::made() == 0);
    CHECK(pool.occupancy().idle() == 20);
    const auto asked = source.allocations();
    std::vector<typename built_pool<tracked, TestType>::handle> out;
    for (int i = 0; i != 20; ++i)
      out.push_back(pool.make(i));
    CHECK(source.allocations() == asked);
    if constexpr (TestType::stats::counts) CHECK(pool.snapshot().total().misses == 0);
    // Handles outlive the pool here as well.
    pool.close();
    CHECK_THROWS_AS(pool.make(1), tarn::pool_closed);
    CHECK_FALSE(pool.try_make(1));
    CHECK(tracked::alive() == 20);
  }
  CHECK(tracked::alive() == 0);
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("handles outlive the pool of built objects", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  test::failing_source source;
  {
    typename built_pool<tracked, TestType>::handle late;
    {
      built_pool<tracked, TestType> pool({}, {}, source);
      auto early = pool.make(1);
      late = pool.make(2);
    }
    CHECK(late->value == 2);
    CHECK(tracked::alive() == 1);
  }
  CHECK(tracked::alive() == 0);
  CHECK(source.live_bytes() == 0);
}
