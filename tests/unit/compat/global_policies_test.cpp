// SPDX-License-Identifier: MIT
//
// Pools that are not declared, with the policies and options of the program.

#include <chrono>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tarn/compat/global_pools.hpp>
#include <tarn/policy/check.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

struct session {
  int id = 0;
};

template <class Policy, class Check = tarn::no_check>
using pools_for = tarn::basic_sized_pools<typename Policy::lock, typename Policy::stats, Check>;

template <class Error, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

std::uint64_t misuses(const tarn::snapshot& s, tarn::misuse kind) {
  return s.misuses[static_cast<std::size_t>(kind)];
}

}  // namespace

template <>
inline constexpr std::string_view tarn::type_label<session> = "sessions";

TEMPLATE_LIST_TEST_CASE("sized pools of any policies serve and are seen", "[global_pools]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  pools_for<TestType, tarn::checked> all(registry, {.prefix = "mine", .largest = 4096});
  {
    const auto b = all.get(3000);
    CHECK(b.capacity() == 4096);
    CHECK(registry.find("mine-4096").occupancy()->in_use() == 1);
  }
  void* const p = all.allocate(100);
  CHECK(all.deallocate(p, 100));
  CHECK(all.size() == 2);
  CHECK_THROWS_AS(all.get(4097), std::length_error);
  CHECK(all.trim() > 0);
  CHECK(all.tick(tarn::time_span::of_seconds(1'000'000)) == 0);  // no monitor
  all.start();
  CHECK_FALSE(all.running());
}

TEMPLATE_LIST_TEST_CASE("sized pools that are checked find what comes back twice", "[global_pools]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  pools_for<TestType, tarn::checked> all(registry);
  auto* const p = static_cast<std::byte*>(all.allocate(100));
  CHECK(all.deallocate(p + 1, 100));  // within a slab of theirs, so the pool looks at it
  CHECK(all.find(100)->occupancy().in_use() == 1);
  CHECK(all.deallocate(p, 100));
  CHECK(all.deallocate(p, 100));
  CHECK(all.find(100)->occupancy().in_use() == 0);
  if constexpr (TestType::stats::counts) {
    const auto s = all.find(100)->snapshot();
    CHECK(misuses(s, tarn::misuse::interior) == 1);
    CHECK(misuses(s, tarn::misuse::double_put) == 1);
    CHECK(s.total().puts == 1);
  }
}

