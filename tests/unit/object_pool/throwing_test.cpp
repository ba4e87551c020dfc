// SPDX-License-Identifier: MIT
//
// User code that throws, and user code that uses the same pool that calls it.

#include <functional>
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

template <class P>
using kept_pool = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

// Factory and reset given by the user; both throw where `tracked` does.
struct seventh {
  tracked operator()() const { return tracked(7); }
};
struct to_seven {
  void operator()(tracked& t) const {
    t.reset();
    t.value = 7;
  }
};
template <class P>
using seven_pool = tarn::object_pool<tracked, typename P::lock, typename P::stats,
                                     tarn::object_traits<tarn::keep_objects<seventh, to_seven>,
                                                         tarn::no_check, test::failing_source>>;

// A script that runs all kinds of user code. Returns: whether a call threw.
template <class Pool>
bool run_script(Pool& pool, int clean, int& dirty) {
  bool threw = false;
  const auto attempt = [&](auto&& action) {
    try {
      action();
    } catch (const tracked::thrown&) {
      threw = true;
    }
  };
  for (int round = 0; round != 3; ++round) {
    std::vector<typename Pool::handle> out;
    for (int i = 0; i != 3; ++i) {
      attempt([&] { out.push_back(pool.get()); });
    }
    for (auto& object : out) {
      dirty += object->value != clean;
      object->value = 100 + round;  // the next user must not see it
    }
    out.clear();
    if (round != 1) attempt([&] { pool.prewarm(2); });
    attempt([&] {
      std::vector<typename Pool::handle> bulk(4);
      pool.get_bulk(bulk);
      for (auto& object : bulk) {
        dirty += object->value != clean;
        object->value = 200 + round;
      }
    });
    if (round == 1) pool.drain();
  }
  attempt([&] { pool.resize(6); });
  return threw;
}

