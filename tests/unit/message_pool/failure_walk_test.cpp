// SPDX-License-Identifier: MIT
//
// Every operation with a source, then with messages, that fail at their first, second, ... call: no
// message and no permit is lost.

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using namespace std::chrono_literals;
using test::tracked;

// Large enough that a few of them need several slabs.
struct large_message {
  tracked inner;
  std::byte bulk[30000];
  void reset() { inner.reset(); }
};

template <class P>
using pool_of = tarn::message_pool<
    large_message, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

constexpr std::size_t capacity = 12;

/// A kind of failure, and how to cause it at the n-th call.
enum class failing { source_once, source_for_ever, messages };

// Whether `action` ran without any failure.
template <class Action>
bool succeeds(Action&& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
  } catch (const tracked::thrown&) {
  }
  return false;
}

// The number of messages that a pool gives until it refuses.
template <class Pool>
std::size_t count_all(Pool& pool) {
  std::vector<typename Pool::handle> out;
  while (auto m = pool.try_get())
    out.push_back(std::move(m));
  return out.size();
}

// Runs `action(pool)` with a failure at the n-th call, for n = 1, 2, ... until no call fails any
// more. `action` must give back all that it took.
template <class P, class Action>
void walk(bool bounded, Action&& action) {
  for (const auto what : {failing::source_once, failing::source_for_ever, failing::messages}) {
    for (std::size_t n = 1;; ++n) {
      INFO("failing " << static_cast<int>(what) << " at chance " << n
                      << (bounded ? ", bounded" : ""));
      REQUIRE(n < 200);
      test::failing_source source;
      tracked::start();
      bool failed = false;
      {
        tarn::options o{.name = "walked"};
        if (bounded) o.capacity = capacity;
        pool_of<P> pool(o, {}, source);
        auto kept = pool.get();  // one message is in use beforehand
        if (what == failing::source_once) source.fail_at(n);
        if (what == failing::source_for_ever) source.fail_from(n);
        if (what == failing::messages) tracked::throw_at(static_cast<long>(n));
        const bool done = succeeds([&] { return action(pool); });
        failed = what == failing::messages ? !tracked::still_armed() : source.failures() != 0;
        source.never_fail();
        tracked::never_throw();
        CHECK(test::imbalance(pool, source) == "");
        CHECK(pool.in_flight() == 1);
        if (what == failing::source_for_ever && failed) CHECK_FALSE(done);
        if (!failed) CHECK(done);
        CHECK(succeeds([&] { return action(pool); }));
        if (bounded) CHECK(count_all(pool) == capacity - 1);  // no permit is missing
        kept.reset();
        CHECK(pool.in_flight() == 0);
      }
      tarn::flush_thread();
      CHECK(tracked::alive() == 0);
      CHECK(tracked::faults() == 0);
      CHECK(source.live_bytes() == 0);
      CHECK(source.faults() == 0);
      if (!failed) break;
    }
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("gets of every kind survive whatever fails", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const bool bounded : {false, true}) {
    walk<TestType>(bounded, [](auto& pool) {
      std::vector<typename std::remove_reference_t<decltype(pool)>::handle> out;
      for (int i = 0; i != 2; ++i) {
        out.push_back(pool.get());
        out.push_back(pool.try_get());
        out.push_back(pool.get_for(1ms));
        out.push_back(pool.get_until(0ms));
      }
      for (const auto& m : out) {
        if (!m) return false;
      }
      return true;
    });
  }
}

TEMPLATE_LIST_TEST_CASE("consumers survive whatever fails", "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  walk<TestType>(true, [](auto& pool) {
    auto a = pool.consumer(4);
    auto b = pool.consumer(2);
    std::vector<typename std::remove_reference_t<decltype(pool)>::handle> out;
    for (int i = 0; i != 2; ++i) {
      out.push_back(a.get());
      out.push_back(b.get_for(1ms));
      out.push_back(a.try_get());
    }
    for (const auto& m : out) {
      if (!m) return false;
    }
    return true;
  });
}

TEMPLATE_LIST_TEST_CASE("sharing and warming survive whatever fails", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const bool bounded : {false, true}) {
    walk<TestType>(bounded, [](auto& pool) {
      typename std::remove_reference_t<decltype(pool)>::shared sinks[3];
      for (int i = 0; i != 4; ++i)
        pool.share(pool.get(), sinks);
      return sinks[2].ref_count() == 3;
    });
    walk<TestType>(bounded, [](auto& pool) {
      pool.prewarm(3);
      pool.resize(5);
      pool.reset_and_drain();
      return true;
    });
  }
}

TEMPLATE_LIST_TEST_CASE("a pool whose initial messages can't be had is not made, and takes nothing",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (std::size_t n = 1;; ++n) {
    INFO(n);
    REQUIRE(n < 100);
    test::failing_source source;
    tracked::start();
    source.fail_from(n);
    std::optional<pool_of<TestType>> pool;
    const bool made = succeeds([&] {
      pool.emplace(tarn::options{.initial_objects = 6, .capacity = 6},
                   typename pool_of<TestType>::lifecycle_type{}, source);
      return true;
    });
    pool.reset();
    CHECK(tracked::alive() == 0);
    CHECK(source.live_bytes() == 0);
    if (made) break;
  }
}

TEMPLATE_LIST_TEST_CASE("puts need no memory, from handles and from sinks", "[message_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  pool_of<TestType> pool({.capacity = 40}, {}, source);
  std::vector<typename pool_of<TestType>::handle> out;
  std::vector<typename pool_of<TestType>::shared> sinks(60);
  for (std::size_t i = 0; i != 20; ++i) {
    out.push_back(pool.get());
    pool.share(pool.get(), std::span(sinks).subspan(3 * i, 3));
  }
  source.fail_from(1);
  out.clear();
  sinks.clear();
  CHECK(pool.in_flight() == 0);
  CHECK(test::imbalance(pool, source) == "");
  CHECK(pool.try_get());
}
