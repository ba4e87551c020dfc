// SPDX-License-Identifier: MIT
//
// How long gets wait at a bound: each wait counts, whatever came of it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

using every_waiting_lock =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));
template <class P>
using bytes_of = tarn::byte_pool<typename P::lock, typename P::stats>;
template <class P>
using messages_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

constexpr auto a_while = 5ms;

template <class Pool>
std::uint64_t waits(const Pool& pool) {
  return pool.snapshot().waiting_times.count();
}
template <class Pool>
bool waited_for(const Pool& pool, tarn::time_span at_least) {
  const auto times = pool.snapshot().waiting_times;
  return times.sum >= at_least && times.within(1) >= at_least;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a get in vain counts its wait, one that does not wait counts none",
                        "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const bool limited : {false, true}) {
    tarn::options o;
    limited ? o.limit_bytes = 64 << 10 : o.capacity = 1;
    bytes_of<TestType> pool(o);
    REQUIRE(pool.snapshot().waiting_times.counts.size() == tarn::time_buckets::count);
    std::vector<typename bytes_of<TestType>::buffer> out;
    while (auto more = pool.try_get(100))
      out.push_back(std::move(more));
    CHECK_FALSE(pool.get_for(100, 0s));
    CHECK_FALSE(pool.get_for(100, -1s));
    CHECK_FALSE(pool.get_until(100, 0s));
    CHECK(waits(pool) == 0);
    CHECK_FALSE(pool.get_for(100, a_while));
    CHECK(waits(pool) == 1);
    CHECK(waited_for(pool, a_while));
    out.clear();
    CHECK(pool.get_for(100, 1min));
    CHECK(waits(pool) == 1);  // it was served at once
  }
}

TEMPLATE_LIST_TEST_CASE("a get that is served in the end counts its wait", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool({.capacity = 1});
  for (std::uint64_t round = 1; round != 4; ++round) {
    auto out = pool.get(1000);
    {
      std::jthread waiter([&] { static_cast<void>(pool.get_for(1000, 1min)); });
      while (tarn::detail::access::core_of(pool)->waiting().count() != 1)
        std::this_thread::yield();
      std::this_thread::sleep_for(a_while);
      out.reset();
    }
    CHECK(waits(pool) == round);
    CHECK(waited_for(pool, a_while));
  }
}

TEMPLATE_LIST_TEST_CASE("closing ends a wait, which counts; later gets do not wait", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  bytes_of<TestType> pool({.capacity = 1});
  const auto out = pool.get(100);
  {
    std::jthread waiter([&] { static_cast<void>(pool.get_for(100, 1min)); });
    while (tarn::detail::access::core_of(pool)->waiting().count() != 1)
      std::this_thread::yield();
    pool.close();
  }
  CHECK(waits(pool) == 1);
  CHECK_FALSE(pool.get_for(100, 1min));
  CHECK(waits(pool) == 1);
}

TEMPLATE_LIST_TEST_CASE("objects and bytes of unsized pools count their waits", "[object_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  const auto try_it = [](auto& pool, const auto& get, const auto& get_for) {
    const auto out = get();
    CHECK_FALSE(get_for());
    CHECK(waits(pool) == 1);
    CHECK(waited_for(pool, a_while));
  };
  tarn::object_pool<std::string, lock> kept({.capacity = 1});
  try_it(kept, [&] { return kept.get(); }, [&] { return kept.get_for(a_while); });
  tarn::object_pool<std::string, lock, tarn::counting_stats,
                    tarn::object_traits<tarn::build_objects>>
      built({.capacity = 1});
  try_it(built, [&] { return built.make("a"); }, [&] { return built.make_for(a_while, "b"); });
  tarn::unsized_pool<lock> bytes({.capacity = 1});
  try_it(bytes.sized(), [&] { return bytes.get(); }, [&] { return bytes.get_for(a_while); });
}

TEMPLATE_LIST_TEST_CASE("messages count the waits for a permit, of the pool and of consumers",
                        "[message_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  messages_of<TestType> pool({.capacity = 2});
  auto one = pool.consumer(1);
  auto out = pool.get();
  CHECK_FALSE(pool.try_get());
  CHECK_FALSE(pool.get_for(0s));
  CHECK(waits(pool) == 0);
  CHECK_FALSE(pool.get_for(a_while));
  CHECK(waits(pool) == 1);
  CHECK(waited_for(pool, a_while));
  const auto taken = one.get_for(1min);
  CHECK(waits(pool) == 1);
  CHECK_FALSE(one.get_for(a_while));
  CHECK(waits(pool) == 2);
  {
    std::jthread waiter([&] { static_cast<void>(pool.get_for(1min)); });
    std::this_thread::sleep_for(a_while);
    out.reset();
  }
  CHECK(waits(pool) <= 3);  // the thread may have begun after the message was there
  pool.close();
  const auto before = waits(pool);
  CHECK_FALSE(one.get_for(1min));
  CHECK(waits(pool) == before);
}

TEST_CASE("a pool without a bound, or without other threads, has no waiting times", "[byte_pool]") {
  tarn::byte_pool<> free;
  CHECK(free.snapshot().waiting_times.empty());
  tarn::byte_pool<tarn::no_lock> alone({.capacity = 1});
  CHECK(alone.snapshot().waiting_times.empty());
  tarn::message_pool<tarn::message, tarn::no_lock> mine({.capacity = 1});
  const auto out = mine.get();
  CHECK_FALSE(mine.get_for(1min));
  CHECK(mine.snapshot().waiting_times.empty());
}

TEST_CASE("of the times between two moments only those in between are left", "[byte_pool]") {
  tarn::byte_pool<std::mutex> pool({.capacity = 1});
  const auto out = pool.get(100);
  CHECK_FALSE(pool.get_for(100, a_while));
  const auto before = pool.snapshot();
  CHECK_FALSE(pool.get_for(100, 1ms));
  const auto after = pool.snapshot();
  const auto between = (after - before).waiting_times;
  CHECK(between.count() == 1);
  CHECK(between.sum.count() == after.waiting_times.sum.count() - before.waiting_times.sum.count());
  const auto none = (before - after).waiting_times;
  CHECK(none.count() == 0);
  CHECK(none.sum.count() == 0);
}
