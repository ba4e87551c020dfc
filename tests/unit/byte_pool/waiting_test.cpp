// SPDX-License-Identifier: MIT
//
// Gets that wait at a capacity or at a limit of memory until other threads give back what they
// need.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class Numbers>
std::uint64_t of(const Numbers& n, tarn::refusal why) {
  return n.refusals[static_cast<std::size_t>(why)];
}

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t kib = 1024;

template <class P>
using pool_of = tarn::byte_pool<typename P::lock, typename P::stats>;
using source_pool =
    tarn::byte_pool<std::mutex, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

// Also the caches of processors.
using every_waiting_lock =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));

template <class Pool>
concept waits = requires(Pool& pool) {
  pool.get_for(100, 1ms);
  pool.get_until(100, 1ms);
};
static_assert(waits<tarn::byte_pool<>>);
static_assert(waits<tarn::byte_pool<std::mutex>>);
static_assert(!waits<tarn::byte_pool<tarn::no_lock>>);

template <class Pool>
concept waits_unsized = requires(Pool& pool) {
  pool.get_for(1ms);
  pool.get_until(1ms);
};
static_assert(waits_unsized<tarn::unsized_pool<>>);
static_assert(!waits_unsized<tarn::unsized_pool<tarn::no_lock>>);

// Time enough for a thread to wait.
constexpr auto a_while = 20ms;

template <class Pool>
void until_waiting(const Pool& pool, std::uint64_t requests) {
  while (tarn::detail::access::core_of(pool)->waiting().count() != requests)
    std::this_thread::yield();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a get that waits in vain comes back empty, not too early, and counts once",
                        "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const bool limited : {false, true}) {
    tarn::options o;
    limited ? o.limit_bytes = 64 * kib : o.capacity = 1;
    pool_of<TestType> pool(o);
    auto out = pool.get(100);
    std::vector<typename pool_of<TestType>::buffer> rest;
    while (auto more = pool.try_get(100))
      rest.push_back(std::move(more));
    const auto refused = [&] {
      const auto now = pool.occupancy();
      return of(now, tarn::refusal::capacity) + of(now, tarn::refusal::limit);
    };
    const auto before = refused();
    auto begin = clock_type::now();
    CHECK_FALSE(pool.get_for(100, a_while));
    CHECK(clock_type::now() - begin >= a_while);
    CHECK(refused() == before + 1);
    begin = clock_type::now();
    CHECK_FALSE(pool.get_until(100, begin.time_since_epoch() + a_while));
    CHECK(clock_type::now() - begin >= a_while);
    CHECK(refused() == before + 2);
    CHECK_FALSE(pool.get_for(100, 0s));
    CHECK_FALSE(pool.get_for(100, -1s));
    CHECK_FALSE(pool.get_until(100, 0s));
    out.reset();
    CHECK(pool.get_for(100, 0s));
    CHECK(pool.get_for(100, std::chrono::hours::max()));
    CHECK(pool.get_until(100, 0s));
    rest.clear();
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("a put wakes the one that waits", "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  for (int round = 0; round != 3; ++round) {
    auto out = pool.get(1000);
    std::memset(out.data(), round, out.size());
    typename pool_of<TestType>::buffer got;
    {
      std::jthread waiter([&] { got = pool.get_for(1000, 1min); });
      std::this_thread::sleep_for(a_while);
      out.reset();
    }
    REQUIRE(got);
    CHECK(got.size() == 1000);
    CHECK(got[999] == static_cast<std::byte>(round));
    CHECK(pool.occupancy().in_use() == 1);
    got.reset();
  }
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a put of another size makes room in the limit, and wakes", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  // Blocks of tiers, and blocks above the last tier, both ways.
  constexpr std::size_t large = 4096 * kib;
  for (const auto& [held, wanted] :
       {std::pair{64 * kib, 100 * sizeof(char)}, std::pair{100 * sizeof(char), 4096 * kib},
        std::pair{large, 100 * sizeof(char)}, std::pair{large, large}}) {
    INFO(held << " bytes are put, " << wanted << " are wanted");
    for (const std::size_t cache : {0 * kib, large}) {
      tarn::options o{.limit_bytes = large};
      if (cache != 0) o.large_cache_bytes = cache;
      pool_of<TestType> pool(o);
      std::vector<typename pool_of<TestType>::buffer> out;
      while (auto more = pool.try_get(held))
        out.push_back(std::move(more));
      REQUIRE_FALSE(out.empty());
      bool got = false;
      {
        std::jthread waiter([&] { got = static_cast<bool>(pool.get_for(wanted, 1min)); });
        std::this_thread::sleep_for(a_while);
        out.clear();
      }
      CHECK(got);
      CHECK(pool.occupancy().in_use() == 0);
      CHECK(test::imbalance(pool) == "");
    }
  }
}

