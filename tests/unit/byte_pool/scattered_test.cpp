// SPDX-License-Identifier: MIT
//
// Blocks that come home out of order: bounds and trim hold for all idle memory, not only for the
// blocks that happen to be ready.

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t slab = 64 * kib;

template <class Pool>
std::vector<void*> take(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  for (auto& b : blocks)
    b = pool.allocate(size);
  return blocks;
}

// Puts the blocks back in an order that mixes all slabs.
template <class Pool>
void put_shuffled(Pool& pool, std::size_t size, std::vector<void*> blocks) {
  std::shuffle(blocks.begin(), blocks.end(), std::minstd_rand(1));
  for (auto* const b : blocks)
    pool.deallocate(b, size);
}

// What a pool may hold of its source while blocks of `kept` bytes are idle. A cache keeps no more
// than 64 KiB of a tier, and each of its blocks may keep a slab.
template <class P>
std::size_t most_held(std::size_t size, std::size_t kept) {
  const bool has_cache = !test::is_lock_free<P>;
  const auto cached = has_cache ? std::min(64 * kib, kept) / size : 0;
  return kept + (cached + 3) * std::max(slab, size);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("max_objects bounds memory, also if blocks come home out of order",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t size : {1 * kib, 4 * kib, 16 * kib}) {
    INFO(size);
    constexpr std::size_t most = 16;
    test::byte_fixture<TestType> pool({.max_objects = most});
    for (int round = 0; round != 3; ++round) {
      put_shuffled(*pool, size, take(*pool, size, 32 * mib / size));
      CHECK(pool.imbalance() == "");
      CHECK(pool->occupancy().idle_bytes() > 0);
      CHECK(pool.source.live_bytes() <= most_held<TestType>(size, 2 * most * size));
    }
  }
}

TEMPLATE_LIST_TEST_CASE("max_bytes bounds memory, also if blocks come home out of order",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t size : {4 * kib, 16 * kib, 32 * kib}) {
    INFO(size);
    test::byte_fixture<TestType> pool({.max_bytes = 1 * mib, .shard_bytes = 64 * kib});
    put_shuffled(*pool, size, take(*pool, size, 32 * mib / size));
    CHECK(pool.imbalance() == "");
    CHECK(pool.source.live_bytes() <= most_held<TestType>(size, 1 * mib));
  }
}

TEMPLATE_LIST_TEST_CASE("what stays ready lies in the slabs that blocks in use keep anyway",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 1 * kib;
  test::byte_fixture<TestType> pool({.max_objects = 64});
  auto blocks = take(*pool, size, 32 * kib);
  // The first 64 stay in use: they fill one slab, or two.
  std::vector<void*> used(blocks.begin(), blocks.begin() + 64);
  blocks.erase(blocks.begin(), blocks.begin() + 64);
  put_shuffled(*pool, size, std::move(blocks));
  CHECK(pool.source.live_bytes() <= most_held<TestType>(size, 64 * kib) + 66 * slab);
  CHECK(pool.imbalance() == "");
  put_shuffled(*pool, size, std::move(used));
}

TEMPLATE_LIST_TEST_CASE("trim reaches blocks that came home out of order", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 4 * kib;
  test::byte_fixture<TestType> pool;
  put_shuffled(*pool, size, take(*pool, size, 8 * mib / size));
  const auto before = pool.source.live_bytes();
  const auto given = pool->trim(1 * mib);
  CHECK(before - pool.source.live_bytes() == given);
  CHECK(pool.source.live_bytes() <= 1 * mib + 2 * slab);
  CHECK(pool->occupancy().idle_bytes() > 0);
  CHECK(pool->occupancy().idle_bytes() <= 1 * mib);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("max_bytes counts the caches in front of the depots", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  if constexpr (!test::has_thread_caches<TestType>) {
    for (const std::size_t most : {0 * kib, 4 * kib, 256 * kib, 4096 * kib}) {
      INFO(most);
      test::byte_fixture<TestType> pool({.max_bytes = most});
      for (std::size_t size = 64; size <= 1 * mib; size *= 2) {
        put_shuffled(*pool, size, take(*pool, size, 2 * mib / size));
        const auto o = pool->occupancy();
        std::size_t pinned = 0;
        for (const auto& t : o.tiers)
          pinned += t.idle_pinned * t.stride_bytes;
        CHECK(o.idle_bytes() - pinned <= most);
      }
      CHECK(pool.imbalance() == "");
    }
  }
}
