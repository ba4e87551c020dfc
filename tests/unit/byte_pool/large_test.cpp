// SPDX-License-Identifier: MIT
//
// Requests above the last tier: passed through to the source, or served by a cache with a bound in
// bytes.

#include <cstddef>
#include <random>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a large request passes through and is counted once", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  auto b = pool->get(2 * mib + 1);
  CHECK(b.size() == 2 * mib + 1);
  CHECK(b.capacity() == 2 * mib + 1);
  CHECK(pool.source.live_bytes() == 2 * mib + 1);
  auto o = pool->occupancy();
  CHECK(o.large.in_use == 1);
  CHECK(o.large.in_use_bytes == 2 * mib + 1);
  CHECK(o.in_use() == 1);
  CHECK(o.slab_bytes == 0);
  b.reset();
  CHECK(pool.source.live_bytes() == 0);
  if constexpr (TestType::stats::counts) {
    const auto s = pool->snapshot();
    CHECK(s.large.gets == 1);
    CHECK(s.large.puts == 1);
    CHECK(s.large.reused == 0);
    CHECK(s.large.discarded == 0);
    CHECK(s.large.in_use == 0);
    CHECK(s.total().gets == 0);
    CHECK(s.total().puts == 0);
    CHECK(s.total().misses == 0);
    CHECK(s.total().created == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("the cache is off unless it is asked for", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (int i = 0; i != 5; ++i)
    pool->deallocate(pool->allocate(5 * mib), 5 * mib);
  CHECK(pool.source.allocations() == 5);
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool->snapshot().large.kept == 0);
}

TEMPLATE_LIST_TEST_CASE("the cache keeps what fits under its cap and gives the best fit",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 20 * mib});
  std::vector<void*> out;
  for (const std::size_t size : {8 * mib, 5 * mib, 6 * mib, 3 * mib}) {
    out.push_back(pool->allocate(size));
  }
  pool->deallocate(out[0], 8 * mib);
  pool->deallocate(out[1], 5 * mib);
  pool->deallocate(out[2], 6 * mib);
  pool->deallocate(out[3], 3 * mib);  // 22 MiB: too much
  auto large = pool->snapshot().large;
  CHECK(large.kept == 3);
  CHECK(large.kept_bytes == 19 * mib);
  CHECK(large.discarded == 1);
  CHECK(pool.imbalance() == "");

  const auto asked = pool.source.allocations();
  auto b = pool->get(4 * mib);
  CHECK(b.data() == out[1]);  // the block of 5 MiB, though 6 and 8 would also fit
  CHECK(b.capacity() == 5 * mib);
  auto c = pool->get(6 * mib);
  CHECK(c.data() == out[2]);
  auto d = pool->get(5 * mib + 1);
  CHECK(d.data() == out[0]);
  CHECK(pool.source.allocations() == asked);
  CHECK(pool->snapshot().large.reused == 3);
  CHECK(pool->snapshot().large.kept == 0);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("a small large request never takes a kept huge block", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 200 * mib});
  void* const huge = pool->allocate(100 * mib);
  pool->deallocate(huge, 100 * mib);
  auto b = pool->get(2 * mib + 1);
  CHECK(b.data() != huge);
  CHECK(b.capacity() == 2 * mib + 1);
  CHECK(pool->snapshot().large.kept_bytes == 100 * mib);
  auto c = pool->get(50 * mib);
  CHECK(c.data() == huge);
}

TEMPLATE_LIST_TEST_CASE("a block above the cap is never kept, one of exactly the cap is",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 4 * mib});
  pool->deallocate(pool->allocate(4 * mib + 1), 4 * mib + 1);
  CHECK(pool->snapshot().large.kept == 0);
  pool->deallocate(pool->allocate(4 * mib), 4 * mib);
  CHECK(pool->snapshot().large.kept_bytes == 4 * mib);
  CHECK(pool->trim(4 * mib) == 0);
  CHECK(pool->trim(4 * mib - 1) == 4 * mib);
}

TEMPLATE_LIST_TEST_CASE("the byte cap holds over ten thousand random sizes", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  using tiers = tarn::fixed_tiers<128, 1024>;  // so that a large block is small enough for a test
  constexpr std::size_t cap = 100'000;
  test::byte_fixture<TestType, tiers> pool({.large_cache_bytes = cap});
  std::mt19937 random(7);
  struct held {
    void* block;
    std::size_t size;
  };
  std::vector<held> out;
  std::size_t above = 0;
  std::size_t unbalanced = 0;
  for (int i = 0; i != 10'000; ++i) {
    if (out.size() == 20 || (!out.empty() && random() % 2 == 0)) {
      const auto at = random() % out.size();
      pool->deallocate(out[at].block, out[at].size);
      out[at] = out.back();
      out.pop_back();
    } else {
      const std::size_t size = 1025 + random() % 30'000;
      out.push_back({pool->allocate(size), size});
    }
    if (i % 16 == 0) {
      above += pool->snapshot().large.kept_bytes > cap;
      unbalanced += !pool.imbalance().empty();
    }
  }
  CHECK(above == 0);
  CHECK(unbalanced == 0);
  CHECK(pool->snapshot().large.reused > 100);
  for (const auto& h : out)
    pool->deallocate(h.block, h.size);
  CHECK(pool->snapshot().large.kept_bytes <= cap);
}

