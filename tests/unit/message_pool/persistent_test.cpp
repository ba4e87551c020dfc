// SPDX-License-Identifier: MIT
//
// Messages that never go back to a pool, behind the handles of pooled ones.

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/immortal.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/persistent_message.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

template <class P, class M = std::string>
using pool_of = tarn::message_pool<M, typename P::lock, typename P::stats>;
template <class P, class M = std::string>
using persistent_of = tarn::persistent_message<pool_of<P, M>>;

struct pinned {  // neither copied nor moved
  explicit pinned(int n) : value(n) {}
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
  void reset() noexcept {}
  int value = 0;
};
struct fragile {
  fragile() { throw std::runtime_error("not today"); }
  void reset() noexcept {}
};

static_assert(!std::is_copy_constructible_v<tarn::persistent_message<tarn::message_pool<>>>);
static_assert(std::is_nothrow_move_constructible_v<tarn::persistent_message<tarn::message_pool<>>>);
static_assert(!std::is_constructible_v<tarn::persistent_message<tarn::message_pool<std::string>>,
                                       std::vector<int>>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("its handles are those of the pool, and are never the only owner",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const persistent_of<TestType> beat("alive");
  CHECK(*beat == "alive");
  pool_of<TestType> pool({.capacity = 1});
  typename pool_of<TestType>::shared sink = pool.share(pool.get());
  sink = beat.share();  // the pooled message went back
  CHECK(pool.in_flight() == 0);
  CHECK(sink.get() == beat.get());
  CHECK_FALSE(sink.unique());
  CHECK(sink.ref_count() == 2);
  CHECK_FALSE(sink.make_unique());
  CHECK(*sink == "alive");
  auto other = sink;
  CHECK(sink.ref_count() == 3);
  other.reset();
  sink = pool.share(pool.get());
  CHECK(pool.in_flight() == 1);
  CHECK(*beat == "alive");
  CHECK(beat.share().ref_count() == 2);
}

TEMPLATE_LIST_TEST_CASE("many sinks get it at once, and it never goes to a pool", "[message_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  const persistent_of<TestType> beat("alive");
  pool_of<TestType> pool;
  {
    std::array<typename pool_of<TestType>::shared, 5> sinks;
    sinks[2] = pool.share(pool.get());
    beat.share(sinks);
    CHECK(pool.in_flight() == 0);
    CHECK(sinks[4].ref_count() == 6);
    beat.share({});
  }
  CHECK(beat.share().ref_count() == 2);
  CHECK(pool.occupancy().tiers[0].idle == 1);
  CHECK_FALSE(pool.owns(beat.get()));
}

TEST_CASE("the message is made in place, destroyed once, and moves with its owner",
          "[message_pool]") {
  using thread = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
  const persistent_of<thread, pinned> fixed(7);
  CHECK(fixed->value == 7);
  CHECK_THROWS_AS((persistent_of<thread, fragile>()), std::runtime_error);
  tracked::start();
  {
    persistent_of<thread, tracked> a;
    const auto* const place = a.get();
    auto b = std::move(a);
    CHECK(b.get() == place);
    CHECK(a.get() == nullptr);
    CHECK_FALSE(a.share());
    a = std::move(b);
    CHECK(a.get() == place);
    CHECK(tracked::alive() == 1);
    a = persistent_of<thread, tracked>();
    CHECK(tracked::alive() == 1);
  }
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
}

TEST_CASE("a handle that is left keeps the message for ever", "[message_pool]") {
  using pool_type = tarn::message_pool<tracked>;
  // Never destroyed, so that a leak checker finds the way to the message.
  static auto& left = *new pool_type::shared;
  tracked::start();
  {
    const tarn::persistent_message<pool_type> ends;
    left = ends.share();
  }
  CHECK(tracked::alive() == 1);
  CHECK(left->value == tracked().value);
  const auto copy = left;
  CHECK(left.ref_count() == 3);
}

TEST_CASE("threads share and drop it at the same time", "[message_pool]") {
  using pool_type = tarn::message_pool<std::string>;
  static tarn::immortal<tarn::persistent_message<pool_type>> beat(std::string("alive"));
  pool_type pool;
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([&] {
      pool_type::shared sinks[4];
      for (int i = 0; i != 1000; ++i) {
        beat->share(sinks);
        if (i % 3 == 0) sinks[1] = pool.share(pool.get());
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(beat->share().ref_count() == 2);
  CHECK(pool.in_flight() == 0);
  CHECK(test::imbalance(pool) == "");
}
