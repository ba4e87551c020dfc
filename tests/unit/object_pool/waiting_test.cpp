// SPDX-License-Identifier: MIT
//
// Gets that wait at a bound of an object pool until other threads give an object back.

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

using built = tarn::object_traits<tarn::build_objects>;
template <class P>
using kept_pool = tarn::object_pool<std::string, typename P::lock, typename P::stats>;
template <class P>
using built_pool = tarn::object_pool<std::string, typename P::lock, typename P::stats, built>;

using every_waiting_lock =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));

template <class Pool>
concept waits = requires(Pool& pool) {
  pool.get_for(1ms);
  pool.get_until(1ms);
};
template <class Pool>
concept makes_and_waits = requires(Pool& pool) {
  pool.make_for(1ms, "text");
  pool.make_until(1ms, "text");
};
template <class Lock, class... Traits>
using strings = tarn::object_pool<std::string, Lock, tarn::counting_stats, Traits...>;
static_assert(waits<strings<std::mutex>> && !makes_and_waits<strings<std::mutex>>);
static_assert(!waits<strings<tarn::no_lock>>);
static_assert(makes_and_waits<strings<std::mutex, built>> && !waits<strings<std::mutex, built>>);
static_assert(!makes_and_waits<strings<tarn::no_lock, built>>);

constexpr auto a_while = 20ms;

}  // namespace

TEMPLATE_LIST_TEST_CASE("an object that comes back wakes the one that waits", "[object_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const bool limited : {false, true}) {
    tarn::options o;
    limited ? o.limit_bytes = 64 << 10 : o.capacity = 1;
    kept_pool<TestType> pool(o);
    std::vector<typename kept_pool<TestType>::handle> out;
    while (auto more = pool.try_get())
      out.push_back(std::move(more));
    const auto objects = out.size();
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(pool.get_for(a_while));
    CHECK_FALSE(pool.get_until(begin.time_since_epoch() + 2 * a_while));
    CHECK(std::chrono::steady_clock::now() - begin >= 2 * a_while);
    bool got = false;
    std::string text = "none";
    {
      std::jthread waiter([&] {
        const auto s = pool.get_for(1min);
        got = static_cast<bool>(s);
        if (got) text = *s;
      });
      std::this_thread::sleep_for(a_while);
      *out.back() = "not reset";
      out.pop_back();
    }
    CHECK(got);
    CHECK(text.empty());
    out.clear();
    CHECK(pool.occupancy().in_use() == 0);
    if (!limited) CHECK(pool.snapshot().constructed == objects);
    CHECK(test::imbalance(pool) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("a block that comes back is built in by the one that waits",
                        "[object_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  built_pool<TestType> pool({.capacity = 1});
  auto out = pool.make("first");
  CHECK_FALSE(pool.make_for(a_while, "second"));
  CHECK_FALSE(pool.make_until(0s, "second"));
  std::string text;
  {
    std::jthread waiter([&] {
      if (const auto s = pool.make_for(1min, "second")) text = *s;
    });
    std::this_thread::sleep_for(a_while);
    out.reset();
  }
  CHECK(text == "second");
  CHECK(pool.make_until(0s, "third"));
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a factory that throws lets the next one that waits go on", "[object_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  std::atomic<bool> throws{false};
  auto factory = [&throws] {
    if (throws.exchange(false)) throw std::runtime_error("no object");
    return std::string();
  };
  using traits = tarn::object_traits<tarn::keep_objects<decltype(factory)>>;
  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats, traits> pool(
      {.capacity = 1, .keep_capacity_bytes = 0}, {factory});
  auto out = pool.get();
  std::atomic<int> thrown{0}, got{0};
  {
    std::vector<std::jthread> waiters;
    for (int i = 0; i != 3; ++i) {
      waiters.emplace_back([&] {
        try {
          if (pool.get_for(1min)) ++got;
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      });
    }
    std::this_thread::sleep_for(a_while);
    throws = true;
    out->assign(1000, 'x');  // too large to be kept: the next get makes another one
    out.reset();
  }
  CHECK(thrown == 1);
  CHECK(got == 2);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}
