// SPDX-License-Identifier: MIT
//
// Alignments: every block has the requested one, whatever the tiers are.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

[[nodiscard]] bool is_aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("every pair of size and alignment is honoured", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  // 359 sizes by 13 alignments: 4,667 pairs.
  test::byte_fixture<TestType> pool;
  std::vector<std::size_t> sizes;
  for (std::size_t n = 0; n <= 256; ++n)
    sizes.push_back(n);
  for (std::size_t n = 512; sizes.size() < 359; n += n / 8 + 1) {
    sizes.push_back(n > 3 * mib ? n % 100'000 + 257 : n);
  }
  REQUIRE(sizes.size() * 13 == 4667);
  std::size_t misaligned = 0;
  std::size_t overlapping = 0;
  for (const std::size_t size : sizes) {
    for (unsigned shift = 0; shift != 13; ++shift) {
      const std::size_t alignment = std::size_t{1} << shift;
      auto* const a = static_cast<std::byte*>(pool->allocate(size, alignment));
      auto* const b = static_cast<std::byte*>(pool->allocate(size, alignment));
      misaligned += !is_aligned(a, alignment) || !is_aligned(b, alignment);
      misaligned += !is_aligned(a, size >= 64 ? 64 : 16);
      overlapping += a < b + size && b < a + size && size != 0;
      if (size != 0) a[0] = b[0] = a[size - 1] = b[size - 1] = std::byte{1};
      pool->deallocate(a, size, alignment);
      pool->deallocate(b, size, alignment);
    }
  }
  CHECK(misaligned == 0);
  CHECK(overlapping == 0);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("alignments above a slab pass through, and every other one has a tier",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using odd_tiers = tarn::fixed_tiers<96, 160, 640, 3 * kib, 4 * kib, 40 * kib, 64 * kib>;
  test::byte_fixture<TestType, odd_tiers> pool;
  for (std::size_t alignment = 1; alignment <= mib; alignment *= 2) {
    for (const std::size_t size : {1u, 96u, 97u, 641u, 3073u, 40000u, 65536u, 65537u}) {
      INFO(size << " bytes aligned to " << alignment);
      std::vector<void*> out(3);
      for (auto& p : out) {
        p = pool->allocate(size, alignment);
        CHECK(is_aligned(p, alignment));
      }
      for (auto* const p : out)
        pool->deallocate(p, size, alignment);
    }
  }
  CHECK(pool.imbalance() == "");
  const auto s = pool->snapshot();
  CHECK(s.large.gets > 0);
  CHECK(s.total().gets > s.large.gets);
}

TEMPLATE_LIST_TEST_CASE("a block goes back with any size from the asked one to its capacity",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::power_of_two_tiers<>, tarn::checked> pool(
      {.large_cache_bytes = 16 * mib});
  for (const std::size_t size : {0u, 1u, 129u, 1000u, 1025u, 70'000u, 1'100'000u}) {
    const auto capacity = pool->capacity_for(size);
    for (std::size_t n = size; n <= capacity; n += (capacity - size) / 7 + 1) {
      pool->deallocate(pool->allocate(size), n);
    }
    pool->deallocate(pool->allocate(size), capacity);
    // The same for an over-aligned request, whose tier follows from size and alignment.
    pool->deallocate(pool->allocate(size, 4096), size, 4096);
    pool->deallocate(pool->allocate(size, 4096), capacity, 4096);
  }
  // A large block that was kept may be larger than requested.
  pool->deallocate(pool->allocate(5 * mib), 5 * mib);
  const auto b = pool->get(4 * mib);
  CHECK(b.capacity() == 5 * mib);
  for (const auto n : pool->snapshot().misuses)
    CHECK(n == 0);
}

TEMPLATE_LIST_TEST_CASE("an over-aligned block that passed through has the size of its tier",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> plain;
  test::byte_fixture<TestType, tarn::power_of_two_tiers<>, tarn::checked> looking;
  const auto there_and_back = [](auto& pool) {
    for (const std::size_t n : {100u, 101u, 128u}) {
      pool->deallocate(pool->allocate(100, 1 << 20), n, 1 << 20);
      CHECK(pool->snapshot().large.in_use_bytes == 0);
      CHECK(pool->snapshot().large.in_use == 0);
      CHECK(pool.source.live_bytes() == 0);
    }
  };
  there_and_back(plain);
  there_and_back(looking);
  for (const auto n : looking->snapshot().misuses)
    CHECK(n == 0);
}

TEMPLATE_LIST_TEST_CASE("a pool does not own what lies behind its slab", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::fixed_tiers<40 * kib>> pool;
  auto* const p = static_cast<std::byte*>(pool->allocate(40 * kib));
  CHECK(pool->owns(p));
  CHECK(pool->owns(p + 40 * kib - 1));
  CHECK_FALSE(pool->owns(p + 40 * kib));  // the same 64 KiB
  pool->deallocate(p, 40 * kib);
}
