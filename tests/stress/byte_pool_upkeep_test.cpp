// SPDX-License-Identifier: MIT
//
// Trimming, draining, resizing and reading while other threads work: no block is lost, no number is
// wrong.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t workers = 3;

/// A source whose memory may lose its pages.
struct purgeable_source : test::failing_source {
  static constexpr bool is_purgeable = true;
};
template <class P, class Tiers = tarn::power_of_two_tiers<>>
using purgeable_pool = tarn::byte_pool<typename P::lock, typename P::stats,
                                       tarn::traits<Tiers, tarn::no_check, purgeable_source>>;

// Works on a pool until `stop`: random sizes, up to 40 blocks out; checks the owner of each.
template <class Pool>
std::size_t work(Pool& pool, std::size_t me, std::size_t most_size, const std::atomic<bool>& stop) {
  struct held {
    void* block;
    std::size_t size;
  };
  std::size_t torn = 0;
  std::vector<held> out;
  std::mt19937 random(static_cast<unsigned>(me) + 1);
  while (!stop.load(std::memory_order::relaxed)) {
    if (out.size() == 40 || (!out.empty() && random() % 2 == 0)) {
      const held h = out.back();
      out.pop_back();
      torn += !test::is_signed(h.block, h.size, me);
      pool.deallocate(h.block, h.size);
    } else {
      const std::size_t size = 1 + random() % most_size;
      void* const block = pool.try_allocate(size);
      if (block == nullptr) continue;
      test::sign(block, size, me);
      out.push_back({block, size});
    }
  }
  for (const auto& h : out)
    pool.deallocate(h.block, h.size);
  return torn;
}

