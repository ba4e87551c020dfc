// SPDX-License-Identifier: MIT
//
// The tier that serves a request, and the result: capacity, alignment, errors.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/policy/runtime_tiers.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

[[nodiscard]] bool is_aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

// The parts that the message of the exception of `action` must contain.
template <class Exception, class Action>
[[nodiscard]] bool throws_naming(Action&& action, const std::string& what) {
  try {
    action();
  } catch (const Exception& e) {
    return std::string(e.what()).find(what) != std::string::npos;
  } catch (...) {
  }
  return false;
}

// Every boundary of every tier of a table: n - 1, n, n + 1, and zero.
template <class Tiers, class Lock>
void check_boundaries_with() {
  using policy = test::policies<Lock, tarn::counting_stats>;
  test::byte_fixture<policy, Tiers> pool;
  const auto& tiers = pool->tiers();
  // No request may find the block that this leaves for the counts of shared buffers.
  static_cast<void>(pool->get_shared(tiers.size_of(0)));
  const auto check = [&](std::size_t size) {
    INFO(size);
    std::size_t expected = 0;  // by a search through all tiers
    while (expected != tiers.count() && tiers.size_of(expected) < size)
      ++expected;
    const auto before = pool->snapshot();
    auto b = pool->get(size);
    const auto after = pool->snapshot() - before;
    CHECK(b.size() == size);
    CHECK(b.capacity() >= size);
    CHECK(is_aligned(b.data(), b.capacity() >= 64 ? 64 : 16));
    for (std::size_t t = 0; t != tiers.count(); ++t) {
      CHECK(after.tiers[t].gets == (t == expected ? 1u : 0u));
    }
    CHECK(after.large.gets == (expected == tiers.count() ? 1u : 0u));
    if (expected != tiers.count()) {
      CHECK(b.capacity() == tiers.size_of(expected));
      CHECK(pool->capacity_for(size) == b.capacity());
    } else {
      CHECK(b.capacity() == size);
    }
    b.data()[0] = b.data()[b.capacity() - 1] = std::byte{1};
  };
  for (const int by : {-1, 0, 1}) {
    for (std::size_t t = 0; t != tiers.count(); ++t) {
      for (int times = 0; times != 2; ++times)  // the second get finds the block of the first
        check(tiers.size_of(t) + static_cast<std::size_t>(by));
    }
    check(0);
    check(1);
  }
  for (std::size_t size = tiers.size_of(tiers.count() - 1); size < 16 * mib; size *= 2)
    check(size + 1);
}

template <class Tiers>
void check_boundaries() {
  check_boundaries_with<Tiers, tarn::no_lock>();
  check_boundaries_with<Tiers, tarn::thread_cached<>>();
}

}  // namespace

TEST_CASE("the smallest tier that holds a request serves it, on every ladder", "[byte_pool]") {
  check_boundaries<tarn::power_of_two_tiers<>>();
  check_boundaries<tarn::power_of_two_tiers<16, 16>>();
  check_boundaries<tarn::power_of_two_tiers<4096, 65536>>();
  check_boundaries<tarn::stream_tiers>();
  check_boundaries<tarn::kafka_tiers>();
  check_boundaries<tarn::page_tiers>();
  check_boundaries<tarn::small_tiers>();
  check_boundaries<tarn::cache_tiers>();
  check_boundaries<tarn::fixed_tiers<1>>();
  check_boundaries<tarn::fixed_tiers<16, 24, 63, 64, 65, 100, 1000, 5000, 65536, 65537>>();
}

TEST_CASE("tiers can be given at run time, in any order", "[byte_pool]") {
  using policy = test::policies<std::mutex, tarn::counting_stats>;
  test::byte_fixture<policy, tarn::runtime_tiers> pool({}, {1024, 128, 128, 300});
  CHECK(pool->tiers().count() == 3);
  CHECK(pool->get(0).capacity() == 128);
  CHECK(pool->get(128).capacity() == 128);
  CHECK(pool->get(129).capacity() == 300);
  CHECK(pool->get(301).capacity() == 1024);
  CHECK(pool->get(1025).capacity() == 1025);
}

TEMPLATE_LIST_TEST_CASE("a request of zero bytes is valid and owns a block", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto b = pool->get(0);
  CHECK(static_cast<bool>(b));
  CHECK(b.empty());
  CHECK(b.size() == 0);
  CHECK(b.capacity() == 128);
  void* const p = pool->allocate(0);
  CHECK(p != nullptr);
  CHECK(p != b.data());
  pool->deallocate(p, 0);
}

