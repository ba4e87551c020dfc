// SPDX-License-Identifier: MIT
//
// Limits are exact from several threads.

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

}  // namespace

TEMPLATE_LIST_TEST_CASE("never more than the capacity are out, from any number of threads",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t capacity = 7;
  for (const std::size_t size : {100u, 20000u, 100000u}) {
    INFO(size);
    test::byte_fixture<TestType> pool({.capacity = capacity});
    std::atomic<std::size_t> out{0};
    std::atomic<std::size_t> overshot{0};
    std::atomic<std::size_t> refused{0};
    test::run_together(4, [&](std::size_t) {
      std::vector<void*> mine;
      for (int i = 0; i != 2000; ++i) {
        if (void* const b = pool->try_allocate(size)) {
          if (out.fetch_add(1) >= capacity) ++overshot;
          mine.push_back(b);
        } else {
          ++refused;
        }
        if (mine.size() == 4 || i % 3 == 2) {
          for (auto* const b : mine) {
            out.fetch_sub(1);
            pool->deallocate(b, size);
          }
          mine.clear();
          std::this_thread::yield();
        }
      }
      for (auto* const b : mine) {
        out.fetch_sub(1);
        pool->deallocate(b, size);
      }
    });
    CHECK(overshot == 0);
    CHECK(pool.imbalance() == "");
    const auto t = pool->occupancy().tiers[pool->tiers().tier_for(size)];
    CHECK(t.created - t.retired <= capacity);
  }
}

TEMPLATE_LIST_TEST_CASE("a get within the capacity is never refused, not even during a trim",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t threads = 3;
  for (const std::size_t size : {100u, 16384u, 100000u}) {
    INFO(size);
    test::byte_fixture<TestType> pool({.capacity = threads});
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> working{threads};
    test::run_together(threads + 1, [&](std::size_t me) {
      if (me == threads) {
        for (unsigned i = 0; working != 0; ++i) {
          i % 2 == 0 ? void(pool->trim()) : pool->drain();
          std::this_thread::yield();
        }
        return;
      }
      for (int i = 0; i != 3000; ++i) {
        void* const b = pool->try_allocate(size);
        if (b == nullptr)
          ++refused;
        else
          pool->deallocate(b, size);
      }
      --working;
    });
    CHECK(refused == 0);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("threads that miss at the same time never overshoot the limit",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (int round = 0; round != 20; ++round) {
    test::byte_fixture<TestType> pool({.limit_bytes = mib});
    std::atomic<std::size_t> got{0};
    test::run_together(6, [&](std::size_t me) {
      const std::size_t size = std::size_t{16 * kib} << me % 4;
      std::vector<void*> mine;
      for (int i = 0; i != 12; ++i) {
        if (void* const b = pool->try_allocate(size)) mine.push_back(b);
      }
      got += mine.size();
      for (auto* const b : mine)
        pool->deallocate(b, size);
    });
    CHECK(got > 0);
    CHECK(pool.source.peak_bytes() <= mib);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("threads that miss at the same time share one slab", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (int round = 0; round != 20; ++round) {
    test::byte_fixture<TestType> pool;
    void* blocks[6] = {};
    test::run_together(6, [&](std::size_t me) { blocks[me] = pool->allocate(128); });
    CHECK(pool.source.allocations() == 1);
    for (auto* const b : blocks)
      pool->deallocate(b, 128);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("no get is refused while memory is on its way back to the source",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  // One slab may be out. Tier 0 has it, and all its blocks are idle. Two threads want a block of
  // tier 1 at the same time: one gives the slab back, and meanwhile the other must not be refused.
  test::byte_fixture<TestType> pool({.limit_bytes = 64 * kib});
  std::atomic<std::size_t> refused{0};
  for (int round = 0; round != 300; ++round) {
    pool->trim();
    pool->deallocate(pool->allocate(100), 100);
    pool->drain();
    pool->prewarm(0, 1);  // in the depot, where every thread reaches it
    std::atomic<int> here{0};
    void* taken[2] = {};
    test::run_together(2, [&](std::size_t me) {
      taken[me] = pool->try_allocate(200);
      if (taken[me] == nullptr) ++refused;
      ++here;
      while (here != 2)
        std::this_thread::yield();
      if (taken[me] != nullptr) pool->deallocate(taken[me], 200);
    });
  }
  CHECK(refused == 0);
  CHECK(pool.imbalance() == "");
}
