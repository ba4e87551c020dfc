// SPDX-License-Identifier: MIT
//
// recording_stats: the last lengths, and the number of requests for each size.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <thread>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using recording_policy = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;

[[nodiscard]] std::vector<std::size_t> from_to(std::size_t first, std::size_t last) {
  std::vector<std::size_t> numbers(last - first + 1);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

// The lengths that a pool with a ring of `N` remembers after gets of 1 to `last`.
template <class Lock, std::size_t N>
std::vector<std::size_t> recent_after(std::size_t last) {
  test::byte_fixture<test::policies<Lock, tarn::basic_recording_stats<N>>> pool;
  for (std::size_t n = 1; n <= last; ++n)
    pool->deallocate(pool->allocate(n), n);
  return pool->snapshot().recent_lengths;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("after gets of 1 to 300, a ring of 256 holds 45 to 300", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  CHECK(pool->snapshot().recent_lengths.empty());
  for (std::size_t n = 1; n <= 260; ++n)
    pool->put(pool->get(n));
  CHECK(pool->snapshot().recent_lengths == from_to(5, 260));
  for (std::size_t n = 261; n <= 300; ++n)
    pool->put(pool->get(n));
  CHECK(pool->snapshot().recent_lengths == from_to(45, 300));
}

TEMPLATE_LIST_TEST_CASE("rings of any size keep the newest in order", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  CHECK(recent_after<lock, 1>(0).empty());
  CHECK(recent_after<lock, 1>(5) == from_to(5, 5));
  CHECK(recent_after<lock, 3>(1) == from_to(1, 1));
  CHECK(recent_after<lock, 3>(2) == from_to(1, 2));
  CHECK(recent_after<lock, 3>(3) == from_to(1, 3));
  CHECK(recent_after<lock, 3>(10) == from_to(8, 10));
}

TEMPLATE_LIST_TEST_CASE("lengths are recorded before it is known where they are served",
                        "[byte_pool]", recording_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::power_of_two_tiers<128, 512>> pool;
  pool->put(pool->get(1000));
  pool->put(pool->get(100));
  CHECK(pool->snapshot().recent_lengths == std::vector<std::size_t>{1000, 100});
  pool->put(pool->get_at_least(200));
  pool->deallocate(pool->allocate(30, 256), 30, 256);
  std::vector<void*> raw(3);
  pool->allocate_bulk(77, raw);
  pool->deallocate_bulk(raw, 77);
  CHECK(pool->snapshot().recent_lengths ==
        std::vector<std::size_t>{1000, 100, 200, 30, 77, 77, 77});
  pool->prewarm(0, 9);  // no length was requested
  CHECK(pool->snapshot().recent_lengths.size() == 7);
}

TEMPLATE_LIST_TEST_CASE("the histogram counts every request in its bucket", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const std::vector<std::size_t> asked{0,    1,    16,   17,  64,      65,           80,
                                       81,   100,  128,  129, 1000,    1024,         1025,
                                       4096, 9999, 9999, 0,   2 << 20, (2 << 20) + 1};
  for (const auto n : asked)
    pool->put(pool->get(n));
  const auto seen = pool->snapshot().size_histogram;
  REQUIRE(seen.size() == tarn::size_buckets::count);
  std::vector<std::uint64_t> wanted(tarn::size_buckets::count);
  for (const auto n : asked) {
    // By a search: the first bucket whose bound is not below the size.
    std::size_t bucket = 0;
    while (tarn::size_buckets::upper_bound(bucket) < n)
      ++bucket;
    ++wanted[bucket];
  }
  CHECK(seen == wanted);
}

TEMPLATE_LIST_TEST_CASE("within a thread the order is exact", "[byte_pool]", recording_policy) {
  INFO(test::name_of<TestType>());
  if (!test::is_concurrent<TestType>) return;
  test::byte_fixture<TestType> pool;
  for (std::size_t n = 1; n <= 50; ++n)
    pool->put(pool->get(n));
  std::thread([&] {
    for (std::size_t n = 1001; n <= 1050; ++n)
      pool->put(pool->get(n));
  }).join();
  auto recent = pool->snapshot().recent_lengths;
  CHECK(recent.size() == 100);
  // A stable partition keeps the order of both.
  const auto middle =
      std::stable_partition(recent.begin(), recent.end(), [](std::size_t n) { return n < 1000; });
  CHECK(std::vector<std::size_t>(recent.begin(), middle) == from_to(1, 50));
  CHECK(std::vector<std::size_t>(middle, recent.end()) == from_to(1001, 1050));
}

TEST_CASE("buckets follow each other without gaps and hold what they say", "[byte_pool]") {
  using buckets = tarn::size_buckets;
  std::size_t wrong = 0;
  for (std::size_t b = 0; b != buckets::count; ++b) {
    const auto last = buckets::upper_bound(b);
    wrong += buckets::bucket_of(last) != b;
    if (b + 1 != buckets::count) wrong += buckets::bucket_of(last + 1) != b + 1;
  }
  CHECK(wrong == 0);
  CHECK(buckets::bucket_of(0) == 0);
  CHECK(buckets::bucket_of(SIZE_MAX) == buckets::count - 1);
  for (std::size_t n = 0; n != 100'000; ++n)
    wrong += buckets::upper_bound(buckets::bucket_of(n)) < n;
  CHECK(wrong == 0);
}
