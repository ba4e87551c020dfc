// SPDX-License-Identifier: MIT
//
// More pools at a time than slots, and far more pools over time.

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/sanitizer.hpp"

namespace {

// The smallest pool that has shards: one tier.
using small_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                   tarn::traits<tarn::fixed_tiers<256>>>;

}  // namespace

TEST_CASE("more than 8192 pools work at once, those without a slot too", "[many]") {
  constexpr std::size_t count = 8192 + 300;
  static_assert(count > tarn::detail::max_slots);
  std::vector<std::unique_ptr<small_pool>> pools;
  std::vector<small_pool::buffer> held;
  for (std::size_t i = 0; i != count; ++i) {
    pools.push_back(std::make_unique<small_pool>());
    held.push_back(pools.back()->get(100));
    held.back()[0] = static_cast<std::byte>(i);
  }
  int wrong = 0;
  std::thread([&] {
    for (std::size_t i = 0; i != count; ++i) {
      wrong += held[i][0] != static_cast<std::byte>(i);
      if (i % 3 == 0) held[i].reset();
      auto own = pools[i]->get(100);
      wrong += pools[i]->occupancy().in_use() != (i % 3 == 0 ? 1u : 2u);
    }
  }).join();
  CHECK(wrong == 0);
  // Every second pool ends; the others, and new ones, continue to work.
  for (std::size_t i = 0; i < count; i += 2)
    pools[i] = std::make_unique<small_pool>();
  for (std::size_t i = 0; i != count; ++i) {
    auto again = pools[i]->get(200);
    const auto t = pools[i]->snapshot().total();
    wrong += t.in_use != 1u + (i % 2 == 1 && i % 3 != 0);
    wrong += t.created != t.in_use + t.idle + t.retired;
  }
  CHECK(wrong == 0);
  // All slots are taken, so the newest pools work on their depots. The end of pools frees their
  // slots.
  CHECK(pools.back()->snapshot().total().idle_in_threads == 0);
  held.clear();
  pools.clear();
  small_pool again;
  {
    auto b = again.get(100);
  }
  CHECK(again.snapshot().total().idle_in_threads == 1);
}

TEST_CASE("100,000 pools come and go beside live threads and nothing grows", "[many]") {
  constexpr int makers = 4;
  constexpr int rounds = 100'000 / makers / test::slowdown;

  std::atomic<bool> stop{false};
  std::atomic<small_pool*> shown[makers] = {};
  std::atomic<int> visits{0};
  // Threads that live through all rounds: they get a shard of many pools and must let go of each.
  std::vector<std::thread> visitors;
  for (int v = 0; v != 2; ++v) {
    visitors.emplace_back([&] {
      while (!stop) {
        for (auto& place : shown) {
          if (small_pool* const pool = place.exchange(nullptr)) {
            {
              auto b = pool->get(100);
            }
            visits.fetch_add(1);
            place.store(pool);  // given back: the maker may now end the pool
          }
        }
        std::this_thread::yield();
      }
    });
  }

  std::ptrdiff_t early = 0;
  std::atomic<int> failures{0};
  const auto make_pools = [&](int m, int count) {
    for (int i = 0; i != count; ++i) {
      auto pool = std::make_unique<small_pool>();
      shown[m].store(pool.get());
      small_pool::buffer late = pool->get(100);
      {
        auto b = pool->get(200);
      }
      if (i % 8 == 0) std::this_thread::yield();
      while (shown[m].exchange(nullptr) == nullptr)
        std::this_thread::yield();
      pool.reset();
      if (late.size() != 100) ++failures;
    }
  };
  const auto run_makers = [&](int count) {
    std::vector<std::thread> threads;
    for (int m = 0; m != makers; ++m)
      threads.emplace_back([&, m] { make_pools(m, count); });
    for (auto& t : threads)
      t.join();
  };
  run_makers(rounds / 10);
  early = test::heap_blocks.load();
  run_makers(rounds - rounds / 10);
  const auto late = test::heap_blocks.load();
  stop = true;
  for (auto& v : visitors)
    v.join();

  CHECK(failures == 0);
  // Slots were given out again: there have been far more pools than slots, and this one still has a
  // shard.
  small_pool one_more;
  {
    auto b = one_more.get(100);
  }
  CHECK(one_more.snapshot().total().idle_in_threads == 1);
  CHECK(visits > rounds / 10);
  // The visitors have not yet followed the end of a few pools, however many rounds there are.
  INFO("early " << early << ", late " << late);
  CHECK(late - early < 10'000);
}
