// SPDX-License-Identifier: MIT
//
// What the caches of a thread may hold: the tiers that are used share `shard_bytes`.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>

#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> out(count);
  for (auto& p : out)
    p = pool.allocate(size);
  for (auto* const p : out)
    pool.deallocate(p, size);
}
template <class Pool>
void bursts(Pool& pool, std::size_t size, std::size_t count) {
  for (int i = 0; i != 20; ++i)
    burst(pool, size, count);
}

template <class Pool>
[[nodiscard]] std::size_t cached(const Pool& pool, std::size_t size) {
  for (const auto& t : pool.snapshot().tiers) {
    if (t.size_bytes >= size) return t.idle_in_threads;
  }
  return 0;
}
template <class Pool>
[[nodiscard]] std::size_t cached_bytes(const Pool& pool) {
  std::size_t bytes = 0;
  for (const auto& t : pool.snapshot().tiers)
    bytes += t.idle_in_threads * t.stride_bytes;
  return bytes;
}

/// Counts how often any lock of a pool is taken.
struct counting_lock {
  static inline std::size_t taken = 0;
  std::mutex mutex;
  void lock() {
    ++taken;
    mutex.lock();
  }
  void unlock() { mutex.unlock(); }
  bool try_lock() { return mutex.try_lock(); }
};

}  // namespace

