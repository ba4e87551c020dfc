// SPDX-License-Identifier: MIT
//
// Kept objects under every lock and stats policy.

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

template <class P>
using kept_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

// The pool of a test, and the conditions after its end.
template <class P>
struct fixture {
  explicit fixture(tarn::options o = {}) {
    tracked::start();
    pool.emplace(std::move(o), typename kept_pool<P>::lifecycle_type{}, source);
  }
  ~fixture() {
    CHECK(test::imbalance(*pool) == "");
    pool.reset();
    CHECK(tracked::alive() == 0);
    CHECK(tracked::faults() == 0);
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  test::failing_source source;
  std::optional<kept_pool<P>> pool;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a kept object comes back reset, at the same address", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  tracked* first = nullptr;
  {
    auto object = f.pool->get();
    REQUIRE(object);
    first = object.get();
    object->value = 7;
    CHECK((*object).value == 7);
    CHECK(f.pool->owns(first));
  }
  CHECK(tracked::alive() == 1);  // kept
  for (int round = 0; round != 100; ++round) {
    auto again = f.pool->get();
    CHECK(again.get() == first);
    CHECK(again->value == 0);
    again->value = round;
  }
  CHECK(tracked::made() == 1);
  CHECK(tracked::resets() == 101);
  if constexpr (TestType::stats::counts) {
    const auto s = f.pool->snapshot();
    CHECK(s.total().gets == 101);
    CHECK(s.total().puts == 101);
    CHECK(s.total().misses == 1);
    CHECK(s.total().hits() == 100);
    CHECK(s.total().in_use == 0);
    CHECK(s.constructed == 1);
    CHECK(s.reset_failures == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("objects that are out are distinct", "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  std::set<tracked*> addresses;
  {
    std::vector<typename kept_pool<TestType>::handle> out;
    for (int i = 0; i != 1500; ++i) {
      out.push_back(i % 2 == 0 ? f.pool->get() : f.pool->try_get());
      out.back()->value = i;
      addresses.insert(out.back().get());
    }
    CHECK(addresses.size() == 1500);
    int wrong = 0;
    for (int i = 0; i != 1500; ++i)
      wrong += out[static_cast<std::size_t>(i)]->value != i;
    CHECK(wrong == 0);
    CHECK(f.pool->occupancy().in_use() == 1500);
  }
  CHECK(f.pool->occupancy().in_use() == 0);
  // The second round needs no new object: it gets the objects that came back.
  int dirty = 0;
  {
    std::vector<typename kept_pool<TestType>::handle> out;
    for (int i = 0; i != 1500; ++i) {
      out.push_back(f.pool->get());
      dirty += out.back()->value != 0;
      addresses.insert(out.back().get());
    }
  }
  CHECK(dirty == 0);
  CHECK(addresses.size() == 1500);
  CHECK(tracked::made() == 1500);
}

TEMPLATE_LIST_TEST_CASE("prewarming makes objects through the factory, and the gets are hits",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f(tarn::options{.initial_objects = 10});
  CHECK(tracked::alive() == 10);
  f.pool->prewarm(30);
  CHECK(tracked::alive() == 40);
  CHECK(f.pool->occupancy().idle() == 40);
  {
    std::vector<typename kept_pool<TestType>::handle> out(40);
    f.pool->get_bulk(out);
    CHECK(tracked::made() == 40);
    if constexpr (TestType::stats::counts) {
      CHECK(f.pool->snapshot().total().misses == 0);
      CHECK(f.pool->snapshot().total().hits() == 40);
      CHECK(f.pool->snapshot().constructed == 40);
    }
    f.pool->put_bulk(out);
    for (const auto& h : out)
      CHECK_FALSE(h);
  }
  CHECK(f.pool->occupancy().idle() == 40);
  CHECK(tracked::alive() == 40);
}

TEMPLATE_LIST_TEST_CASE("a bulk get gives all objects or none", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  std::vector<typename kept_pool<TestType>::handle> out(3000);
  f.source.fail_from(2);  // one slab only
  CHECK_THROWS_AS(f.pool->get_bulk(out), std::bad_alloc);
  int held = 0;
  for (const auto& h : out)
    held += static_cast<bool>(h);
  CHECK(held == 0);
  CHECK(f.pool->occupancy().in_use() == 0);
  f.source.never_fail();
  f.pool->get_bulk(out);
  std::set<tracked*> addresses;
  for (const auto& h : out)
    addresses.insert(h.get());
  CHECK(addresses.size() == out.size());
  CHECK(f.pool->occupancy().in_use() == out.size());
  f.pool->put_bulk(out);
  CHECK(f.pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("handles outlive the pool of kept objects", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  test::failing_source source;
  {
    typename kept_pool<TestType>::handle late;
    {
      kept_pool<TestType> pool({}, {}, source);
      auto early = pool.get();
      late = pool.get();
      late->value = 3;
    }
    CHECK(late->value == 3);
    CHECK(tracked::alive() == 1);  // the idle objects are destroyed
    CHECK(source.live_bytes() != 0);
  }
  CHECK(tracked::alive() == 0);
  CHECK(source.live_bytes() == 0);
  CHECK(tracked::faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("a closed object pool gives nothing and takes everything", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f(tarn::options{.name = "objects"});
  auto out = f.pool->get();
  {
    auto idle = f.pool->get();
  }
  f.pool->close();
  f.pool->close();
  CHECK(f.pool->closed());
  CHECK(tracked::alive() == 1);
  CHECK_THROWS_AS(f.pool->get(), tarn::pool_closed);
  CHECK_FALSE(f.pool->try_get());
  std::array<typename kept_pool<TestType>::handle, 2> bulk;
  CHECK_THROWS_AS(f.pool->get_bulk(bulk), tarn::pool_closed);
  CHECK_THROWS_AS(f.pool->prewarm(1), tarn::pool_closed);
  f.pool->put(std::move(out));
  CHECK(tracked::alive() == 0);
  CHECK(f.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("a pointer that was released from its handle is put by hand",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto object = f.pool->get();
  tracked* const bare = object.detach();
  CHECK_FALSE(object);
  CHECK(f.pool->occupancy().in_use() == 1);
  bare->value = 9;
  f.pool->put(bare);
  f.pool->put(static_cast<tracked*>(nullptr));
  f.pool->put(typename kept_pool<TestType>::handle{});
  CHECK(f.pool->occupancy().in_use() == 0);
  auto again = f.pool->get();
  CHECK(again.get() == bare);
  CHECK(again->value == 0);
}

TEMPLATE_LIST_TEST_CASE("objects taken by one thread come back on another", "[object_pool]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  std::atomic<int> dirty{0};
  {
    fixture<TestType> f;
    std::array<std::vector<typename kept_pool<TestType>::handle>, 2> crates;
    for (int round = 0; round != 20; ++round) {
      std::thread producer([&] {
        for (int i = 0; i != 100; ++i) {
          auto object = f.pool->get();
          if (object->value != 0) ++dirty;
          object->value = i + 1;
          crates[0].push_back(std::move(object));
        }
      });
      std::thread consumer([&] {
        for (auto& object : crates[1])
          object.reset();
        crates[1].clear();
      });
      producer.join();
      consumer.join();
      crates[0].swap(crates[1]);
    }
    crates[1].clear();
    CHECK(f.pool->occupancy().in_use() == 0);
    CHECK(test::imbalance(*f.pool) == "");
  }
  CHECK(dirty == 0);
}