TEMPLATE_LIST_TEST_CASE("a size that overflows throws before the pool is touched", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = mib});
  constexpr auto limit = static_cast<std::size_t>(PTRDIFF_MAX);
  for (const std::size_t size : {limit + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 17}) {
    const auto named = std::to_string(size);
    CHECK(throws_naming<std::length_error>([&] { (void)pool->get(size); }, named));
    CHECK(throws_naming<std::length_error>([&] { (void)pool->get_at_least(size); }, named));
    CHECK(throws_naming<std::length_error>([&] { (void)pool->allocate(size); }, named));
    CHECK(throws_naming<std::length_error>([&] { (void)pool->allocate(size, 4096); }, named));
    std::array<void*, 2> out{};
    CHECK(throws_naming<std::length_error>([&] { pool->allocate_bulk(size, out); }, named));
    CHECK_FALSE(pool->try_get(size));
    CHECK_FALSE(pool->try_get_at_least(size));
    CHECK(pool->try_allocate(size) == nullptr);
  }
  CHECK(
      throws_naming<std::length_error>([&] { (void)pool->get(limit + 1); }, std::to_string(limit)));
  CHECK(pool.source.allocations() == 0);
  if constexpr (TestType::stats::counts) {
    CHECK(pool->snapshot().total().gets == 0);
    CHECK(pool->snapshot().large.gets == 0);
    CHECK(pool->snapshot().recent_lengths.empty());
  }
  // The largest size that is not refused at once: the source refuses it.
  pool.source.fail_from(1);
  CHECK_THROWS_AS(pool->get(limit), std::bad_alloc);
  CHECK_FALSE(pool->try_get(limit));
}

TEMPLATE_LIST_TEST_CASE("a bad alignment or tier is named", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t alignment : {24u, 48u, 100u, 65u}) {
    CHECK(throws_naming<std::invalid_argument>([&] { (void)pool->allocate(8, alignment); },
                                               std::to_string(alignment)));
    CHECK(pool->try_allocate(8, alignment) == nullptr);
  }
  CHECK(throws_naming<std::invalid_argument>([&] { pool->prewarm(15, 1); }, "15"));
  CHECK(throws_naming<std::invalid_argument>([&] { pool->resize(99, 1); }, "99"));
  CHECK(throws_naming<std::invalid_argument>([&] { pool->prewarm(SIZE_MAX, 1); },
                                             std::to_string(SIZE_MAX)));
  CHECK(pool.source.allocations() == 0);
}

TEMPLATE_LIST_TEST_CASE("a block's size is known from its address alone", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 32 << 20});
  for (const std::size_t size : {1u, 128u, 129u, 5000u, 70'000u, 2u << 20, 3u << 20, 9'000'001u}) {
    void* const p = pool->allocate(size);
    const auto room = pool->block_size(p);
    CHECK(room >= pool->capacity_for(size));
    std::memset(p, 0x5A, room);
    pool->deallocate(p, room);
    void* const aligned = pool->allocate(size, 256);
    CHECK(pool->block_size(aligned) >= size);
    pool->deallocate(aligned, pool->block_size(aligned), 256);
  }
  int elsewhere = 0;
  CHECK(pool->block_size(&elsewhere) == 0);
  CHECK(pool->block_size(nullptr) == 0);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("a pool is made from a list of sizes", "[byte_pool]") {
  tarn::byte_pool_of<tarn::runtime_tiers> pool({200, 100});
  CHECK(pool.capacity_for(150) == 200);
  CHECK(pool.tiers().count() == 2);
  tarn::byte_pool_of<tarn::runtime_tiers> named({100, 200}, {.name = "frames"});
  CHECK(named.name() == "frames");
  tarn::byte_pool_of<tarn::runtime_tiers> standard({}, {300});
  CHECK(standard.capacity_for(1) == 300);
  tarn::byte_pool_of<tarn::runtime_tiers> as_default({}, {});
  CHECK(as_default.tiers().count() == tarn::runtime_tiers().count());
  CHECK_THROWS_AS(tarn::byte_pool_of<tarn::runtime_tiers>({0, 100}), std::invalid_argument);
}