TEMPLATE_LIST_TEST_CASE("closing wakes all that wait", "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  const auto small = pool.get(100);
  const auto big = pool.get(10000);
  std::atomic<int> ended{0};
  {
    std::vector<std::jthread> waiters;
    for (int i = 0; i != 4; ++i) {
      waiters.emplace_back(
          [&, i] { ended += pool.get_for(i % 2 == 0 ? 100 : 10000, 1min) ? 100 : 1; });
    }
    std::this_thread::sleep_for(a_while);
    pool.close();
  }
  CHECK(ended == 4);
  CHECK_FALSE(pool.get_for(100, 1min));
  CHECK(of(pool.occupancy(), tarn::refusal::closed) == 5);
}

TEMPLATE_LIST_TEST_CASE("where nothing that others give back can help, a get does not wait",
                        "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  const auto begin = clock_type::now();
  pool_of<TestType> unbounded;
  CHECK(unbounded.get_for(100, 1h));
  CHECK_FALSE(unbounded.get_for(SIZE_MAX, 1h));
  unbounded.close();
  CHECK_FALSE(unbounded.get_for(100, 1h));
  pool_of<TestType> limited({.limit_bytes = 128 * kib});
  CHECK_FALSE(limited.get_for(256 * kib, 1h));
  CHECK_FALSE(limited.get_for(4096 * kib, 1h));
  CHECK_FALSE(limited.get_for(SIZE_MAX, 1h));
  pool_of<TestType> of_none({.capacity = 0});
  CHECK_FALSE(of_none.get_for(100, 1h));
  CHECK(clock_type::now() - begin < 1min);
}

TEST_CASE("a source that has nothing is asked some times, and does not call those who wait",
          "[byte_pool]") {
  test::failing_source source;
  source_pool pool({.limit_bytes = 1024 * kib}, {}, source);
  source.fail_from(1);
  const auto begin = clock_type::now();
  CHECK_FALSE(pool.get_for(100, 1h));
  CHECK_FALSE(pool.get_for(4096 * kib / 8, 1h));
  CHECK(clock_type::now() - begin < 1min);
  CHECK(of(pool.occupancy(), tarn::refusal::source) == 2);
  source.never_fail();
  CHECK(pool.get_for(100, 1h));
  source.fail_at(1);
  CHECK(pool.get_for(100000, 1h));  // the second attempt succeeds
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("the first that waits is the first that gets", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 1});
  auto out = pool.get(100);
  std::vector<int> order;
  std::mutex order_lock;
  {
    std::vector<std::jthread> waiters;
    for (int i = 0; i != 4; ++i) {
      waiters.emplace_back([&, i] {
        const auto got = pool.get_for(100, 1min);
        const std::lock_guard hold(order_lock);
        order.push_back(got ? i : -1);
      });
      until_waiting(pool, static_cast<std::uint64_t>(i) + 1);
    }
    out.reset();
  }
  CHECK(order == std::vector{0, 1, 2, 3});
}

