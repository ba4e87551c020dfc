// SPDX-License-Identifier: MIT
//
// The objects of a pool, visited by the one thread that uses it.

#include <cstddef>
#include <new>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/visit.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"

namespace {

using one_thread = test::cross<std::tuple<tarn::no_lock>, test::stats>::type;

template <class P>
using kept_pool = tarn::object_pool<int, typename P::lock, typename P::stats>;
template <class P>
using built_pool = tarn::built_pool<int, typename P::lock, typename P::stats>;

template <class Pool>
[[nodiscard]] std::set<const int*> live(Pool& pool) {
  std::set<const int*> found;
  std::size_t calls = 0;
  tarn::for_each_live(pool, [&](int& object) {
    found.insert(&object);
    ++calls;
  });
  CHECK(calls == found.size());
  return found;
}
template <class Pool>
[[nodiscard]] std::set<const int*> idle(Pool& pool) {
  std::set<const int*> found;
  tarn::for_each_idle(pool, [&](int& object) { found.insert(&object); });
  return found;
}
template <class Handles>
[[nodiscard]] std::set<const int*> owned(const Handles& handles) {
  std::set<const int*> all;
  for (const auto& h : handles)
    all.insert(h.get());
  return all;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("each live object is visited once, and no idle one", "[visit]",
                        one_thread) {
  INFO(test::name_of<TestType>());
  kept_pool<TestType> pool;
  CHECK(live(pool).empty());
  CHECK(idle(pool).empty());
  std::vector<typename kept_pool<TestType>::handle> held;
  for (std::size_t count : {1u, 700u, 3000u}) {
    while (held.size() < count)
      held.push_back(pool.get());
    CHECK(live(pool) == owned(held));
    // Every other one goes home, so that cache, magazines and slabs have both kinds.
    std::set<const int*> home;
    std::vector<typename kept_pool<TestType>::handle> rest;
    for (std::size_t i = 0; i != held.size(); ++i) {
      if (i % 2 == 0) {
        home.insert(held[i].get());
        held[i].reset();
      } else {
        rest.push_back(std::move(held[i]));
      }
    }
    held = std::move(rest);
    CHECK(live(pool) == owned(held));
    CHECK(idle(pool) == home);
    pool.drain();
    CHECK(live(pool) == owned(held));
    CHECK(idle(pool).empty());
  }
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("built objects and objects that were given up are live", "[visit]",
                        one_thread) {
  INFO(test::name_of<TestType>());
  built_pool<TestType> pool;
  std::vector<typename built_pool<TestType>::handle> held;
  for (int i = 0; i != 300; ++i)
    held.push_back(pool.make(i));
  int* const by_hand = pool.make(7).detach();
  held.erase(held.begin() + 100, held.begin() + 200);
  auto expected = owned(held);
  expected.insert(by_hand);
  CHECK(live(pool) == expected);
  pool.close();
  CHECK(live(pool) == expected);
  pool.put(by_hand);
}

TEST_CASE("a visit may change the objects, and what it throws changes nothing", "[visit]") {
  tarn::object_pool<int, tarn::no_lock> pool;
  auto one = pool.get();
  auto two = pool.get();
  tarn::for_each_live(pool, [](int& object) { object = 5; });
  CHECK(*one + *two == 10);
  struct stop {};
  CHECK_THROWS_AS(tarn::for_each_live(pool, [](int&) { throw stop(); }), stop);
  two.reset();
  CHECK(live(pool) == std::set<const int*>{one.get()});
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("without memory for its list a visit throws before it begins", "[visit]") {
  tarn::object_pool<int, tarn::no_lock> pool;
  const auto kept = pool.get();
  static_cast<void>(pool.get());
  int calls = 0;
  bool threw = false;
  CHECK(test::with_failing_heap(0, [&] {
    try {
      tarn::for_each_live(pool, [&](int&) { ++calls; });
    } catch (const std::bad_alloc&) {
      threw = true;
    }
  }));
  CHECK(threw);
  CHECK(calls == 0);
  CHECK(live(pool) == std::set<const int*>{kept.get()});
}
