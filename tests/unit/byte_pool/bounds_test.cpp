// SPDX-License-Identifier: MIT
//
// Limits of a pool: objects, bytes, an exact capacity, a limit at the source.

#include <cstddef>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

// Takes `count` blocks of `size` bytes and puts them all back.
template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  for (auto& b : blocks)
    b = pool.allocate(size);
  for (auto* const b : blocks)
    pool.deallocate(b, size);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("no more than max_objects stay idle, and what goes is counted",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t most = 10;
  // A thread's own cache has a bound separate from the depot's.
  constexpr std::size_t idle = most * (test::has_thread_caches<TestType> ? 2 : 1);
  test::byte_fixture<TestType> pool({.max_objects = most});
  for (const std::size_t size : {128u, 1024u, 32768u, 131072u}) {
    INFO(size);
    const auto tier = pool->tiers().tier_for(size);
    burst(*pool, size, 100);
    CHECK(pool.imbalance() == "");
    auto t = pool->occupancy().tiers[tier];
    CHECK(t.idle - t.idle_pinned <= idle);
    CHECK(t.idle - t.idle_pinned > 0);
    // Each of the hundred was kept or discarded, and a discarded one is parked or gone.
    CHECK(t.idle - t.idle_pinned + t.discarded == 100);
    CHECK(t.created == t.idle + t.retired);

    burst(*pool, size, 5);  // fits, so nothing more is discarded
    CHECK(pool->occupancy().tiers[tier].discarded == t.discarded);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("each tier keeps as many idle blocks as its own bound says", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool(
      {.max_objects_by_tier = {24, 16, 8, 0, 4}, .decay_interval = tarn::options::no_decay});
  const auto bound_of = [](std::size_t tier) {
    constexpr std::size_t bounds[] = {24, 16, 8, 0};
    return tier < 4 ? bounds[tier] : std::size_t{4};
  };
  CHECK(pool->occupancy().idle() == 0);  // a bound makes no block
  CHECK(pool->occupancy().slab_bytes == 0);
  for (std::size_t tier = 0; tier != 8; ++tier) {
    INFO("tier " << tier);
    const auto bound = bound_of(tier);
    // A thread's own cache has a bound separate from the depot's.
    const auto most = bound * (test::has_thread_caches<TestType> ? 2 : 1);
    CHECK(pool->occupancy().tiers[tier].max_idle == bound);
    burst(*pool, pool->tiers().size_of(tier), 60);
    const auto t = pool->occupancy().tiers[tier];
    CHECK(t.idle_kept() <= most);
    CHECK((t.idle_kept() > 0) == (bound > 0));
    CHECK(t.idle_kept() + t.discarded == 60);
    CHECK(pool.imbalance() == "");
  }
  // A bound of one tier that is set later replaces only that one.
  pool->resize(0, 3);
  CHECK(pool->occupancy().tiers[0].max_idle == 3);
  CHECK(pool->occupancy().tiers[1].max_idle == 16);
  pool->reset_and_drain();
  CHECK(pool->occupancy().tiers[1].max_idle == 16);
  CHECK(pool->occupancy().tiers[1].idle_kept() == 0);
}

TEMPLATE_LIST_TEST_CASE("of a bound for all tiers and one for each the lesser holds", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool(
      {.initial_objects = 2, .max_objects = 5, .max_objects_by_tier = {9, 3}});
  const auto tiers = pool->occupancy().tiers;
  CHECK(tiers[0].max_idle == 5);
  CHECK(tiers[1].max_idle == 3);
  CHECK(tiers.back().max_idle == 3);
  for (const auto& t : tiers)
    CHECK(t.idle_kept() == 2);
}

TEMPLATE_LIST_TEST_CASE("with max_objects zero every block is discarded on its return",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_objects = 0});
  burst(*pool, 1000, 20);
  const auto t = pool->occupancy().tiers[pool->tiers().tier_for(1000)];
  CHECK(t.idle == 0);
  CHECK(t.discarded == 20);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("no more than max_bytes stay idle", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_bytes = 2 * mib, .shard_bytes = 256 * kib});
  for (const std::size_t size : {4 * kib, 64 * kib, 512 * kib}) {
    burst(*pool, size, 8 * mib / size);
    // In addition to the depots: one block per tier, or 64 KiB, in front of each.
    const auto o = pool->occupancy();
    CHECK(o.idle_bytes() <= 2 * mib + 1 * mib);
    CHECK(o.idle_bytes() > 0);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("with a capacity exactly so many blocks can be out", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 5});
  for (const std::size_t size : {100u, 20000u, 300000u}) {
    INFO(size);
    std::vector<typename test::byte_fixture<TestType>::buffer> out;
    for (int i = 0; i != 5; ++i)
      out.push_back(pool->get(size));
    CHECK_THROWS_AS(pool->get(size), std::bad_alloc);
    CHECK_FALSE(pool->try_get(size));
    CHECK(pool->try_allocate(size) == nullptr);
    CHECK(pool.imbalance() == "");
    for (int round = 0; round != 20; ++round) {
      out.erase(out.begin() + round % 5);
      out.push_back(pool->get(size));
      CHECK_FALSE(pool->try_get(size));
    }
    out.clear();
    pool->trim();
    for (int i = 0; i != 5; ++i)
      out.push_back(pool->get(size));
    CHECK_FALSE(pool->try_get(size));
    out.clear();
    pool->drain();
    CHECK(pool->get(size));
  }
}