TEMPLATE_LIST_TEST_CASE("memory that comes back is for the oldest that waits for it", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.limit_bytes = 128 * kib});
  auto one = pool.get(64 * kib);
  auto two = pool.get(64 * kib);
  std::atomic<int> turn{0};
  int big = 0, small = 0;
  {
    std::jthread first([&] {
      const auto got = pool.get_for(128 * kib, 1min);
      big = got ? ++turn : -1;
    });
    until_waiting(pool, 1);
    std::jthread second([&] {
      const auto got = pool.get_for(100, 1min);
      small = got ? ++turn : -1;
    });
    until_waiting(pool, 2);
    one.reset();
    std::this_thread::sleep_for(a_while);
    // There is room for a slab now, but the request for two is older.
    CHECK(turn == 0);
    CHECK_FALSE(pool.try_get(1000));
    CHECK_THROWS_AS(pool.get(1000), tarn::pool_exhausted);
    CHECK(of(pool.occupancy(), tarn::refusal::source) == 0);
    two.reset();
  }
  CHECK(big == 1);
  CHECK(small == 2);
  CHECK(pool.occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("one whose time is over lets the next go on", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.limit_bytes = 128 * kib});
  auto one = pool.get(64 * kib);
  const auto two = pool.get(64 * kib);
  bool big = true, small = false;
  {
    std::jthread first([&] { big = static_cast<bool>(pool.get_for(128 * kib, 5 * a_while)); });
    std::this_thread::sleep_for(a_while);
    std::jthread second([&] { small = static_cast<bool>(pool.get_for(100, 1min)); });
    std::this_thread::sleep_for(a_while);
    one.reset();  // no call comes after this one
  }
  CHECK_FALSE(big);
  CHECK(small);
}

TEST_CASE("blocks in the cache of another thread come with its next get or put", "[byte_pool]") {
  tarn::byte_pool<> pool({.limit_bytes = 64 * kib});
  std::atomic<int> step{0};
  const auto until = [&](int s) {
    while (step != s)
      std::this_thread::yield();
  };
  bool got = false;
  {
    std::jthread other([&] {
      auto kept = pool.get(100);
      {
        const auto cached = pool.get(100);
      }
      step = 1;
      until(2);
      std::this_thread::sleep_for(a_while);
      kept.reset();  // its cache goes with it, and so the slab
    });
    until(1);
    std::jthread waiter([&] {
      step = 2;
      got = static_cast<bool>(pool.get_for(64 * kib, 1min));
    });
  }
  CHECK(got);
}

TEST_CASE("after the last one that waited, puts are hits again", "[byte_pool]") {
  tarn::byte_pool<> pool({.limit_bytes = 64 * kib});
  const auto level = [&] { return pool.occupancy().tiers[0].idle_in_threads; };
  auto out = pool.get(100);
  CHECK_FALSE(pool.get_for(64 * kib, a_while));
  CHECK(level() == 0);
  out.reset();
  CHECK(level() == 1);
  CHECK(pool.get(100));
}

TEST_CASE("a pool that checks and zeroes hands out as usual to those who wait", "[byte_pool]") {
  using checked = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::traits<tarn::power_of_two_tiers<>, tarn::checked>>;
  checked pool({.capacity = 1, .zeroing = tarn::zeroing::on_put});
  auto out = pool.get(1000);
  std::memset(out.data(), 1, out.size());
  checked::buffer got;
  {
    std::jthread waiter([&] { got = pool.get_for(1000, 1min); });
    std::this_thread::sleep_for(a_while);
    out.reset();
  }
  REQUIRE(got);
  CHECK(got[0] == std::byte{0});
  CHECK(got[999] == std::byte{0});
  got.reset();
  for (const auto& m : pool.snapshot().misuses)
    CHECK(m == 0);
}

TEST_CASE("an unsized pool waits", "[unsized_pool]") {
  tarn::unsized_pool<> pool({.capacity = 1});
  auto out = pool.get();
  CHECK_FALSE(pool.get_for(a_while));
  CHECK_FALSE(pool.get_until(clock_type::now().time_since_epoch() + a_while));
  bool got = false;
  {
    std::jthread waiter([&] { got = static_cast<bool>(pool.get_for(1min)); });
    std::this_thread::sleep_for(a_while);
    pool.put(std::move(out));
  }
  CHECK(got);
  CHECK(pool.get_until(0s));
}
