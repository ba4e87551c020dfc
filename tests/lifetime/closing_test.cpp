// SPDX-License-Identifier: MIT
//
// Closing a pool: its report of the blocks that are out, and the effect on others.

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

template <class P>
using bytes_of =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;
template <class P>
using objects_of = tarn::object_pool<
    tracked, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

// Closes a pool with `out` blocks out, in a child.
template <class P>
test::child_end close_with(tarn::closing how, int out) {
  return test::in_child([=] {
    std::vector<typename bytes_of<P>::buffer> held;
    {
      bytes_of<P> pool({.name = "frames", .closing = how});
      for (int i = 0; i != out; ++i)
        held.push_back(pool.get(i % 2 == 0 ? 100 : 3 << 20));
      {
        auto idle = pool.get(100);
      }
    }
    return 0;
  });
}

std::string first_line_of(const test::child_end& end) {
  return end.said.substr(0, end.said.find('\n') + 1);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("orphan closes in silence, report counts, abort ends the program",
                        "[closing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto orphan = close_with<TestType>(tarn::closing::orphan, 3);
  CHECK(orphan.ok());
  CHECK(orphan.said.empty());

  const auto report = close_with<TestType>(tarn::closing::report, 3);
  CHECK(report.ok());
  CHECK(first_line_of(report) == "tarn: pool 'frames' was closed with 3 blocks in use\n");

  const auto abort = close_with<TestType>(tarn::closing::abort, 2);
  CHECK(abort.signal == SIGABRT);
  CHECK(first_line_of(abort) == "tarn: pool 'frames' was closed with 2 blocks in use\n");
}

TEMPLATE_LIST_TEST_CASE("with nothing out, no way of closing says anything", "[closing]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::closing::orphan, tarn::closing::report, tarn::closing::abort}) {
    const auto end = close_with<TestType>(how, 0);
    CHECK(end.ok());
    CHECK(end.said.empty());
  }
}

TEST_CASE("closing twice reports once", "[closing]") {
  const auto end = test::in_child([] {
    tarn::object_pool<int> pool({.name = "ints", .closing = tarn::closing::report});
    auto out = pool.get();
    pool.close();
    pool.close();
    return 0;
  });
  CHECK(end.ok());
  CHECK(first_line_of(end) == "tarn: pool 'ints' was closed with 1 block in use\n");
  CHECK(end.said.find("was closed", first_line_of(end).size()) == std::string::npos);
}

