// SPDX-License-Identifier: MIT
//
// Prewarming, trimming, draining, resizing, resetting, ageing.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
}

// Idle blocks of a tier that are not kept by others of their slab.
template <class Pool>
std::uint64_t ready(const Pool& pool, std::size_t tier) {
  const auto t = pool.occupancy().tiers[tier];
  return t.idle - t.idle_pinned;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("prewarmed blocks are hits and move no counter", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t tier : {0u, 5u, 9u, 13u}) {
    const auto size = pool->tiers().size_of(tier);
    INFO(size);
    pool->prewarm(tier, 0);
    CHECK(pool->occupancy().tiers[tier].created == 0);
    pool->prewarm(tier, 12);
    CHECK(pool->occupancy().tiers[tier].idle == 12);
    CHECK(pool->occupancy().tiers[tier].in_use == 0);
    if constexpr (TestType::stats::counts) {
      const auto t = pool->snapshot().tiers[tier];
      CHECK(t.gets == 0);
      CHECK(t.puts == 0);
      CHECK(t.misses == 0);
    }
    const auto asked = pool.source.allocations();
    std::vector<void*> blocks(12);
    for (auto& b : blocks)
      b = pool->allocate(size);
    CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == 12);
    CHECK(pool.source.allocations() == asked);
    if constexpr (TestType::stats::counts) {
      const auto t = pool->snapshot().tiers[tier];
      CHECK(t.gets == 12);
      CHECK(t.misses == 0);
      CHECK(t.hits() == 12);
    }
    blocks.push_back(pool->allocate(size));
    if constexpr (TestType::stats::counts) CHECK(pool->snapshot().tiers[tier].misses == 1);
    for (auto* const b : blocks)
      pool->deallocate(b, size);
  }
}

TEMPLATE_LIST_TEST_CASE("a trim gives everything idle back", "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 16 * mib});
  for (std::size_t tier = 0; tier != pool->tiers().count(); ++tier) {
    burst(*pool, pool->tiers().size_of(tier), 5);
  }
  burst(*pool, 4 * mib, 2);
  const auto held = pool.source.live_bytes();
  CHECK(held > 8 * mib);
  CHECK(pool->trim() == held);
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool->occupancy().idle_bytes() == 0);
  CHECK(pool->occupancy().slab_bytes == 0);
  CHECK(pool->trim() == 0);
  CHECK(pool.imbalance() == "");
  CHECK(pool->get(100));
}

TEMPLATE_LIST_TEST_CASE("a trim to a number of bytes keeps so much, and blocks that are out",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  auto held = pool->get(64 * kib);
  burst(*pool, 64 * kib, 60);
  const auto before = pool->occupancy().idle_bytes();
  CHECK(pool->trim(before) == 0);
  CHECK(pool->occupancy().idle_bytes() == before);
  const auto given = pool->trim(mib);
  CHECK(given > 0);
  CHECK(pool->occupancy().idle_bytes() <= mib);
  CHECK(pool->occupancy().idle_bytes() >= mib - 64 * kib);
  CHECK(pool->occupancy().in_use() == 1);
  CHECK(pool.imbalance() == "");
  held.data()[0] = std::byte{1};
}

TEMPLATE_LIST_TEST_CASE("a slab goes when its last block does, not before", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  constexpr std::size_t size = 8 * kib;  // eight to a slab
  std::vector<void*> blocks(8);
  pool->allocate_bulk(size, blocks);
  CHECK(pool.source.live_blocks() == 1);
  for (std::size_t i = 0; i != 7; ++i) {
    pool->deallocate(blocks[i], size);
    pool->trim();
    CHECK(pool.source.live_blocks() == 1);
    const auto t = pool->occupancy().tiers[pool->tiers().tier_for(size)];
    CHECK(t.idle == i + 1);
    CHECK(t.idle_pinned == i + 1);
  }
  // The blocks that their slab keeps serve again, without the source.
  void* const again = pool->allocate(size);
  CHECK(pool.source.allocations() == 1);
  pool->deallocate(again, size);
  pool->deallocate(blocks[7], size);
  pool->trim();
  CHECK(pool.source.live_blocks() == 0);
}

