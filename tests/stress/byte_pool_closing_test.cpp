// SPDX-License-Identifier: MIT
//
// Pools that close, and threads that end, while blocks are out: the memory lives as long as the
// last block, and no longer.

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

TEMPLATE_LIST_TEST_CASE("a close that races gets and puts leaves nothing behind", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  std::size_t open_gets = 0;
  for (int round = 0; round != (test::slowdown == 1 ? 25 : 8); ++round) {
    test::byte_fixture<TestType> pool;
    std::atomic<std::size_t> torn{0};
    std::atomic<std::size_t> got{0};
    test::run_together(4, [&](std::size_t me) {
      if (me == 3) {
        while (got.load() < 200)
          std::this_thread::yield();
        pool->close();
        return;
      }
      std::vector<void*> out;
      const std::size_t size = std::size_t{100} << 5 * me;
      for (;;) {
        void* const b = pool->try_allocate(size);
        if (b == nullptr) break;  // closed
        ++got;
        test::sign(b, size, me);
        out.push_back(b);
        if (out.size() == 20) {
          for (auto* const p : out) {
            torn += !test::is_signed(p, size, me);
            pool->deallocate(p, size);
          }
          out.clear();
        }
      }
      for (auto* const p : out) {
        torn += !test::is_signed(p, size, me);
        pool->deallocate(p, size);
      }
    });
    open_gets += got;
    CHECK(torn == 0);
    // All threads have ended and all blocks are home: only the memory of the pool object remains.
    CHECK(pool.imbalance() == "");
    CHECK(pool.source.live_bytes() == 0);
  }
  CHECK(open_gets > 0);
}

TEMPLATE_LIST_TEST_CASE("buffers that outlive their pool die on any thread", "[byte_pool]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  for (int round = 0; round != 4; ++round) {
    test::byte_fixture<TestType> pool;
    using buffer = typename test::byte_fixture<TestType>::buffer;
    std::vector<std::vector<buffer>> out(4);
    std::atomic<std::size_t> torn{0};
    test::run_together(4, [&](std::size_t me) {
      for (std::size_t i = 0; i != 50; ++i) {
        out[me].push_back(pool->get(std::size_t{10} << i % 15));
        test::sign(out[me].back().data(), out[me].back().size(), me);
      }
      for (std::size_t i = 0; i != 20; ++i)
        out[me].erase(out[me].begin());
    });
    pool.end_pool();
    test::run_together(4, [&](std::size_t me) {
      const auto from = (me + 1) % 4;
      for (auto& b : out[from])
        torn += !test::is_signed(b.data(), b.size(), from);
      out[from].clear();
    });
    CHECK(torn == 0);
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a pool that ends while threads still put back loses nothing",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (int round = 0; round != (test::slowdown == 1 ? 25 : 8); ++round) {
    test::byte_fixture<TestType> pool;
    using buffer = typename test::byte_fixture<TestType>::buffer;
    std::vector<std::vector<buffer>> out(3);
    for (auto& mine : out) {
      for (std::size_t i = 0; i != 40; ++i)
        mine.push_back(pool->get(std::size_t{100} << i % 14));
    }
    test::run_together(4, [&](std::size_t me) {
      if (me == 3) {
        pool.end_pool();
      } else {
        out[me].clear();
      }
    });
    CHECK(pool.source.live_bytes() == 0);
    CHECK(pool.source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a thread that keeps its cache lets a closed pool's memory go when it ends",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const bool flushes : {false, true}) {
    test::byte_fixture<TestType> pool;
    std::atomic<int> stage{0};
    std::jthread worker([&] {
      std::vector<void*> out;
      for (int i = 0; i != 20; ++i)
        out.push_back(pool->allocate(1000));
      for (auto* const b : out)
        pool->deallocate(b, 1000);
      stage = 1;
      while (stage != 2)
        std::this_thread::yield();
      if (flushes) tarn::flush_thread();
      stage = 3;
      while (stage != 4)
        std::this_thread::yield();
    });
    while (stage != 1)
      std::this_thread::yield();
    pool.end_pool();
    // At most the blocks that this one thread had cached still exist.
    CHECK(pool.source.live_bytes() <= 64 * 1024);
    if (!test::has_thread_caches<TestType>) CHECK(pool.source.live_bytes() == 0);
    stage = 2;
    while (stage != 3)
      std::this_thread::yield();
    if (flushes) CHECK(pool.source.live_bytes() == 0);
    stage = 4;
    worker.join();
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("ten thousand short threads leave nothing unaccounted", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  // Ten thousand in total: the threads cost more than their work here.
  constexpr std::size_t waves = 10'000 / 4 / std::tuple_size_v<test::every_concurrent_lock> + 1;
  // A magazine of this tier is one block, so no thread takes the block that the next thread looks
  // for.
  constexpr std::size_t size = 20'000;
  test::byte_fixture<TestType> pool;
  std::mutex lock;
  std::vector<void*> handed;  // some blocks go to a later thread
  for (std::size_t wave = 0; wave != waves; ++wave) {
    std::vector<std::jthread> threads;
    for (std::size_t me = 0; me != 4; ++me) {
      threads.emplace_back([&] {
        void* const mine = pool->allocate(size);
        void* const other = pool->allocate(size);
        pool->deallocate(mine, size);
        void* from = nullptr;
        {
          const std::lock_guard hold(lock);
          handed.push_back(other);
          if (handed.size() > 8) {
            from = handed.front();
            handed.erase(handed.begin());
          }
        }
        if (from != nullptr) pool->deallocate(from, size);
      });
    }
  }
  CHECK(pool.imbalance() == "");
  const auto t = pool->occupancy().tiers[8];
  CHECK(t.in_use == handed.size());
  CHECK(t.idle + t.in_use + t.retired == t.created);
  if (test::has_thread_caches<TestType>) CHECK(t.idle_in_threads == 0);
  CHECK(t.created < 60);  // the blocks of ended threads are reused
  for (auto* const b : handed)
    pool->deallocate(b, size);
}
