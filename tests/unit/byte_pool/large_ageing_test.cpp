// SPDX-License-Identifier: MIT
//
// The cache of blocks above the last tier when no blocks are requested: it decays as tiers do.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <tarn/observe/event_log.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t page = 4096;

using tiers = tarn::fixed_tiers<128, 1024>;  // so that a large block is small enough for a test

template <class P>
using fixture = test::byte_fixture<P, tiers>;

struct purgeable_source : test::failing_source {
  static constexpr bool is_purgeable = true;
};
template <class P>
using purgeable_pool = tarn::byte_pool<typename P::lock, typename P::stats,
                                       tarn::traits<tiers, tarn::no_check, purgeable_source>>;

template <class Pool>
std::vector<void*> take(Pool& pool, const std::vector<std::size_t>& sizes) {
  std::vector<void*> blocks;
  for (const auto size : sizes)
    blocks.push_back(pool.allocate(size));
  return blocks;
}
template <class Pool>
void put(Pool& pool, const std::vector<void*>& blocks, const std::vector<std::size_t>& sizes) {
  for (std::size_t i = 0; i != blocks.size(); ++i)
    pool.deallocate(blocks[i], sizes[i]);
}
template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  const std::vector<std::size_t> sizes(count, size);
  put(pool, take(pool, sizes), sizes);
}

/// Of the pages that lie completely inside.
std::size_t page_bytes_in(const void* block, std::size_t bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(block);
  return (at + bytes) / page * page - (at + page - 1) / page * page;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("of what no get took since the last tick a half goes, and says why",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib});
  burst(*pool, 64 * kib, 10);
  const auto kept = [&] { return pool->occupancy().large.kept; };
  CHECK(pool->maintain(100s) == 0);
  CHECK(pool->maintain(100s + 999ms) == 0);
  CHECK(kept() == 10);
  CHECK(pool->maintain(101s) == 5);
  CHECK(pool->maintain(102s) == 3);
  CHECK(kept() == 2);
  CHECK(pool.imbalance() == "");

  // A block that came home since the last tick is new.
  burst(*pool, 60 * kib, 4);  // two of these gets take kept blocks
  CHECK(kept() == 4);
  CHECK(pool->maintain(103s) == 0);
  CHECK(pool->maintain(104s) == 2);
  CHECK(pool->maintain(105s) == 1);
  CHECK(pool->maintain(106s) == 1);
  CHECK(pool->maintain(107s) == 0);
  const auto large = pool->occupancy().large;
  CHECK(large.kept == 0);
  CHECK(large.kept_bytes == 0);
  CHECK(large.aged == 12);
  CHECK(large.aged_bytes == (10 * 64 + 2 * 60) * kib);
  CHECK(large.discarded == 0);
  CHECK(large.purged == 0);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("the half is one of bytes: the newest that fit into it stay", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib});
  const std::vector<std::size_t> sizes{20 * kib, 8 * kib, 200 * kib, 8 * kib, 4 * kib};
  put(*pool, take(*pool, sizes), sizes);
  pool->maintain(100s);
  CHECK(pool->maintain(101s) == 1);  // 120 KiB may stay: all but the block of 200
  CHECK(pool->occupancy().large.kept_bytes == 40 * kib);
  CHECK(pool->maintain(102s) == 1);  // 20 may stay: 4, 8 and 8
  CHECK(pool->occupancy().large.kept_bytes == 20 * kib);
  CHECK(pool->maintain(103s) == 2);  // 10 may stay: 4, not the newer 8, not the older one
  CHECK(pool->occupancy().large.kept_bytes == 4 * kib);
}

TEMPLATE_LIST_TEST_CASE("a spike is gone in ten ticks, and a steady load loses nothing to them",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 8192 * kib});
  std::mt19937 random(20250614);
  std::vector<std::size_t> steady;
  for (int i = 0; i != 20; ++i)
    steady.push_back(2 * kib + random() % (60 * kib));
  const auto round = [&] {
    auto order = steady;
    std::shuffle(order.begin(), order.end(), random);
    std::sort(order.begin(), order.end(), std::greater<>());  // each finds its own block again
    const auto blocks = take(*pool, order);
    std::vector<std::size_t> places(order.size());
    for (std::size_t i = 0; i != places.size(); ++i)
      places[i] = i;
    std::shuffle(places.begin(), places.end(), random);
    for (const auto i : places)
      pool->deallocate(blocks[i], order[i]);
  };
  round();
  pool->maintain(99s);
  const auto level = pool->occupancy().large.kept_bytes;
  burst(*pool, 128 * kib, 20);  // no smaller request fits these
  CHECK(pool->occupancy().large.kept_bytes == level + 20 * 128 * kib);
  const auto asked = pool.source.allocations();
  for (int tick = 0; tick != 11; ++tick) {
    round();
    pool->maintain(std::chrono::seconds(100 + tick));
  }
  CHECK(pool.source.allocations() == asked);
  CHECK(pool->occupancy().large.kept_bytes == level);
  CHECK(pool->occupancy().large.aged == 20);
}

