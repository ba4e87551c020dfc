// SPDX-License-Identifier: MIT
//
// limit_bytes counts all that a pool holds of its source: slabs, large blocks, kept blocks.

#include <cstddef>
#include <new>
#include <optional>
#include <vector>

#include <tarn/unsized_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
}  // namespace

TEMPLATE_LIST_TEST_CASE("a block above the last tier is refused where it breaks the limit",
                        "[limits]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = mib});
  CHECK_THROWS_AS(pool->get(3 * mib), std::bad_alloc);
  CHECK_FALSE(pool->try_get(3 * mib));
  CHECK_FALSE(pool->try_get_shared(3 * mib));
  CHECK(pool->try_allocate(3 * mib) == nullptr);
  void* const aligned = pool->try_allocate(100, 2 * mib);  // passes through, with 128 bytes
  CHECK(aligned != nullptr);
  pool->deallocate(aligned, 100, 2 * mib);
  CHECK(pool.source.peak_bytes() <= mib);
}

TEMPLATE_LIST_TEST_CASE("large blocks and slabs share the limit", "[limits]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 4 * mib});
  auto large = pool->try_get(3 * mib);
  REQUIRE(large);
  std::vector<void*> out;
  while (void* const b = pool->try_allocate(100 * kib))
    out.push_back(b);
  CHECK(out.size() == 8);
  CHECK(pool.source.peak_bytes() == 4 * mib);
  CHECK_FALSE(pool->try_get(2 * mib + 1));
  large.reset();
  CHECK(pool->try_get(3 * mib));
  for (auto* const b : out)
    pool->deallocate(b, 100 * kib);
  // Idle slabs make room for a large block, and the other way round.
  CHECK(pool->try_get(4 * mib));
  CHECK(pool->try_get(100));
  CHECK(pool.source.peak_bytes() == 4 * mib);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("what the large cache keeps counts, and goes where it is in the way",
                        "[limits]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 8 * mib, .large_cache_bytes = 64 * mib});
  {
    auto a = pool->get(3 * mib);
    auto b = pool->get(4 * mib);
    CHECK_FALSE(pool->try_get(3 * mib));
  }
  CHECK(pool->occupancy().large.kept_bytes == 7 * mib);
  CHECK(pool->get(8 * mib));
  CHECK(pool.source.peak_bytes() <= 8 * mib);
  for (int i = 0; i != 4; ++i)
    pool->put(pool->get(8 * mib));
  void* const small_one = pool->allocate(2 * mib);
  CHECK(pool.source.peak_bytes() <= 8 * mib);
  pool->deallocate(small_one, 2 * mib);
  pool->clear();
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("an unsized pool keeps its limit as it grows", "[limits]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::unsized_pool<typename TestType::lock> pool({.limit_bytes = mib});
  auto b = pool.get();
  pool.append(b, std::string_view("content"));
  CHECK_THROWS_AS(pool.reserve(b, 20 * mib), std::bad_alloc);  // above its last tier
  CHECK_THROWS_AS(pool.reserve(b, 2 * mib), std::bad_alloc);
  CHECK(b.size() == 7);
  CHECK(pool.sized().occupancy().in_use() == 1);
}

TEMPLATE_LIST_TEST_CASE("max_bytes bounds the depots and the large cache together", "[limits]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool(
      {.max_bytes = 8 * mib, .large_cache_bytes = 64 * mib, .shard_bytes = 0});
  const auto idle = [&] { return pool->occupancy().idle_bytes(); };
  const auto burst = [&](std::size_t size, std::size_t count) {
    std::vector<void*> out(count);
    for (auto& b : out)
      b = pool->allocate(size);
    for (auto* const b : out)
      pool->deallocate(b, size);
  };
  burst(3 * mib, 10);
  CHECK(idle() <= 8 * mib);
  CHECK(pool->occupancy().large.kept == 2);
  burst(mib, 20);
  CHECK(idle() <= 8 * mib + mib);  // where one lock guards both, a block lies in front of the depot
  burst(3 * mib, 10);
  CHECK(idle() <= 8 * mib + mib);
  pool->prewarm(13, 100);
  CHECK(idle() <= 8 * mib + mib);
  burst(9 * mib, 1);
  CHECK(idle() <= 8 * mib + mib);
  CHECK(pool.imbalance() == "");
}
