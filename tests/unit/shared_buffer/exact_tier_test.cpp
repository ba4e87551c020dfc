// SPDX-License-Identifier: MIT
//
// Shared bytes of exactly a tier's size, which take a node besides their block.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t exact = 1024;

using following_policy =
    test::some_of<test::locks, std::tuple<tarn::basic_recording_stats<256, 1>>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("block and node count one get and one put each", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  constexpr std::uint64_t times = 100;
  static_cast<void>(pool->get(exact));  // the cache of the tier has a block now, that of nodes none
  for (std::uint64_t i = 0; i != times; ++i) {
    const auto b = pool->get_shared(exact);
    CHECK(pool->occupancy().in_use() == 1);
    CHECK(pool->occupancy().nodes.in_use == 1);
    const auto second = pool->get_shared(exact);
    CHECK(pool->occupancy().nodes.in_use == 2);
  }
  const auto now = pool->snapshot();
  const auto* const tier = now.tier_for(exact);
  CHECK(tier->gets == 2 * times + 1);
  CHECK(tier->puts == 2 * times + 1);
  CHECK(tier->misses == 2);
  CHECK(now.nodes.gets == 2 * times);
  CHECK(now.nodes.puts == 2 * times);
  CHECK(now.nodes.misses == 2);
}

TEMPLATE_LIST_TEST_CASE("a get that lacks a node, or a block, changes nothing", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  const auto held = pool->get_shared(exact);  // both caches are empty now, but not the slabs
  pool.source.fail_from(1);
  std::vector<typename test::byte_fixture<TestType>::pool_type::shared_buffer> all;
  for (;;) {
    auto b = pool->try_get_shared(exact);
    if (!b) break;
    all.push_back(std::move(b));
  }
  const auto before = pool->occupancy();
  CHECK_FALSE(pool->try_get_shared(exact));
  CHECK(pool->occupancy().in_use() == before.in_use());
  CHECK(pool->occupancy().nodes.in_use == before.nodes.in_use);
  CHECK(pool->occupancy().nodes.in_use == all.size() + 1);
}

TEMPLATE_LIST_TEST_CASE("gets that are due are followed", "[shared_buffer]", following_policy) {
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool;
  for (int i = 0; i != 10; ++i)
    static_cast<void>(pool.get_shared(exact));  // warm
  const auto b = pool.get_shared(exact);
  CHECK(pool.live_blocks().sites.size() == 1);
  CHECK(pool.snapshot().samples == 11);
}