TEMPLATE_LIST_TEST_CASE("a kept block with too small an alignment is not taken", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 32 * mib});
  pool->deallocate(pool->allocate(4 * mib), 4 * mib);
  void* const aligned = pool->allocate(4 * mib, mib);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned) % mib == 0);
  CHECK(pool->snapshot().large.reused == 0);
  pool->deallocate(aligned, 4 * mib, mib);
  void* const again = pool->allocate(4 * mib, 256);
  CHECK(reinterpret_cast<std::uintptr_t>(again) % 256 == 0);
  CHECK(again == aligned);  // the other block is only guaranteed an alignment of 64
  pool->deallocate(again, 4 * mib, 256);
}

TEMPLATE_LIST_TEST_CASE("a closed pool keeps no large block, whatever is still out", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 32 * mib});
  void* const small = pool->allocate(100);
  void* const late = pool->allocate(5 * mib);
  pool->deallocate(pool->allocate(4 * mib), 4 * mib);
  CHECK(pool->snapshot().large.kept_bytes == 4 * mib);
  pool->close();
  CHECK(pool->snapshot().large.kept_bytes == 0);
  CHECK(pool.source.live_bytes() == 5 * mib + (64 << 10));
  pool->deallocate(late, 5 * mib);
  CHECK(pool.source.live_bytes() == (64 << 10));
  pool->deallocate(small, 100);
}

TEMPLATE_LIST_TEST_CASE("kept large blocks go back before a get fails", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 32 * mib});
  pool->deallocate(pool->allocate(20 * mib), 20 * mib);
  // The source refuses until some memory came back: once for a tier, once for a large block.
  pool.source.fail_at(1);
  pool->put(pool->get(100));
  CHECK(pool->snapshot().large.kept == 0);
  pool->deallocate(pool->allocate(20 * mib), 20 * mib);
  pool.source.fail_at(1);
  pool->put(pool->get(5 * mib));
  CHECK(pool->snapshot().large.kept_bytes == 5 * mib);
  CHECK(pool->snapshot().total().idle == 0);
}

TEMPLATE_LIST_TEST_CASE("a kept block serves requests of half its size, and of no byte less",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 64 * mib});
  for (const std::size_t size : {10 * mib, 10 * mib + 1}) {
    void* const kept = pool->allocate(size);
    pool->deallocate(kept, size);
    const auto half = (size + 1) / 2;
    void* const fits = pool->allocate(half);
    CHECK(fits == kept);
    pool->deallocate(fits, half);
    void* const other = pool->allocate(half - 1);
    CHECK(other != kept);
    CHECK(pool->capacity_for(half - 1) == half - 1);
    pool->deallocate(other, half - 1);
    pool->trim();
  }
}

TEMPLATE_LIST_TEST_CASE("thousands of kept blocks of all sizes and alignments give the best fit",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::fixed_tiers<128>> pool({.large_cache_bytes = 64 * mib});
  constexpr std::size_t count = 3000;
  std::vector<void*> out;
  const auto alignment = [](std::size_t i) { return std::size_t{64} << (i % 7 == 0 ? i % 5 : 0); };
  for (std::size_t i = 0; i != count; ++i)
    out.push_back(pool->allocate(1000 + i, alignment(i)));
  CHECK(pool->snapshot().large.in_use == count);
  for (std::size_t i = 0; i != count; ++i)
    pool->deallocate(out[i], 1000 + i, alignment(i));
  CHECK(pool->snapshot().large.kept == count);
  CHECK(pool.imbalance() == "");

  const auto asked = pool.source.allocations();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i != count; ++i) {  // each size finds its own block
    void* const block = pool->allocate(1000 + i);
    wrong += block != out[i];
    pool->deallocate(block, 1000 + i);
  }
  for (std::size_t i = 0; i + 35 < count; ++i) {  // each alignment finds the next that fits
    void* const block = pool->allocate(1000 + i, 1024);
    std::size_t next = i;
    while (alignment(next) < 1024)
      ++next;
    wrong += block != out[next];
    pool->deallocate(block, 1000 + i, 1024);
  }
  CHECK(wrong == 0);
  CHECK(pool.source.allocations() == asked);
  CHECK(pool->trim(mib) > 0);
  CHECK(pool->snapshot().large.kept_bytes <= mib);
  CHECK(pool.imbalance() == "");
}