TEMPLATE_LIST_TEST_CASE("a late call halves the cache as often as all that were missed",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib, .decay_interval = 10s});
  burst(*pool, 4 * kib, 65);
  pool->maintain(100s);
  CHECK(pool->maintain(109s) == 0);
  CHECK(pool->maintain(139s) == 65 - 8);
  CHECK(pool->maintain(24h) == 8);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("a cleanup takes all that was kept for the whole interval", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib, .cleanup_interval = 10s});
  burst(*pool, 64 * kib, 6);
  CHECK(pool->maintain(100s) == 0);
  burst(*pool, 64 * kib, 2);
  CHECK(pool->maintain(109s) == 0);
  CHECK(pool->maintain(110s) == 4);
  CHECK(pool->occupancy().large.kept == 2);
  CHECK(pool->maintain(120s) == 2);
  CHECK(pool->occupancy().large.aged == 6);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("without decay the cache stays, and a percentage of the peak holds it down",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool(
      {.large_cache_bytes = 1024 * kib, .decay_interval = tarn::options::no_decay});
  const auto kept = [&] { return pool->occupancy().large.kept; };
  burst(*pool, 10 * kib, 80);
  pool->maintain(100s);
  pool->maintain(101s);
  CHECK(kept() == 80);
  CHECK(pool->set_retention_percent(50) == -1);
  CHECK(pool->maintain(102s) == 0);   // the first tick: the peak is 800 KiB
  CHECK(pool->maintain(103s) == 45);  // the peak counts as 700
  CHECK(kept() == 35);
  CHECK(pool->maintain(104s) == 5);  // 612.5
  CHECK(kept() == 30);
  // A load that comes again in each interval keeps its peak, including blocks that were not needed.
  pool->set_retention_percent(100);
  const auto asked = pool.source.allocations();
  for (int s = 105; s != 110; ++s) {
    burst(*pool, 10 * kib, 30);
    CHECK(pool->maintain(std::chrono::seconds(s)) == 0);
  }
  CHECK(pool.source.allocations() == asked);
  burst(*pool, 10 * kib, 30);
  CHECK(pool->maintain(400s) == 0);  // needed since the last tick
  CHECK(pool->maintain(800s) == 30);
}