template <class Pool>
void walk_the_failures(int clean) {
  bool reached_the_end = false;
  long position = 1;
  for (; !reached_the_end && position != 500; ++position) {
    INFO("countdown " << position);
    tracked::start();
    test::failing_source source;
    int dirty = 0;
    {
      // Exactly as many blocks as the script needs at once: a lost slot would be noticed.
      Pool pool({.capacity = 6}, {}, source);
      tracked::throw_at(position);
      static_cast<void>(run_script(pool, clean, dirty));
      reached_the_end = tracked::still_armed();
      tracked::never_throw();
      CHECK(dirty == 0);
      CHECK(pool.occupancy().in_use() == 0);
      CHECK(test::imbalance(pool) == "");
      {
        std::vector<typename Pool::handle> all(6);
        pool.get_bulk(all);
        for (const auto& object : all)
          CHECK(object->value == clean);
      }
      const auto blocks = pool.occupancy().tiers[0];
      CHECK(blocks.created - blocks.retired <= 6);
    }
    CHECK(tracked::alive() == 0);
    CHECK(tracked::faults() == 0);
    CHECK(source.live_bytes() == 0);
  }
  CHECK(reached_the_end);
  CHECK(position > 20);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("whatever throws, no slot is lost and no dirty object is kept",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  walk_the_failures<kept_pool<TestType>>(0);
}

TEMPLATE_LIST_TEST_CASE("the same with a factory and a reset of the user", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  walk_the_failures<seven_pool<TestType>>(7);
}

TEMPLATE_LIST_TEST_CASE("an object whose reset returns false is destroyed and counted",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  constexpr auto is_good = [](tracked& object) noexcept { return object.value >= 0; };
  tarn::object_pool<
      tracked, typename TestType::lock, typename TestType::stats,
      tarn::object_traits<tarn::keep_objects<tarn::construct_default, decltype(is_good)>>>
      pool;
  for (int i = 0; i != 10; ++i) {
    auto bad = pool.get();
    bad->value = -1;
    auto good = pool.get();
    good->value = 5;
  }
  // The good one, which is in use in each round, and ten bad ones.
  CHECK(tracked::alive() == 1);
  CHECK(tracked::made() == 11);
  CHECK(pool.get()->value == 5);
  if constexpr (TestType::stats::counts) CHECK(pool.snapshot().reset_failures == 10);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("an object whose reset throws is destroyed and counted", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  kept_pool<TestType> pool;
  for (int i = 0; i != 10; ++i) {
    auto object = pool.get();
    object->value = 1;
    tracked::throw_at(1);
    object.reset();  // does not throw
    CHECK(tracked::alive() == 0);
  }
  CHECK(tracked::made() == 10);
  CHECK(pool.get()->value == 0);
  if constexpr (TestType::stats::counts) {
    CHECK(pool.snapshot().reset_failures == 10);
    CHECK(pool.snapshot().constructed == 11);
    CHECK(pool.snapshot().total().gets == 11);
    CHECK(pool.snapshot().total().puts == 11);
  }
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a source that fails at any call loses nothing", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (std::size_t position = 1; position != 8; ++position) {
    INFO("call " << position);
    tracked::start();
    test::failing_source source;
    {
      kept_pool<TestType> pool({}, {}, source);
      source.fail_from(position);
      std::vector<typename kept_pool<TestType>::handle> out;
      while (auto object = pool.try_get())
        out.push_back(std::move(object));
      CHECK(source.failures() >= 1);
      CHECK(source.live_blocks() == position - 1);
      CHECK_THROWS_AS(pool.get(), std::bad_alloc);
      source.never_fail();
      source.fail_at(1);
      out.push_back(pool.get());  // a second try makes up for one failure
      CHECK(pool.occupancy().in_use() == out.size());
      CHECK(test::imbalance(pool) == "");
    }
    CHECK(tracked::alive() == 0);
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
}

// User code that uses the pool. A pool that held a lock here would hang with a mutex.

namespace {

// The action of the user code in the test below, and its pool.
struct nested {
  static inline std::function<void()> on_make;
  static inline std::function<void()> on_reset;
  static inline std::function<void()> on_destroy;
  static inline int depth = 0;

  nested() { run(on_make); }
  ~nested() { run(on_destroy); }
  nested(const nested&) = delete;
  nested& operator=(const nested&) = delete;
  void reset() { run(on_reset); }

  static void run(const std::function<void()>& action) {
    if (!action || depth == 3) return;
    ++depth;
    action();
    --depth;
  }
  static void forget() { on_make = on_reset = on_destroy = nullptr; }

  char payload[200] = {};
};

template <class P>
using nested_pool = tarn::object_pool<
    nested, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

// So large that a magazine holds two.
struct heavy {
  static inline std::function<void()> on_destroy;
  ~heavy() {
    if (on_destroy) on_destroy();
  }
  void reset() noexcept {}
  char bytes[16384];
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("factory, reset and destructor may use the pool that calls them",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    using pool_type = nested_pool<TestType>;
    pool_type pool({.max_objects = 5}, {}, source);
    const auto use = [&pool] {
      auto one = pool.get();
      auto other = pool.try_get();
      pool.put(std::move(one));
    };
    const auto use_more = [&pool, use] {
      use();
      static_cast<void>(pool.occupancy());
      static_cast<void>(pool.trim(1000));
    };
    const auto drain = [&pool, use] {
      use();
      pool.drain();
    };
    const std::function<void()> ways[] = {use, use_more, drain};
    for (const auto& way : ways) {
      nested::on_make = way;
      nested::on_reset = way;
      nested::on_destroy = way;
      {
        std::vector<typename pool_type::handle> out(40);
        pool.get_bulk(out);
      }
      pool.prewarm(3);
      pool.resize(2);
      pool.resize(5);
      pool.drain();
      nested::forget();
      CHECK(nested::depth == 0);
      CHECK(pool.occupancy().in_use() == 0);
      CHECK(test::imbalance(pool) == "");
    }
    nested::on_destroy = [&pool] { CHECK_FALSE(pool.try_get()); };
    pool.close();
    nested::forget();
  }
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("objects of a pool may own objects of the same pool", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  // A list whose nodes give their successors back when they are reset or destroyed.
  struct link {
    std::function<void()> give_back;
    void reset() {
      if (auto last = std::exchange(give_back, nullptr)) last();
    }
    ~link() { reset(); }
  };
  using pool_type = tarn::object_pool<
      link, typename TestType::lock, typename TestType::stats,
      tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;
  {
    pool_type pool({.max_objects = 3}, {}, source);
    for (int round = 0; round != 3; ++round) {
      auto head = pool.get();
      auto* last = head.get();
      for (int i = 0; i != 20; ++i) {
        auto next = std::make_shared<typename pool_type::handle>(pool.get());
        auto* const tail = next->get();
        last->give_back = [next] { next->reset(); };
        last = tail;
      }
      CHECK(pool.occupancy().in_use() == 21);
      head.reset();
      CHECK(pool.occupancy().in_use() == 0);
    }
  }
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("draining from within destructors runs out of nothing", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  // Each level of the drain below holds blocks while the next one puts. A depot that lent out its
  // magazines would have none left for these puts.
  using pool_type = tarn::object_pool<heavy, typename TestType::lock, typename TestType::stats>;
  {
    pool_type pool({.max_objects = 1000, .shard_bytes = 0});
    std::vector<typename pool_type::handle> out(40);
    pool.get_bulk(out);
    heavy::on_destroy = [&] {
      if (out.empty()) return;
      auto last = std::move(out.back());
      out.pop_back();
      last.reset();
      pool.drain();
    };
    out.pop_back();
    pool.drain();
    heavy::on_destroy = nullptr;
    CHECK(out.empty());
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
}
