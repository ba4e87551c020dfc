// SPDX-License-Identifier: MIT
//
// Idle memory that is not requested decays, and every block that leaves is counted with its reason.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include <tarn/policy/runtime_tiers.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t large = 128 * kib;  // one block to a slab, one in a thread's cache

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
}

template <class Pool>
tarn::tier_occupancy tier_of(const Pool& pool, std::size_t size) {
  return pool.occupancy().tiers[pool.tiers().tier_for(size)];
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("every block that leaves is counted once, by its reason", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const std::size_t tier = pool->tiers().tier_for(large);
  CHECK(tier_of(*pool, large).max_idle == tarn::tier_occupancy::no_bound);

  burst(*pool, large, 10);
  pool->trim();
  CHECK(tier_of(*pool, large).trimmed == 10);

  burst(*pool, large, 10);
  CHECK(pool->maintain(100s) == 0);
  CHECK(pool->maintain(101s) == 5);
  CHECK(tier_of(*pool, large).aged == 5);
  CHECK(pool->maintain(102s) == 3);
  CHECK(tier_of(*pool, large).aged == 8);
  CHECK(tier_of(*pool, large).idle == 2);
  CHECK(tier_of(*pool, large).trimmed == 10);

  pool->resize(tier, 1);
  CHECK(tier_of(*pool, large).max_idle == 1);
  CHECK(tier_of(*pool, large).trimmed == 11);
  CHECK(tier_of(*pool, large).discarded == 0);

  burst(*pool, large, 4);
  auto t = tier_of(*pool, large);
  CHECK(t.idle >= 1);
  CHECK(t.discarded == 4 - t.idle);
  CHECK(t.aged == 8);
  CHECK(t.trimmed == 11);
  CHECK(t.recarved == 0);
  CHECK(t.retired == t.discarded + t.aged + t.trimmed);

  const auto before = t;
  pool->drain();
  t = tier_of(*pool, large);
  CHECK(t.trimmed == before.trimmed + before.idle);
  static_cast<void>(pool->get(large));
  pool->close();
  CHECK(tier_of(*pool, large).idle == 0);
  CHECK(tier_of(*pool, large).trimmed == t.trimmed);  // the end of the pool is not a reason
  CHECK(tier_of(*pool, large).discarded == t.discarded);
  CHECK(tier_of(*pool, large).aged == t.aged);
}

TEMPLATE_LIST_TEST_CASE("a snapshot tells the reasons and bounds as well", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_objects = 6});
  burst(*pool, large, 6);
  CHECK(pool->snapshot().tier_for(large)->max_idle == 6);
  pool->maintain(100s);
  pool->maintain(101s);
  CHECK(pool->snapshot().total().aged == 3);
  CHECK(pool->snapshot().tier_for(large)->idle_for == 1s);
  pool->trim();
  CHECK(pool->snapshot().total().trimmed == 3);
}

TEMPLATE_LIST_TEST_CASE("a block that is carved for a smaller tier is counted as such",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  burst(*pool, mib, 1);
  auto half = pool->get(512 * kib);
  CHECK(tier_of(*pool, mib).recarved == 1);
  CHECK(tier_of(*pool, mib).retired == 1);
  auto quarter = pool->get(256 * kib);  // out of the other half
  CHECK(tier_of(*pool, 512 * kib).recarved == 1);
  quarter.reset();
  half.reset();
  burst(*pool, mib, 1);
  CHECK(tier_of(*pool, mib).recarved == 1);  // since the pool began
  const auto t = tier_of(*pool, mib);
  CHECK(t.discarded + t.aged + t.trimmed == 0);
}

TEMPLATE_LIST_TEST_CASE("small blocks decay by whole slabs, so that their memory goes soon",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const bool late : {false, true}) {
    INFO("late " << late);
    test::byte_fixture<TestType> pool;
    burst(*pool, 128, 4000);  // eight slabs of 512
    pool->maintain(100s);
    if (late) {
      CHECK(pool->maintain(104s) == 4000);
    } else {
      CHECK(pool->maintain(101s) == 4000 - 3 * 512);
      CHECK(pool->maintain(102s) == 2 * 512);
      CHECK(pool->maintain(103s) == 512);
    }
    CHECK(pool.source.live_bytes() == 0);
    CHECK(tier_of(*pool, 128).aged == 4000);
  }
}

TEMPLATE_LIST_TEST_CASE("a call that comes late halves as often as all that were missed",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.decay_interval = 10s});
  burst(*pool, large, 65);
  pool->maintain(100s);
  CHECK(pool->maintain(109s) == 0);
  CHECK(pool->maintain(139s) == 65 - 8);
  CHECK(pool->maintain(149s) == 4);
  CHECK(pool->maintain(24h) == 4);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("a steady load loses nothing to decay", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto misses_of = [](bool ticking) {
    test::byte_fixture<TestType> pool;
    std::mt19937 random(20250101);
    struct held {
      void* block;
      std::size_t size;
    };
    std::vector<held> out;
    // A single burst; then one half of that load all the time.
    for (int round = 0; round != 40; ++round) {
      random.seed(7);  // the same sizes each time
      for (int i = 0; i != (round == 0 ? 800 : 400); ++i) {
        const std::size_t size = std::size_t{1} << (7 + random() % 12);
        out.push_back({pool->allocate(size), size});
      }
      std::mt19937 order(static_cast<unsigned>(round));
      std::shuffle(out.begin(), out.end(), order);
      for (const auto& h : out)
        pool->deallocate(h.block, h.size);
      out.clear();
      if (ticking) pool->maintain(std::chrono::seconds(100 + round));
    }
    if (ticking) CHECK(pool->snapshot().total().aged != 0);  // the burst was given back
    return pool->snapshot().total().misses;
  };
  CHECK(misses_of(true) == misses_of(false));
}