TEMPLATE_LIST_TEST_CASE("a pool is closed while other threads hold blocks and give them back",
                        "[closing]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  std::atomic<int> spoiled{0};
  std::atomic<int> threw{0};
  tracked::start();
  constexpr int rounds = test::slowdown == 1 ? 8 : 2;
  for (int round = 0; round != rounds; ++round) {
    test::failing_source source;
    {
      std::atomic<int> ready{0};
      std::atomic<bool> stop{false};
      auto bytes = std::make_unique<bytes_of<TestType>>(tarn::options{.large_cache_bytes = 8 << 20},
                                                        tarn::power_of_two_tiers<>{}, source);
      auto objects = std::make_unique<objects_of<TestType>>(
          tarn::options{}, typename objects_of<TestType>::lifecycle_type{}, source);
      std::vector<std::thread> threads;
      for (int t = 0; t != 3; ++t) {
        threads.emplace_back([&, t] {
          std::vector<typename bytes_of<TestType>::buffer> held;
          std::vector<typename objects_of<TestType>::handle> things;
          // get may race close(), but not the destructor.
          for (int i = 0; !stop; ++i) {
            const std::size_t sizes[] = {64, 1000, 40000, 3 << 20};
            auto b = bytes->try_get(sizes[(i + t) % 4]);
            auto o = objects->try_get();
            if (b) {
              b[0] = b[b.size() / 2] = b[b.size() - 1] = static_cast<std::byte>(t);
              held.push_back(std::move(b));
            }
            if (o) {
              o->value = t;
              things.push_back(std::move(o));
            }
            if (held.size() > 30) held.resize(10);
            if (things.size() > 30) things.resize(10);
            if (i == 20) ++ready;
          }
          try {
            auto b = bytes->get(100);
          } catch (const tarn::pool_closed&) {
            ++threw;
          }
          --ready;
          while (ready > -3)
            std::this_thread::yield();  // meanwhile the pools end
          for (const auto& b : held) {
            for (const auto c : {b[0], b[b.size() / 2], b[b.size() - 1]}) {
              if (c != static_cast<std::byte>(t)) ++spoiled;
            }
          }
          for (const auto& o : things) {
            if (o->value != t) ++spoiled;
          }
        });
      }
      while (ready < 3)
        std::this_thread::yield();
      bytes->close();
      objects->close();
      stop = true;
      while (ready > 0)
        std::this_thread::yield();
      bytes.reset();
      objects.reset();
      ready = -3;
      for (auto& t : threads)
        t.join();
    }
    if (source.live_bytes() != 0 || source.faults() != 0) ++spoiled;
  }
  CHECK(spoiled == 0);
  CHECK(threw == 3 * rounds);
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("pools outlive threads, and what those left is used again", "[closing]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  tracked::start();
  {
    bytes_of<TestType> bytes({}, {}, source);
    objects_of<TestType> objects({}, {}, source);
    std::vector<typename bytes_of<TestType>::buffer> left;
    for (int round = 0; round != 50; ++round) {
      std::thread([&] {
        for (int i = 0; i != 10; ++i) {
          auto b = bytes.get(1000);
          auto o = objects.get();
          if (i == 5 && round < 10) left.push_back(std::move(b));  // outlives its thread
        }
      }).join();
    }
    CHECK(left.size() == 10);
    CHECK(bytes.occupancy().in_use() == 10);
    // One thread at a time needed one object, and only the first slab.
    CHECK(tracked::made() == 1);
    CHECK(bytes.occupancy().slab_bytes == tarn::options::default_slab_bytes);
    left.clear();
    CHECK(test::imbalance(bytes) == "");
    CHECK(test::imbalance(objects) == "");
  }
  CHECK(tracked::alive() == 0);
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("a thread's idle blocks of a closed pool go by flush_thread, or at its end",
          "[closing]") {
  for (const bool by_flush : {true, false}) {
    INFO("by flush_thread: " << by_flush);
    test::failing_source source;
    tracked::start();
    std::atomic<int> step{0};
    std::optional<objects_of<test::policies<tarn::thread_cached<>, tarn::counting_stats>>> pool;
    pool.emplace(tarn::options{}, tarn::keep_objects<>{}, source);
    std::thread other([&] {
      {
        auto one = pool->get();
        auto two = pool->get();
      }
      step = 1;
      while (step != 2)
        std::this_thread::yield();
      if (by_flush) tarn::flush_thread();
      step = 3;
      while (step != 4)
        std::this_thread::yield();
    });
    while (step != 1)
      std::this_thread::yield();
    pool.reset();
    const auto kept = source.live_bytes();
    const auto alive = tracked::alive();
    step = 2;
    while (step != 3)
      std::this_thread::yield();
    const auto flushed = source.live_bytes();
    const auto still = tracked::alive();
    step = 4;
    other.join();
    CHECK(kept != 0);  // at most a shard's worth, documented
    CHECK(alive == 2);
    CHECK((flushed == 0) == by_flush);
    CHECK(still == (by_flush ? 0 : 2));
    CHECK(source.live_bytes() == 0);
    CHECK(tracked::alive() == 0);
  }
}

TEST_CASE("a slow path in any pool gives back what a thread kept of closed ones", "[closing]") {
  test::failing_source source;
  std::atomic<int> step{0};
  std::optional<bytes_of<test::policies<tarn::thread_cached<>, tarn::counting_stats>>> pool;
  pool.emplace(tarn::options{}, tarn::power_of_two_tiers<>{}, source);
  tarn::byte_pool<> another;
  std::thread other([&] {
    {
      auto b = pool->get(100);
    }
    step = 1;
    while (step != 2)
      std::this_thread::yield();
    {
      auto b = another.get(100);
    }
    step = 3;
    while (step != 4)
      std::this_thread::yield();
  });
  while (step != 1)
    std::this_thread::yield();
  pool.reset();
  CHECK(source.live_bytes() != 0);
  step = 2;
  while (step != 3)
    std::this_thread::yield();
  CHECK(source.live_bytes() == 0);
  step = 4;
  other.join();
}