TEMPLATE_LIST_TEST_CASE("what ages stays kept without its pages, if the pool is told so",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 64 * kib;
  for (const auto how : {tarn::idle_memory::purge, tarn::idle_memory::reclaimable}) {
    purgeable_source source;
    {
      purgeable_pool<TestType> pool({.large_cache_bytes = 1024 * kib, .idle_memory = how}, {},
                                    source);
      const std::vector<std::size_t> sizes(8, size);
      const auto blocks = take(pool, sizes);
      std::size_t pages[8] = {};
      for (std::size_t i = 0; i != 8; ++i)
        pages[i] = page_bytes_in(blocks[i], size);
      put(pool, blocks, sizes);
      const auto large = [&] { return pool.occupancy().large; };
      CHECK(pool.maintain(100s) == 0);
      CHECK(pool.maintain(101s) == 4);  // the older half
      CHECK(large().purged == 4);
      CHECK(large().purged_bytes == pages[0] + pages[1] + pages[2] + pages[3]);
      CHECK(large().kept == 8);
      CHECK(large().kept_bytes == 8 * size);
      CHECK(large().kept_purged == 4);
      CHECK(large().kept_purged_bytes == 4 * size);
      CHECK(large().aged == 0);
      CHECK(source.live_bytes() == 8 * size);
      CHECK(test::imbalance(pool, source) == "");

      // Blocks that have their pages are taken first. The others serve at once, and are zero.
      const auto again = take(pool, sizes);
      for (std::size_t i = 0; i != 4; ++i)
        CHECK(std::find(blocks.begin() + 4, blocks.end(), again[i]) != blocks.end());
      CHECK(source.allocations() == 8);
      CHECK(large().kept_purged == 0);
      CHECK(large().kept_purged_bytes == 0);
      if (how == tarn::idle_memory::purge) {
        const std::string zeros(size - 2 * page, '\0');
        for (std::size_t i = 4; i != 8; ++i) {
          auto* const first = reinterpret_cast<const char*>(
              (reinterpret_cast<std::uintptr_t>(again[i]) + page - 1) / page * page);
          CHECK(std::memcmp(first, zeros.data(), zeros.size()) == 0);
        }
      }
      put(pool, again, sizes);
      for (int s = 102; s != 112; ++s)
        pool.maintain(std::chrono::seconds(s));
      CHECK(large().kept_purged == 8);
      CHECK(large().purged == 12);
      CHECK(pool.maintain(112s) == 0);  // no block is purged twice
      CHECK(large().purged == 12);

      CHECK(pool.trim(3 * size) == 5 * size);
      CHECK(large().kept_purged == 3);
      pool.close();
      CHECK(large().kept == 0);
      CHECK(large().kept_purged == 0);
      CHECK(large().kept_purged_bytes == 0);
      CHECK(source.live_bytes() == 0);
    }
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("purging drops the pages of kept large blocks as well", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  purgeable_source source;
  {
    purgeable_pool<TestType> pool({.large_cache_bytes = 1024 * kib}, {}, source);
    void* const out = pool.allocate(40 * kib);
    std::memset(out, 0xCD, 40 * kib);
    void* const kept = pool.allocate(40 * kib);
    const auto bytes = page_bytes_in(kept, 40 * kib);
    pool.deallocate(kept, 40 * kib);
    CHECK(pool.purge() == bytes);
    CHECK(pool.purge() == 0);
    CHECK(pool.snapshot().large.purged_bytes == bytes);
    CHECK(pool.snapshot().large.kept_purged == 1);
    CHECK(std::string(static_cast<const char*>(out), 40 * kib) == std::string(40 * kib, '\xCD'));
    pool.deallocate(out, 40 * kib);
    CHECK(pool.purge() == page_bytes_in(out, 40 * kib));
  }
  CHECK(source.live_bytes() == 0);

  // Where pages can't be dropped, the blocks are given back.
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib});
  burst(*pool, 40 * kib, 3);
  CHECK(pool->purge() == 120 * kib);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("differences and sums of snapshots know of it", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib});
  burst(*pool, 64 * kib, 8);
  pool->maintain(100s);
  pool->maintain(101s);
  const auto before = pool->snapshot();
  pool->maintain(102s);
  const auto after = pool->snapshot();
  CHECK(before.large.aged == 4);
  CHECK(after.large.aged == 6);
  CHECK((after - before).large.aged == 2);
  CHECK((after - before).large.aged_bytes == 128 * kib);
  CHECK((after - before).large.kept == 2);
}

TEMPLATE_LIST_TEST_CASE("callbacks and events hear of it", "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 1024 * kib});
  tarn::event_log log;
  const auto watching = log.watch(*pool);
  burst(*pool, 64 * kib, 8);
  std::vector<tarn::operation> told;
  pool->set_callback([&](const tarn::operation& o) { told.push_back(o); });
  pool->maintain(100s);
  CHECK(told.empty());
  pool->maintain(101s);
  REQUIRE(told.size() == 4);
  for (const auto& o : told) {
    CHECK(o.kind == tarn::operation_kind::cleanup);
    CHECK(o.tier == pool->tiers().count());
    CHECK(o.size_bytes == 64 * kib);
    CHECK(o.item != nullptr);
  }
  const auto last = log.events().back();
  CHECK(last.kind == tarn::event_kind::trim);
  CHECK(last.old_size == 8 * 64 * kib);
  CHECK(last.new_size == 4 * 64 * kib);
  CHECK(last.state.large.kept == 4);
}

TEMPLATE_LIST_TEST_CASE("what is told of ageing may take and give what is about to age",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> pool({.large_cache_bytes = 4096 * kib});
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i != 500; ++i)
    sizes.push_back(2 * kib + i * 8);
  put(*pool, take(*pool, sizes), sizes);
  pool->maintain(100s);
  std::mt19937 random(5);
  std::size_t told = 0;
  pool->set_callback([&](const tarn::operation& o) {
    if (o.kind != tarn::operation_kind::cleanup) return;
    ++told;
    std::vector<std::size_t> some;
    for (int i = 0; i != 5; ++i)
      some.push_back(2 * kib + random() % 4000);
    put(*pool, take(*pool, some), some);
    if (told % 50 == 0) pool->trim(pool->occupancy().large.kept_bytes - 20 * kib);
    if (told == 100) pool->maintain(100s + 500ms);  // not due: no effect
  });
  const auto aged = pool->maintain(101s);
  CHECK(aged == told);
  CHECK(told > 10);
  CHECK(pool->occupancy().large.aged == aged);
  CHECK(pool.imbalance() == "");
  pool->set_callback(nullptr);
  pool->trim();
  CHECK(pool->occupancy().large.kept == 0);
  CHECK(pool->occupancy().large.kept_bytes == 0);
  CHECK(pool.source.live_bytes() == 0);
}