TEMPLATE_LIST_TEST_CASE("drain and clear give back what is idle, clear the large blocks too",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 16 * mib});
  burst(*pool, 1000, 50);
  burst(*pool, 100 * kib, 5);
  burst(*pool, 4 * mib, 1);
  pool->drain();
  CHECK(pool->occupancy().idle() == 0);
  CHECK(pool.source.live_bytes() == 4 * mib);
  pool->clear();
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("a drain reaches other threads at their next slow path or at their end",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const bool works_on : {false, true}) {
    test::byte_fixture<TestType> pool;
    std::atomic<int> stage{0};
    const auto wait_for = [&](int s) {
      while (stage.load() != s)
        std::this_thread::yield();
    };
    std::jthread other([&] {
      burst(*pool, 1000, 20);
      stage = 1;
      wait_for(2);
      // A miss in any pool and tier is a slow path.
      if (works_on) pool->deallocate(pool->allocate(500 * kib), 500 * kib);
      stage = 3;
      wait_for(4);
    });
    wait_for(1);
    pool->drain();
    if (!test::has_thread_caches<TestType>) CHECK(pool->occupancy().idle() == 0);
    stage = 2;
    wait_for(3);
    if (works_on) CHECK(pool->occupancy().tiers[pool->tiers().tier_for(1000)].idle == 0);
    stage = 4;
    other.join();
    // A thread that ends leaves its blocks to the depot, so no cached block is lost.
    CHECK(pool.imbalance() == "");
    pool->drain();
    CHECK(pool->occupancy().idle() == 0);
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("reset_and_drain makes the initial blocks ready again", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::cache_tiers> pool({.initial_objects = 6});
  burst(*pool, 512, 300);
  burst(*pool, 4096, 30);
  auto held = pool->get(600);
  pool->reset_and_drain();
  for (std::size_t tier = 0; tier != 3; ++tier) {
    INFO(tier);
    CHECK(ready(*pool, tier) == 6);
  }
  CHECK(pool->occupancy().in_use() == 1);
  CHECK(pool.imbalance() == "");
  const auto before = pool->snapshot().total().misses;
  burst(*pool, 512, 6);
  CHECK(pool->snapshot().total().misses == before);
}

TEMPLATE_LIST_TEST_CASE("a thread that follows a drain late leaves what was made ready since",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::cache_tiers> pool({.initial_objects = 6});
  std::atomic<int> stage{0};
  const auto reach = [&](int wanted) {
    while (stage.load() != wanted)
      std::this_thread::yield();
  };
  std::thread other([&] {
    burst(*pool, 512, 30);  // its cache holds them
    stage.store(1);
    reach(2);
    // Slow paths: more blocks than any cache or depot has left.
    burst(*pool, 16384, 50);
    stage.store(3);
    reach(4);
  });
  reach(1);
  pool->reset_and_drain();
  stage.store(2);
  reach(3);
  CHECK(ready(*pool, 0) == 6);
  CHECK(ready(*pool, 1) == 6);
  CHECK(pool.imbalance() == "");
  stage.store(4);
  other.join();
}

TEMPLATE_LIST_TEST_CASE("resize works both ways and loses nothing", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const std::size_t tier = pool->tiers().tier_for(1000);
  std::vector<void*> out(30);
  pool->allocate_bulk(1000, out);
  for (const std::size_t n : {64u, 128u, 32u, 0u, 7u, 7u, 500u, 1u}) {
    INFO(n);
    pool->resize(tier, n);
    CHECK(ready(*pool, tier) == n);
    CHECK(pool->occupancy().tiers[tier].in_use == 30);
    CHECK(pool.imbalance() == "");
  }
  // From now on at most one block is kept in the depot, and as many in the cache of a thread.
  pool->deallocate_bulk(out, 1000);
  CHECK(ready(*pool, tier) <= (test::has_thread_caches<TestType> ? 2u : 1u));
  pool->resize(tier, 40);
  CHECK(ready(*pool, tier) == 40);
  burst(*pool, 1000, 40);
  CHECK(ready(*pool, tier) >= 40);
  CHECK(ready(*pool, tier) <= (test::has_thread_caches<TestType> ? 80u : 40u));
  pool->resize(tier, 0);
  CHECK(ready(*pool, tier) == 0);
}

TEMPLATE_LIST_TEST_CASE("what was idle for a whole interval is destroyed, what was used is not",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using std::chrono::seconds;
  test::byte_fixture<TestType> pool({.cleanup_interval = seconds(10)});
  const std::size_t tier = pool->tiers().tier_for(1000);
  burst(*pool, 1000, 40);
  CHECK(pool->maintain(seconds(100)) == 0);  // the clock starts
  burst(*pool, 1000, 15);
  CHECK(pool->maintain(seconds(105)) == 0);  // too early
  CHECK(ready(*pool, tier) == 40);
  const auto destroyed = pool->maintain(seconds(111));
  CHECK(destroyed > 0);
  CHECK(destroyed <= 25);
  CHECK(ready(*pool, tier) == 40 - destroyed);
  CHECK(pool.imbalance() == "");
  // The rest was not requested.
  pool->maintain(seconds(122));
  pool->maintain(seconds(133));
  CHECK(ready(*pool, tier) == 0);
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool->maintain(seconds(200)) == 0);
}

TEMPLATE_LIST_TEST_CASE("without decay and an interval nothing grows old", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.decay_interval = tarn::options::no_decay});
  burst(*pool, 1000, 40);
  for (int i = 0; i != 5; ++i)
    CHECK(pool->maintain(std::chrono::hours(i)) == 0);
  CHECK(pool->occupancy().idle() == 40);
}
