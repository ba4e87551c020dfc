// SPDX-License-Identifier: MIT
//
// Threads that wait at bounds, under load: a lost call would leave a thread asleep for ever.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

using namespace std::chrono_literals;

template <class P>
using pool_of = tarn::byte_pool<typename P::lock, typename P::stats>;

using every_waiting_lock =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));

constexpr std::size_t kib = 1024;
constexpr int rounds = test::with_tsan || test::with_asan ? 300 : 3'000;
constexpr std::size_t threads = 6;

// Each thread holds at most one block at a time, so each get that waits long enough must succeed.
template <class Pool>
void take_turns(Pool& pool, const std::vector<std::size_t>& sizes, bool with_upkeep) {
  std::atomic<int> in_vain{0};
  std::atomic<bool> over{false};
  std::jthread keeper([&] {
    while (with_upkeep && !over) {
      static_cast<void>(pool.trim());
      pool.drain();
      pool.purge();
      std::this_thread::sleep_for(100us);
    }
  });
  test::run_together(threads, [&](std::size_t me) {
    std::minstd_rand random(static_cast<unsigned>(me + 1));
    for (int i = 0; i != rounds; ++i) {
      const auto size = sizes[random() % sizes.size()];
      switch (random() % 4) {
        case 0: {  // may fail
          auto b = pool.get_for(size, std::chrono::microseconds(random() % 200));
          if (b) std::memset(b.data(), 1, 64);
          break;
        }
        case 1: {
          auto b = pool.try_get(size);
          if (b) std::memset(b.data(), 2, 64);
          break;
        }
        default: {
          auto b = pool.get_for(size, 1min);
          if (!b) {
            ++in_vain;
          } else {
            std::memset(b.data(), 3, 64);
            if (random() % 8 == 0) std::this_thread::yield();
          }
        }
      }
    }
  });
  over = true;
  keeper.join();  // a block that upkeep is moving counts as in use
  CHECK(in_vain == 0);
  CHECK(pool.occupancy().in_use() == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("no thread waits in vain at a capacity", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t capacity : {1u, 3u}) {
    for (const bool with_upkeep : {false, true}) {
      pool_of<TestType> pool({.capacity = capacity});
      take_turns(pool, {100, 100, 1000}, with_upkeep);
      CHECK(test::imbalance(pool) == "");
    }
  }
}

TEMPLATE_LIST_TEST_CASE("no thread waits in vain at a limit", "[byte_pool]", every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (const bool with_upkeep : {false, true}) {
    pool_of<TestType> pool({.limit_bytes = 256 * kib});
    take_turns(pool, {100, 1000, 64 * kib, 128 * kib, 256 * kib}, with_upkeep);
    CHECK(test::imbalance(pool) == "");
    pool_of<TestType> large({.limit_bytes = 4096 * kib, .large_cache_bytes = 3000 * kib});
    take_turns(large, {100, 2048 * kib, 2500 * kib, 4096 * kib}, with_upkeep);
    CHECK(test::imbalance(large) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("one block goes round among threads that wait for it", "[object_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats> pool(
      {.capacity = 1});
  std::atomic<int> inside{0}, wrong{0}, in_vain{0};
  test::run_together(threads, [&](std::size_t) {
    for (int i = 0; i != rounds; ++i) {
      const auto s = pool.get_for(1min);
      if (!s) {
        ++in_vain;
        continue;
      }
      if (++inside != 1) ++wrong;
      s->assign("some text");
      --inside;
    }
  });
  CHECK(wrong == 0);
  CHECK(in_vain == 0);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("threads that wait leave a pool that is closed", "[byte_pool]",
                        every_waiting_lock) {
  INFO(test::name_of<TestType>());
  for (int round = 0; round != (test::with_tsan ? 20 : 200); ++round) {
    pool_of<TestType> pool({.capacity = 1});
    test::run_together(threads, [&](std::size_t me) {
      if (me == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(round));
        return pool.close();
      }
      while (auto b = pool.get_for(100, 1min)) {
      }
    });
    CHECK(pool.occupancy().in_use() == 0);
  }
}