TEMPLATE_LIST_TEST_CASE("with a capacity, blocks that were trimmed away serve again", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  // Blocks of 16 KiB: four to a slab, so that a trim leaves some of them in slabs that are in use.
  constexpr std::size_t size = 16 * kib;
  test::byte_fixture<TestType> pool({.capacity = 6});
  std::vector<void*> out(6);
  for (auto& b : out)
    b = pool->allocate(size);
  for (unsigned pattern = 1; pattern != 64; ++pattern) {
    INFO(pattern);
    for (unsigned i = 0; i != 6; ++i) {
      if ((pattern >> i & 1) != 0) pool->deallocate(out[i], size);
      if (i % 2 == 1) pool->trim();
    }
    bool all = true;
    for (unsigned i = 0; i != 6; ++i) {
      if ((pattern >> i & 1) != 0) all = (out[i] = pool->try_allocate(size)) != nullptr && all;
    }
    REQUIRE(all);
    CHECK(pool->try_allocate(size) == nullptr);
    CHECK(pool.imbalance() == "");
  }
  for (auto* const b : out)
    pool->deallocate(b, size);
}

TEMPLATE_LIST_TEST_CASE("a capacity holds although tiers share their memory", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 2});
  burst(*pool, mib, 2);
  std::vector<void*> pieces{pool->allocate(256 * kib), pool->allocate(512 * kib)};
  std::vector<void*> out{pool->try_allocate(mib), pool->try_allocate(mib)};
  CHECK(out[0] != nullptr);
  CHECK(out[1] != nullptr);
  CHECK(pool->try_allocate(mib) == nullptr);
  pool->deallocate(pieces[0], 256 * kib);
  pool->deallocate(pieces[1], 512 * kib);
  for (auto* const b : out)
    pool->deallocate(b, mib);
  for (const auto size : {256 * kib, 512 * kib})
    pool->resize(pool->tiers().tier_for(size), 0);
  out.clear();
  while (void* const b = pool->try_allocate(mib))
    out.push_back(b);
  CHECK(out.size() == 2);
  for (auto* const b : out)
    pool->deallocate(b, mib);
}

TEMPLATE_LIST_TEST_CASE("a pool with capacity zero gives nothing but large blocks", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 0});
  CHECK_FALSE(pool->try_get(1));
  CHECK_THROWS_AS(pool->get(1), std::bad_alloc);
  CHECK(pool->get(3 * mib));
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("slabs never exceed limit_bytes", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = mib});
  std::vector<void*> out;
  while (void* const b = pool->try_allocate(100 * kib))
    out.push_back(b);
  CHECK(out.size() == 8);
  CHECK(pool.source.peak_bytes() == mib);
  CHECK_THROWS_AS(pool->allocate(100), std::bad_alloc);
  CHECK_THROWS_AS(pool->allocate(2 * mib), std::bad_alloc);
  CHECK(pool.imbalance() == "");
  for (auto* const b : out)
    pool->deallocate(b, 100 * kib);

  // Idle memory of one tier makes room for another.
  void* const small = pool->try_allocate(100);
  CHECK(small != nullptr);
  CHECK(pool.source.peak_bytes() == mib);
  pool->deallocate(small, 100);
  void* const whole = pool->try_allocate(mib);
  CHECK(whole != nullptr);
  CHECK(pool.source.peak_bytes() == mib);
  CHECK(pool.imbalance() == "");
  pool->deallocate(whole, mib);
}

TEMPLATE_LIST_TEST_CASE("initial_objects are ready, and initial_bytes stop them", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  {
    test::byte_fixture<TestType, tarn::cache_tiers> pool({.initial_objects = 7});
    for (const auto& t : pool->snapshot().tiers) {
      CHECK(t.created == 7);
      CHECK(t.idle == 7);
      CHECK(t.gets == 0);
      CHECK(t.puts == 0);
      CHECK(t.misses == 0);
    }
    const auto asked = pool.source.allocations();
    for (const std::size_t size : {512u, 4096u, 16384u})
      burst(*pool, size, 7);
    CHECK(pool.source.allocations() == asked);
    CHECK(pool->snapshot().total().misses == 0);
  }
  {
    test::byte_fixture<TestType, tarn::cache_tiers> pool(
        {.initial_objects = 7, .initial_bytes = 7 * 512 + 2 * 4096 + 100});
    const auto s = pool->snapshot();
    CHECK(s.tiers[0].idle == 7);
    CHECK(s.tiers[1].idle == 2);
    CHECK(s.tiers[2].idle == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a thread keeps no more than shard_bytes", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  if (!test::has_thread_caches<TestType>) return;
  for (const std::size_t most : {std::size_t{0}, 16 * kib, 256 * kib, 8 * mib}) {
    INFO(most);
    test::byte_fixture<TestType> pool({.shard_bytes = most});
    for (const std::size_t size : {128u, 1024u, 8192u, 65536u, 262144u})
      burst(*pool, size, 64);
    std::size_t kept = 0;
    for (const auto& t : pool->occupancy().tiers)
      kept += t.idle_in_threads * t.stride_bytes;
    CHECK(kept <= most);
    CHECK((most == 0 || kept > 0));
    CHECK(pool.imbalance() == "");
  }
}