TEST_CASE("random sizes to 64 KiB seldom leave the caches of their thread", "[cache_budget]") {
  tarn::byte_pool<tarn::thread_cached<counting_lock>> pool;
  std::mt19937 random(20240301);
  const auto next = [&] { return 1 + random() % (64 * kib); };
  struct held {
    void* block;
    std::size_t size;
  };
  std::vector<held> live;
  while (live.size() != 1000) {
    const auto size = next();
    live.push_back({pool.allocate(size), size});
  }
  const auto replace = [&](int times) {
    for (; times != 0; --times) {
      auto& one = live[random() % live.size()];
      pool.deallocate(one.block, one.size);
      one.size = next();
      one.block = pool.allocate(one.size);
    }
  };
  replace(50'000);
  const auto before = counting_lock::taken;
  replace(50'000);
  // Caches of one or two large blocks took a lock in 36 of 100 pairs.
  CHECK(counting_lock::taken - before < 50'000 / 50);
  CHECK(cached_bytes(pool) <= 5 * mib);
  for (const auto& one : live)
    pool.deallocate(one.block, one.size);
}

TEST_CASE("a larger shard_bytes lets a thread keep more large blocks", "[cache_budget]") {
  std::size_t before = 0;
  for (const std::size_t most : {1 * mib, 4 * mib, 16 * mib}) {
    INFO(most);
    tarn::byte_pool<> pool({.shard_bytes = most});
    bursts(pool, 64 * kib, 200);
    const auto now = cached(pool, 64 * kib);
    CHECK(now > before);
    CHECK(now * 64 * kib <= most / 2);  // no tier gets more than half
    before = now;
  }
  CHECK(before >= 64);
}

TEST_CASE("a thread that asks for few blocks keeps few", "[cache_budget]") {
  tarn::byte_pool<> pool({.shard_bytes = 64 * mib});
  bursts(pool, 64 * kib, 4);
  CHECK(cached(pool, 64 * kib) <= 4);
  bursts(pool, 1 * kib, 1);
  CHECK(cached(pool, 1 * kib) == 1);
}

TEST_CASE("a thread that only puts keeps what fits at first", "[cache_budget]") {
  tarn::byte_pool<> pool({.shard_bytes = 64 * mib});
  std::vector<void*> blocks(1000);
  for (auto& p : blocks)
    p = pool.allocate(64 * kib);
  std::size_t kept = 0;
  std::thread([&] {
    pool.deallocate(pool.allocate(64 * kib), 64 * kib);  // so that the thread has caches
    for (auto* const p : blocks)
      pool.deallocate(p, 64 * kib);
    kept = cached(pool, 64 * kib);
  }).join();
  CHECK(kept >= 1);
  CHECK(kept <= 2);
}

TEST_CASE("a cache that gets no more of its blocks shrinks as it fills", "[cache_budget]") {
  tarn::byte_pool<> pool({.shard_bytes = 64 * mib});
  std::vector<void*> blocks(8000);
  for (auto& p : blocks)
    p = pool.allocate(16 * kib);
  bursts(pool, 16 * kib, 200);
  CHECK(cached(pool, 16 * kib) > 100);
  for (auto* const p : blocks)
    pool.deallocate(p, 16 * kib);
  CHECK(cached(pool, 16 * kib) < 50);
}

TEST_CASE("tiers that are not used leave their share to those that are", "[cache_budget]") {
  tarn::byte_pool<> pool({.shard_bytes = 4 * mib});
  for (const std::size_t size : {8 * kib, 16 * kib, 32 * kib, 128 * kib})
    bursts(pool, size, 100);
  CHECK(cached(pool, 64 * kib) == 0);
  CHECK(cached_bytes(pool) > 1 * mib);
  CHECK(cached_bytes(pool) <= 4 * mib);
  // Without a tick: this thread is short of room, and finds what it does not use.
  for (int i = 0; i != 20; ++i)
    bursts(pool, 64 * kib, 30);
  CHECK(cached(pool, 64 * kib) == 30);
  CHECK(cached_bytes(pool) <= 4 * mib);
}

TEST_CASE("room that used tiers do not need goes to those that need it", "[cache_budget]") {
  tarn::byte_pool<> pool({.shard_bytes = 1 * mib});
  std::vector<std::pair<void*, std::size_t>> out;
  for (int i = 0; i != 100; ++i) {
    burst(pool, 32 * kib, 20);
    burst(pool, 64 * kib, 10);
  }
  for (const std::size_t size : {32 * kib, 64 * kib}) {
    CHECK(cached(pool, size) > 1);
    while (cached(pool, size) > 1)
      out.emplace_back(pool.allocate(size), size);
  }
  for (int i = 0; i != 40; ++i) {
    burst(pool, 16 * kib, 20);
    burst(pool, 32 * kib, 1);
    burst(pool, 64 * kib, 1);
  }
  CHECK(cached(pool, 16 * kib) == 20);
  for (const auto& [block, size] : out)
    pool.deallocate(block, size);
  CHECK(cached_bytes(pool) <= 1 * mib);
}

TEST_CASE("ticks take the room of an unused tier back", "[cache_budget]") {
  for (const int ticks : {0, 6}) {
    INFO(ticks << " ticks");
    tarn::byte_pool<> pool;
    bursts(pool, 64 * kib, 30);
    CHECK(cached(pool, 64 * kib) == 30);
    for (int i = 0; i != ticks; ++i) {
      pool.maintain(std::chrono::seconds(100 + i));
      burst(pool, 100, 1000);  // leaves the cache, so the thread follows the tick
    }
    if (ticks == 0) pool.drain();
    std::vector<void*> blocks(30);
    std::thread([&] {
      for (auto& p : blocks)
        p = pool.allocate(64 * kib);
    }).join();
    for (auto* const p : blocks)
      pool.deallocate(p, 64 * kib);
    CHECK(cached(pool, 64 * kib) == (ticks == 0 ? 30 : 2));
  }
}

TEST_CASE("blocks of a thread never exceed shard_bytes, whatever it uses", "[cache_budget]") {
  for (const std::size_t most : {100 * kib, 1 * mib, 5 * mib}) {
    INFO(most);
    tarn::byte_pool<> pool({.shard_bytes = most});
    std::mt19937 random(7);
    std::size_t above = 0;
    for (int round = 0; round != 300; ++round) {
      const auto size = std::size_t{128} << random() % 15;
      burst(pool, size, 1 + random() % (8 * mib / size < 300 ? 8 * mib / size : 300));
      if (round % 50 == 0) pool.maintain(std::chrono::seconds(100 + round));
      above += cached_bytes(pool) > most;
    }
    CHECK(above == 0);
    CHECK(pool.occupancy().in_use() == 0);
  }
}

TEST_CASE("more threads leave less to each", "[cache_budget]") {
  tarn::byte_pool<> pool;
  bursts(pool, 64 * kib, 100);
  CHECK(cached_bytes(pool) > 2 * mib);
  std::mutex mutex;
  std::vector<std::thread> others;
  mutex.lock();
  for (int i = 0; i != 63; ++i) {
    others.emplace_back([&] {
      pool.deallocate(pool.allocate(100), 100);
      const std::lock_guard<std::mutex> wait(mutex);
    });
  }
  while (pool.snapshot().tiers[0].gets < 63)
    std::this_thread::yield();
  bursts(pool, 64 * kib, 100);
  const auto kept = cached(pool, 64 * kib) * 64 * kib;
  mutex.unlock();
  for (auto& t : others)
    t.join();
  CHECK(kept <= 512 * kib);
}