TEMPLATE_LIST_TEST_CASE("a spike goes at the same pace, however busy the pool is", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const int churn : {0, 10, 10'000}) {
    INFO("churn " << churn);
    test::byte_fixture<TestType> pool;
    burst(*pool, large, 64);
    pool->maintain(100s);
    std::size_t left = 64;
    for (int tick = 1; tick != 8; ++tick) {
      // Two blocks at a time, given back in either order.
      for (int i = 0; i < churn; i += 2) {
        void* const one = pool->allocate(large);
        void* const other = pool->allocate(large);
        pool->deallocate(i % 4 != 0 ? other : one, large);
        pool->deallocate(i % 4 != 0 ? one : other, large);
      }
      pool->maintain(std::chrono::seconds(100 + tick));
      const std::size_t used = churn != 0 ? 2 : 0;
      left = used + (left - used) / 2;
      CHECK(tier_of(*pool, large).idle == left);
    }
    CHECK(left == (churn != 0 ? 2 : 0));
  }
}

TEMPLATE_LIST_TEST_CASE("blocks that were needed together in one moment all stay", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::mt19937 random(20250613);
  burst(*pool, large, 64);
  pool->maintain(100s);
  for (int tick = 1; tick != 20; ++tick) {
    std::vector<void*> blocks(24);
    pool->allocate_bulk(large, blocks);
    if (tick % 2 == 0) std::reverse(blocks.begin(), blocks.end());  // by address, or reversed
    if (tick % 3 == 0) std::shuffle(blocks.begin(), blocks.end(), random);
    for (void* const b : blocks)
      pool->deallocate(b, large);
    pool->maintain(std::chrono::seconds(100 + tick));
  }
  CHECK(tier_of(*pool, large).idle == 24);
}

TEMPLATE_LIST_TEST_CASE("idle_for is the time since all idle blocks were needed", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::runtime_tiers> pool({.initial_objects = 4},
                                                         tarn::runtime_tiers{large});
  const auto use = [&](std::size_t blocks) { burst(*pool, large, blocks); };
  const auto idle_for = [&] { return pool->occupancy().tiers[0].idle_for; };
  CHECK(idle_for() == 0s);
  pool->maintain(100s);
  CHECK(idle_for() == 0s);
  pool->maintain(101s);
  CHECK(idle_for() == 1s);
  use(3);
  pool->maintain(103s);
  CHECK(idle_for() == 3s);  // one of the four was not needed in all that time
  use(4);
  pool->maintain(104s);
  CHECK(idle_for() == 0s);
  pool->maintain(106s);
  CHECK(idle_for() == 2s);
  CHECK(pool->occupancy().tiers[0].idle == 4);  // the initial blocks stay
  pool->trim();
  pool->maintain(107s);
  pool->maintain(108s);
  CHECK(idle_for() == 0s);  // no block is idle
}

TEMPLATE_LIST_TEST_CASE("a thread's caches that it does not use go home on its next slow path",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  constexpr std::size_t used = 4000;
  constexpr std::size_t unused = 1000;
  std::atomic<int> stage{0};
  const auto wait_for = [&](int s) {
    while (stage.load() != s)
      std::this_thread::yield();
  };
  std::jthread other([&] {
    burst(*pool, unused, 20);
    for (int tick = 0; tick != 4; ++tick) {
      burst(*pool, used, 3);
      stage = 2 * tick + 1;
      wait_for(2 * tick + 2);
      burst(*pool, 200 * kib, 3);  // more than a cache holds: a slow path
    }
    stage = 9;
    wait_for(10);
  });
  std::vector<std::uint64_t> cached;
  for (int tick = 0; tick != 4; ++tick) {
    wait_for(2 * tick + 1);
    cached.push_back(tier_of(*pool, unused).idle_in_threads);
    pool->maintain(std::chrono::seconds(100 + tick));
    stage = 2 * tick + 2;
  }
  wait_for(9);
  cached.push_back(tier_of(*pool, unused).idle_in_threads);
  const auto still_cached = tier_of(*pool, used).idle_in_threads;
  stage = 10;
  other.join();
  if constexpr (test::has_thread_caches<TestType>) {
    CHECK(cached.front() == 20);
    // It looked after the first tick, and again after the second: perhaps no time passed in
    // between.
    CHECK(cached[2] == 20);
    CHECK(cached[3] == 0);
    CHECK(still_cached >= 3);  // the cache was used in every tick
  } else {
    CHECK(cached.back() <= 20);
  }
  for (int tick = 5; tick != 15; ++tick)
    pool->maintain(std::chrono::seconds(100 + tick));
  CHECK(pool.source.live_bytes() == 0);
}

TEST_CASE("decay intervals are checked", "[byte_pool]") {
  tarn::options o;
  o.decay_interval = -1ns;
  CHECK_THROWS_AS(tarn::validate(o), std::invalid_argument);
  CHECK_THROWS_WITH(tarn::validate(o), "tarn: decay_interval ns -1 must be at least 0");
  o.decay_interval = tarn::options::no_decay;
  CHECK_NOTHROW(tarn::validate(o));
}