TEMPLATE_LIST_TEST_CASE("sized pools are made ready and watched as Portask's are", "[global_pools]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  auto o = tarn::sized_pools_options::portask();
  o.each.max_objects = 64;
  if constexpr (!TestType::stats::counts) {
    CHECK(message_of<std::invalid_argument>([&] { pools_for<TestType>(registry, o); }) ==
          "tarn: monitors of sized pools need a stats policy that counts, such as counting_stats");
  } else {
    pools_for<TestType> all(registry, o);
    CHECK(all.pool(1024).occupancy().idle() == 50);
    CHECK(all.pool(65536).occupancy().idle() == 16);  // a mebibyte
    CHECK(all.pool(4 << 20).occupancy().idle() == 0);
    std::vector<typename pools_for<TestType>::buffer> out;
    for (int i = 0; i != 500; ++i)
      out.push_back(all.get(1024));
    const auto now = all.find(1024)->snapshot().taken;
    CHECK(all.tick(now) == 0);  // the interval is not over
    CHECK(all.find(1024)->occupancy().tiers[0].max_idle == 64);
    CHECK(all.tick(tarn::time_span::of_nanoseconds(now.count() + 31'000'000'000)) == 1);
    CHECK(all.find(1024)->occupancy().tiers[0].max_idle == 96);
  }
}

TEST_CASE("one thread ticks the monitors of all sized pools", "[global_pools]") {
  tarn::pool_registry registry;
  auto o = tarn::sized_pools_options::portask();
  o.each.max_objects = 64;
  o.monitor.interval = tarn::time_span::of_nanoseconds(1'000'000);
  tarn::sized_pools all(registry, o);
  all.start();
  CHECK(all.running());
  std::vector<tarn::sized_pools::buffer> out;
  for (int i = 0; i != 500; ++i) {
    out.push_back(all.get(1024));
    out.push_back(all.get(4096));
  }
  const auto bound_of = [&](std::size_t size) {
    return all.find(size)->occupancy().tiers[0].max_idle;
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while ((bound_of(1024) == 64 || bound_of(4096) == 64) && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(bound_of(1024) > 64);
  CHECK(bound_of(4096) > 64);
  all.stop();
  CHECK_FALSE(all.running());
  all.start();  // and the end of the pools ends it
}

TEST_CASE("options of sized pools that are no good are refused", "[global_pools]") {
  tarn::pool_registry registry;
  const auto refusal = [&](tarn::sized_pools_options o) {
    return message_of<std::invalid_argument>([&] { tarn::sized_pools(registry, o); });
  };
  CHECK(refusal({.prefix = ""}) == "tarn: length of the prefix 0 must be at least 1");
  CHECK(refusal({.largest = 100}) ==
        "tarn: largest 100 must be a power of two from 64 to 1099511627776");
  CHECK(refusal({.each = {.initial_objects = 2, .max_objects = 1}}) ==
        "tarn: initial_objects 2 must be at most max_objects, 1");
  CHECK(refusal({.monitor = {.grow_below = 2}}) ==
        "tarn: grow_below 2.000000 must be at most 1.000000");
}

TEST_CASE("the program has one set of sized pools for each choice of policies", "[global_pools]") {
  auto& checked = tarn::global_pools<tarn::checked_sized_pools>();
  CHECK(&checked == &tarn::global_pools<tarn::checked_sized_pools>());
  const auto a = checked.get(1000);
  const auto b = tarn::global_pools().get(1000);
  CHECK(tarn::pools().find("global-1024").occupancy()->in_use() == 1);
  CHECK(tarn::pools().find("global-checked-1024").occupancy()->in_use() == 1);

  using locked = tarn::basic_sized_pools<std::mutex>;
  auto o = tarn::sized_pools_options::portask();
  o.prefix = "locked";
  auto& all = tarn::global_pools<locked>(o);
  CHECK(&all == &tarn::global_pools<locked>());
  CHECK(all.pool(64).occupancy().idle() == 50);
  CHECK(tarn::pools().find("locked-64"));
  CHECK(message_of<std::logic_error>([&] { tarn::global_pools<locked>(o); }) ==
        "tarn: the global pools were used already");
}

TEST_CASE("every type has one pool for each choice of policies", "[global_pools]") {
  using tarn::counting_stats;
  using traits = tarn::object_traits<tarn::keep_objects<>, tarn::checked>;
  auto& few = tarn::pool_of<session, std::mutex, counting_stats, traits>(
      {.initial_objects = 3, .max_objects = 5});
  CHECK(few.name() == "type-sessions");
  CHECK(few.occupancy().tiers[0].max_idle == 5);
  CHECK(few.snapshot().constructed == 3);
  CHECK(&few == &tarn::pool_of<session, std::mutex, counting_stats, traits>());
  CHECK(message_of<std::logic_error>([] {
          tarn::pool_of<session, std::mutex, counting_stats, traits>({.max_objects = 7});
        }) == "tarn: pool 'type-sessions' was used already");
  CHECK(tarn::pools().find("type-sessions"));
  auto& other = tarn::pool_of<session>();
  CHECK(static_cast<void*>(&other) != static_cast<void*>(&few));
  CHECK(other.get()->id == 0);
  auto& mine = tarn::pool_of<session, tarn::no_lock>({.name = "of one thread"});
  CHECK(mine.name() == "of one thread");
  CHECK(mine.get()->id == 0);
}
