// SPDX-License-Identifier: MIT
//
// Takhin's mempool: its calls in terms of tarn, and its tests.
//
//   NewBufferPool()             byte_pool<..., traits<kafka_tiers>> pool({.zeroing = on_put});
//   Get(n), Put(b)              pool.get(n), and the end of the buffer's scope
//   GetBuffer(n), PutBuffer(b)  default_pool().get(n), which has other tiers and does not zero
//   Stats()                     to_takhin(pool.snapshot())

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include <tarn/compat/seeds.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"

namespace {

using kafka_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                   tarn::traits<tarn::kafka_tiers, tarn::checked>>;

using pool_stats = tarn::takhin_stats;

pool_stats stats_of(const kafka_pool& pool) { return tarn::to_takhin(pool.snapshot()); }

}  // namespace

TEST_CASE("takhin: every size from 256 B to 4 MiB, written full, comes back zeroed", "[seeds]") {
  kafka_pool pool({.zeroing = tarn::zeroing::on_put});
  for (std::size_t n = 256; n <= (std::size_t{4} << 20); n *= 4) {
    INFO("size " << n);
    const std::byte* first = nullptr;
    {
      auto b = pool.get(n);
      CHECK(b.size() == n);
      first = b.data();
      std::memset(b.data(), 0xAB, b.capacity());
    }
    auto b = pool.get_at_least(n);
    CHECK(b.data() == first);
    CHECK(std::count(b.begin(), b.end(), std::byte{0}) == static_cast<std::ptrdiff_t>(b.size()));
  }
}

TEST_CASE("takhin: a size between two buckets gets the larger one", "[seeds]") {
  kafka_pool pool;
  CHECK(pool.get(0).capacity() == 512);
  CHECK(pool.get(512).capacity() == 512);
  CHECK(pool.get(513).capacity() == 1024);
  CHECK(pool.get(1025).capacity() == 4096);
  CHECK(pool.get((std::size_t{4} << 20) + 1).capacity() == std::size_t{16} << 20);
}

TEST_CASE("takhin: 32 MiB passes through at its exact length", "[seeds]") {
  kafka_pool pool;
  {
    auto b = pool.get(std::size_t{32} << 20);
    CHECK(b.size() == std::size_t{32} << 20);
    b[b.size() - 1] = std::byte{1};
  }
  CHECK(stats_of(pool) == pool_stats{1, 0, 0, 0, 1, 1});
}

TEST_CASE("takhin: a null buffer is ignored", "[seeds]") {
  kafka_pool pool;
  pool.put(kafka_pool::buffer());
  CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0, 0});
}

TEST_CASE("takhin: the default pool serves 4096", "[seeds]") {
  auto b = tarn::default_pool().get(4096);
  CHECK(b.size() == 4096);
}

TEST_CASE("takhin: the golden traces, with our counters", "[seeds]") {
  SECTION("a foreign buffer of exactly a bucket's size is refused, not adopted") {
    kafka_pool pool;
    std::array<std::byte, 512> foreign;
    pool.deallocate(foreign.data(), foreign.size());
    CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0, 1});  // in use is -1 there
  }
  SECTION("an interior pointer is recognised, and its block is not lost") {
    kafka_pool pool;
    auto* const p = static_cast<std::byte*>(pool.allocate(100));
    pool.deallocate(p + 10, 90);
    CHECK(stats_of(pool) == pool_stats{1, 1, 0, 1, 0, 1});
    pool.deallocate(p, 100);
    CHECK(stats_of(pool) == pool_stats{1, 1, 1, 0, 0, 1});  // in use stays at 1 there
  }
  SECTION("a buffer whose length was cut to nothing is a normal return") {
    kafka_pool pool;
    auto b = pool.get(100);
    b.resize(0);
    b.reset();
    CHECK(stats_of(pool) == pool_stats{1, 1, 1, 0, 0, 0});
  }
  SECTION("a get of zero is counted and has the first bucket") {
    kafka_pool pool;
    auto b = pool.get(0);
    CHECK(b.empty());
    CHECK(b.capacity() == 512);
    CHECK(stats_of(pool) == pool_stats{1, 1, 0, 1, 0, 0});
  }
  SECTION("an empty buffer that is not null is discarded") {
    kafka_pool pool;
    std::byte none;
    pool.deallocate(&none, 0);
    CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0, 1});
  }
  SECTION("17 MiB is an allocation and oversized, and no get") {
    kafka_pool pool;
    auto b = pool.get(std::size_t{17} << 20);
    CHECK(stats_of(pool) == pool_stats{1, 0, 0, 0, 1, 0});
    b.reset();
    CHECK(stats_of(pool) == pool_stats{1, 0, 0, 0, 1, 1});
  }
  SECTION("a negative size is refused before the pool is touched") {
    kafka_pool pool;
    CHECK_THROWS_AS(pool.get(static_cast<std::size_t>(-1)), std::length_error);
    CHECK_FALSE(pool.try_get(static_cast<std::size_t>(-1)));
    CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0, 0});
  }
  SECTION("a double return gives the buffer to one user only") {
    kafka_pool pool;
    void* const p = pool.allocate(100);
    pool.deallocate(p, 100);
    pool.deallocate(p, 100);
    CHECK(stats_of(pool).discarded == 1);
    void* const a = pool.allocate(100);
    void* const b = pool.allocate(100);
    CHECK(a != b);
    pool.deallocate(a, 100);
    pool.deallocate(b, 100);
  }
}

TEST_CASE("takhin: a hundred threads of a thousand full writes, 1 to 10 KiB", "[seeds]") {
  kafka_pool pool;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 100; ++t) {
    threads.emplace_back([&pool, &wrong, t] {
      for (std::size_t i = 0; i != 1000; ++i) {
        auto b = pool.get((i % 10 + 1) * 1024);
        std::memset(b.data(), t, b.size());
        if (b[b.size() / 2] != static_cast<std::byte>(t)) ++wrong;
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(wrong == 0);
  const auto s = stats_of(pool);
  CHECK(s.gets == 100'000);
  CHECK(s.puts == 100'000);
  CHECK(s.in_use == 0);
  CHECK(s.discarded == 0);
  // The hit rate that the seed's formula misses: gets already include the misses.
  CHECK(s.allocations - s.oversized < s.gets / 100);
  CHECK(test::imbalance(pool) == "");
}
