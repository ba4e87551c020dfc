// SPDX-License-Identifier: MIT
//
// Products of requested numbers that no memory can hold: std::length_error, and nothing was
// changed.

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <stdexcept>
#include <vector>

#include <tarn/interop/allocator.hpp>
#include <tarn/interop/pmr.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

TEMPLATE_LIST_TEST_CASE("counts times sizes that overflow are length errors", "[overflow]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<typename test::byte_fixture<TestType>::buffer> buffers(4);
  std::vector<void*> blocks(4);
  for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4, SIZE_MAX / 8 + 1}) {
    INFO(size);
    CHECK_THROWS_AS(pool->get_bulk(size, buffers), std::length_error);
    CHECK_FALSE(pool->try_get_bulk(size, buffers));
    CHECK_THROWS_AS(pool->allocate_bulk(size, blocks), std::length_error);
    CHECK_FALSE(pool->try_allocate_bulk(size, blocks));
  }
  CHECK(pool->try_get_bulk(SIZE_MAX, std::span(buffers).first(0)));
  for (const std::size_t n : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 128}) {
    CHECK_THROWS_AS(pool->prewarm(1, n), std::length_error);
    CHECK_THROWS_AS(pool->resize(1, n), std::length_error);
  }
  for (const auto& t : pool->snapshot().tiers) {
    CHECK(t.created == 0);
    CHECK(t.gets == 0);
  }
  CHECK(pool.source.allocations() == 0);
}

TEMPLATE_LIST_TEST_CASE("bulk gets of no blocks are never refused", "[overflow]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t limit = 8 << 20;
  test::byte_fixture<TestType> pool(tarn::options{.limit_bytes = limit});
  const auto large = pool->get(5 << 20);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, limit, limit + 1, SIZE_MAX}) {
    INFO(size);
    CHECK(pool->try_get_bulk(size, {}));
    CHECK(pool->try_allocate_bulk(size, {}));
    CHECK_NOTHROW(pool->get_bulk(size, {}));
    CHECK_NOTHROW(pool->allocate_bulk(size, {}));
  }
  for (const auto n : pool->occupancy().refusals)
    CHECK(n == 0);
}

TEST_CASE("so are those of allocators, resources and initial objects", "[overflow]") {
  struct wide {
    std::byte bytes[100];
  };
  tarn::byte_pool<> pool;
  tarn::pool_allocator<wide> numbers(pool);
  CHECK_THROWS_AS(numbers.allocate(SIZE_MAX / 100 + 2), std::length_error);
  CHECK_THROWS_AS(numbers.allocate(SIZE_MAX), std::length_error);
  tarn::pool_resource<> memory(pool);
  const volatile std::size_t huge = SIZE_MAX / 2 + 1;  // hidden from the compiler
  CHECK_THROWS_AS(memory.allocate(huge), std::length_error);
  CHECK_THROWS_AS(memory.allocate(huge, 4096), std::length_error);
  CHECK(pool.occupancy().slab_bytes == 0);
  using objects = tarn::object_pool<wide>;
  CHECK_THROWS_AS(objects({.initial_objects = SIZE_MAX / 64}), std::length_error);
  CHECK_THROWS_AS(objects().prewarm(SIZE_MAX / 64), std::length_error);
  CHECK_THROWS_AS(objects().resize(SIZE_MAX), std::length_error);
}