// Runs workers beside `action(round)`, which is called `rounds` times, with a sanitizer a third of
// that. Returns: torn blocks.
template <class Pool, class Action>
std::size_t beside_workers(Pool& pool, std::size_t most_size, unsigned rounds, Action&& action) {
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> torn{0};
  test::run_together(workers + 1, [&](std::size_t me) {
    if (me != workers) {
      torn += work(pool, me, most_size, stop);
      return;
    }
    for (unsigned i = 0; i != (test::slowdown == 1 ? rounds : rounds / 3); ++i) {
      action(i);
      std::this_thread::yield();
    }
    stop = true;
  });
  return torn;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("trim, drain and clear under load lose nothing", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto torn = beside_workers(*pool, 300 * kib, 200, [&](unsigned i) {
    switch (i % 4) {
      case 0:
        pool->trim();
        break;
      case 1:
        pool->drain();
        break;
      case 2:
        pool->trim(mib);
        break;
      default:
        pool->clear();
        break;
    }
  });
  CHECK(torn == 0);
  CHECK(pool.imbalance() == "");
  pool->trim();
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("maintain and purge under load lose nothing", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::idle_memory::give_back, tarn::idle_memory::purge}) {
    purgeable_source source;
    {
      purgeable_pool<TestType> pool({.idle_memory = how}, {}, source);
      std::size_t dropped = 0;
      const auto torn = beside_workers(pool, 100 * kib, 300, [&](unsigned i) {
        pool.maintain(tarn::time_span::of_seconds(i));
        if (i % 5 == 2) dropped += pool.purge();
        if (i % 50 == 4) pool.trim();
        if (i % 30 == 9) pool.set_retention_percent(static_cast<int>(i));
      });
      CHECK(torn == 0);
      dropped += pool.purge();
      CHECK(dropped != 0);
      CHECK(test::imbalance(pool, source) == "");
      for (const auto& t : pool.occupancy().tiers) {
        CHECK(t.idle_purged <= t.idle_pinned);
        CHECK(t.idle_purged <= t.purged);
      }
      pool.trim();
      CHECK(source.live_bytes() == 0);
      CHECK(pool.snapshot().total().idle_purged == 0);
    }
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("the cache of large blocks ages under load and loses nothing",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::idle_memory::give_back, tarn::idle_memory::purge}) {
    purgeable_source source;
    {
      purgeable_pool<TestType, tarn::fixed_tiers<128, 4096>> pool(
          {.large_cache_bytes = 800 * kib, .idle_memory = how}, {}, source);
      std::uint64_t told = 0;
      std::size_t wrong = 0;
      // Only the maintaining thread writes to it; the others get and put.
      pool.set_callback([&told](const tarn::operation& o) {
        if (o.tier == 2 && o.kind == tarn::operation_kind::cleanup) ++told;
      });
      const auto torn = beside_workers(pool, 40 * kib, 300, [&](unsigned i) {
        pool.maintain(tarn::time_span::of_seconds(i));
        if (i % 7 == 2) static_cast<void>(pool.purge());
        if (i % 20 == 4) pool.trim(100 * kib);
        if (i % 30 == 9) pool.set_retention_percent(static_cast<int>(i));
        if (i % 30 == 19) pool.set_retention_percent(-1);
        const auto large = pool.occupancy().large;
        wrong += large.kept_purged > large.kept || large.kept_purged_bytes > large.kept_bytes;
      });
      CHECK(torn == 0);
      CHECK(wrong == 0);
      const auto large = pool.occupancy().large;
      CHECK(told == large.aged + large.purged);
      CHECK(told != 0);
      CHECK(test::imbalance(pool, source) == "");
      pool.trim();
      CHECK(pool.occupancy().large.kept == 0);
      CHECK(pool.occupancy().large.kept_purged_bytes == 0);
      CHECK(source.live_bytes() == 0);
    }
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("several threads may maintain, purge and close at the same time",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (unsigned round = 0; round != 30; ++round) {
    purgeable_source source;
    std::atomic<std::size_t> torn{0};
    {
      purgeable_pool<TestType> pool({.idle_memory = tarn::idle_memory::purge}, {}, source);
      test::run_together(4, [&](std::size_t me) {
        std::mt19937 random(static_cast<unsigned>(me) + round);
        std::vector<void*> out;
        for (unsigned i = 0; i != 60; ++i) {
          const std::size_t size = std::size_t{512} << i % 8;
          for (int n = 0; n != 10; ++n) {
            void* const block = pool.try_allocate(size);
            if (block == nullptr) break;  // closed
            test::sign(block, size, me);
            out.push_back(block);
          }
          for (auto* const b : out) {
            torn += !test::is_signed(b, size, me);
            pool.deallocate(b, size);
          }
          out.clear();
          if (random() % 4 == 0) static_cast<void>(pool.purge());
          if (random() % 4 == 0) pool.maintain(tarn::time_span::of_seconds(i));
          if (me == round % 4 && i == 30) pool.close();
        }
      });
      CHECK(test::imbalance(pool, source) == "");
    }
    CHECK(torn == 0);
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("resize and prewarm under load lose nothing", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto torn = beside_workers(*pool, 10 * kib, 200, [&](unsigned i) {
    const std::size_t tier = i % 6;
    if (i % 5 == 4) {
      pool->prewarm(tier, 7);
    } else {
      pool->resize(tier, i * 37 % 101);
    }
  });
  CHECK(torn == 0);
  CHECK(pool.imbalance() == "");

  // At rest the last word is exact again.
  for (std::size_t tier = 0; tier != 7; ++tier) {
    pool->resize(tier, 20);
    CHECK(pool->occupancy().tiers[tier].idle >= 20);
    pool->resize(tier, 3);
    pool->drain();
    pool->resize(tier, 3);
    CHECK(pool->occupancy().tiers[tier].idle - pool->occupancy().tiers[tier].idle_pinned == 3);
  }
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("several threads may trim, resize and reset at the same time",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.initial_objects = 4, .initial_bytes = 64 * kib});
  std::atomic<std::size_t> torn{0};
  test::run_together(4, [&](std::size_t me) {
    std::mt19937 random(static_cast<unsigned>(me) + 7);
    std::vector<void*> out;
    for (unsigned i = 0; i != 400; ++i) {
      const std::size_t size = std::size_t{128} << i % 4;
      for (int n = 0; n != 20; ++n) {
        out.push_back(pool->allocate(size));
        test::sign(out.back(), size, me);
      }
      for (auto* const b : out) {
        torn += !test::is_signed(b, size, me);
        pool->deallocate(b, size);
      }
      out.clear();
      switch (random() % 6) {
        case 0:
          pool->trim(random() % mib);
          break;
        case 1:
          pool->drain();
          break;
        case 2:
          pool->resize(random() % 4, random() % 50);
          break;
        case 3:
          pool->reset_and_drain();
          break;
        case 4:
          pool->prewarm(random() % 4, 9);
          break;
        default:
          break;
      }
    }
  });
  CHECK(torn == 0);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("a snapshot under load is never negative, and exact at rest", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::size_t negative = 0;
  std::size_t lost_gets = 0;
  std::uint64_t last_gets = 0;
  const auto torn = beside_workers(*pool, 20 * kib, 300, [&](unsigned i) {
    const auto s = pool->snapshot();
    for (const auto& t : s.tiers) {
      negative += t.gets < t.puts;
      negative += t.in_use > (std::uint64_t{1} << 40) || t.idle > (std::uint64_t{1} << 40);
    }
    const auto gets = s.total().gets;
    lost_gets += gets < last_gets;
    last_gets = gets;
    if (i % 16 == 0) pool->trim();
  });
  CHECK(torn == 0);
  CHECK(negative == 0);
  CHECK(lost_gets == 0);
  CHECK(pool.imbalance() == "");
  CHECK(pool->snapshot().total().in_use == 0);
}
