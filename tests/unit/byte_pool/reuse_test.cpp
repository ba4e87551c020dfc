// SPDX-License-Identifier: MIT
//
// Returned memory is used again: blocks, bulks, buffers.

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

TEMPLATE_LIST_TEST_CASE("the block that came back last is the next one, in every tier",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (std::size_t tier = 0; tier != pool->tiers().count(); ++tier) {
    const auto size = pool->tiers().size_of(tier);
    INFO(size);
    void* const raw = pool->allocate(size);
    pool->deallocate(raw, size);
    void* const again = pool->allocate(size - 1);
    CHECK(again == raw);
    pool->deallocate(again, size - 1);

    auto b = pool->get(size);
    CHECK(b.data() == raw);
    pool->put(std::move(b));
    CHECK_FALSE(b);
    CHECK(pool->get_at_least(size - 1).data() == raw);
  }
  const auto asked = pool.source.allocations();
  for (int round = 0; round != 3; ++round) {
    for (std::size_t tier = 0; tier != pool->tiers().count(); ++tier) {
      CHECK(pool->get(pool->tiers().size_of(tier)));
    }
  }
  CHECK(pool.source.allocations() == asked);
}

TEMPLATE_LIST_TEST_CASE("get_at_least gives the whole capacity", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t size : {0u, 1u, 128u, 129u, 5000u, 3u << 20}) {
    const auto b = pool->get_at_least(size);
    CHECK(b.size() == b.capacity());
    CHECK(b.size() == pool->capacity_for(size));
    const auto c = pool->try_get_at_least(size);
    CHECK(c.size() == b.size());
  }
}

TEMPLATE_LIST_TEST_CASE("a bulk is all or none, of distinct blocks", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture pool;
  for (const std::size_t count : {0u, 1u, 31u, 32u, 33u, 700u}) {
    for (const std::size_t size : {std::size_t{100}, std::size_t{40'000}, std::size_t{3} << 20}) {
      if (count * size > 64u << 20) continue;
      INFO(count << " of " << size);
      std::vector<typename fixture::buffer> buffers(count);
      pool->get_bulk(size, buffers);
      std::set<const void*> seen;
      for (const auto& b : buffers) {
        CHECK(b.size() == size);
        seen.insert(b.data());
      }
      std::vector<void*> raw(count);
      pool->allocate_bulk(size, raw);
      seen.insert(raw.begin(), raw.end());
      CHECK(seen.size() == 2 * count);
      CHECK(pool.imbalance() == "");
      CHECK(pool->occupancy().in_use() == 2 * count);
      pool->put_bulk(buffers);
      for (const auto& b : buffers)
        CHECK_FALSE(b);
      pool->deallocate_bulk(raw, size);
      CHECK(pool->occupancy().in_use() == 0);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("a bulk beyond the capacity takes nothing", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture pool({.capacity = 50});
  std::vector<typename fixture::buffer> buffers(51);
  CHECK_FALSE(pool->try_get_bulk(1000, buffers));
  CHECK_THROWS_AS(pool->get_bulk(1000, buffers), std::bad_alloc);
  for (const auto& b : buffers)
    CHECK_FALSE(b);
  std::vector<void*> raw(51);
  CHECK_FALSE(pool->try_allocate_bulk(1000, raw));
  CHECK_THROWS_AS(pool->allocate_bulk(1000, raw), std::bad_alloc);
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(pool.imbalance() == "");
  buffers.resize(50);
  CHECK(pool->try_get_bulk(1000, buffers));
  CHECK_FALSE(pool->try_get(1000));
  pool->put_bulk(buffers);
  CHECK(pool->try_get(1000));
}

TEMPLATE_LIST_TEST_CASE("a bulk put takes buffers of any tier, of other pools, and empty ones",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture pool;
  fixture other;
  std::vector<typename fixture::buffer> mixed;
  for (std::size_t i = 0; i != 100; ++i) {
    mixed.push_back(i % 3 == 0 ? other->get(i * 50) : pool->get(i * i * 20));
    if (i % 7 == 0) mixed.emplace_back();
  }
  mixed.push_back(pool->get(5 << 20));
  pool->put_bulk(mixed);
  CHECK(std::none_of(mixed.begin(), mixed.end(), [](const auto& b) { return bool(b); }));
  CHECK(pool.imbalance() == "");
  CHECK(other.imbalance() == "");
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(other->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("empty and moved-from buffers may be put, reset and destroyed",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture pool;
  typename fixture::buffer none;
  pool->put(std::move(none));
  none.reset();
  auto a = pool->get(10);
  auto b = std::move(a);
  pool->put(std::move(a));
  a.reset();
  CHECK_FALSE(a);
  CHECK(static_cast<bool>(b));
  auto& self = b;
  b = std::move(self);
  CHECK(static_cast<bool>(b));
  b = pool->get(20);  // the old block goes home
  CHECK(pool->occupancy().in_use() == 1);
}
