// SPDX-License-Identifier: MIT
//
// recording_stats in pools that threads share: each thread still has its own recorder.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using recording_policy = test::some_of<test::concurrent_locks, std::tuple<tarn::recording_stats>>;

template <class Pool>
std::size_t recorders_of(const Pool& pool) {
  std::size_t count = 0;
  pool.for_each_recorder([&](const auto&) { ++count; });
  return count;
}

template <class Pool>
void get_and_put(Pool& pool, std::size_t times, std::size_t size) {
  for (std::size_t i = 0; i != times; ++i)
    pool.deallocate(pool.allocate(size), size);
}

[[nodiscard]] std::uint64_t sum_of(const std::vector<std::uint64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("each thread records by itself; the next one takes over where it ended",
                        "[byte_pool]", recording_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  CHECK(recorders_of(*pool) == 1);  // for calls without a shard
  get_and_put(*pool, 10, 100);
  CHECK(recorders_of(*pool) == 2);
  for (int i = 0; i != 5; ++i)
    std::thread([&] { get_and_put(*pool, 10, 200); }).join();
  CHECK(recorders_of(*pool) == 3);
  const auto s = pool->snapshot();
  CHECK(s.total().gets == 60);
  CHECK(s.total().requested_bytes == 10 * 100 + 50 * 200);
  CHECK(sum_of(s.size_histogram) == 60);
  CHECK(s.recent_lengths.size() == 60);
}

TEMPLATE_LIST_TEST_CASE("nothing that threads record at the same time is lost", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t threads = 4;
  constexpr std::size_t gets = 5'000;
  test::byte_fixture<TestType> pool;
  std::vector<std::thread> all;
  for (std::size_t t = 0; t != threads; ++t)
    all.emplace_back([&, t] { get_and_put(*pool, gets, 16 + t); });
  for (auto& t : all)
    t.join();
  const auto s = pool->snapshot();
  CHECK(s.total().gets == threads * gets);
  CHECK(s.total().requested_bytes == gets * (4 * 16 + 0 + 1 + 2 + 3));
  CHECK(sum_of(s.size_histogram) == threads * gets);
  CHECK(s.recent_lengths.size() == 256);
  // One in 128 of each thread, except that the last one's turn may not be over.
  CHECK(s.samples >= threads * (gets / 128));
  CHECK(s.samples <= threads * (gets / 128 + 1));
}

TEMPLATE_LIST_TEST_CASE("a thread that outlives a recording pool meets the next one clean",
                        "[byte_pool]", recording_policy) {
  INFO(test::name_of<TestType>());
  for (int i = 0; i != 50; ++i) {
    test::byte_fixture<TestType> pool;
    get_and_put(*pool, 3, 100);
    CHECK(recorders_of(*pool) == 2);
    CHECK(pool->snapshot().total().requested_bytes == 300);
    if (i % 2 == 0) pool->close();
  }
}

TEMPLATE_LIST_TEST_CASE("what is got in bulk is recorded like the rest", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<void*> raw(300);
  for (int i = 0; i != 3; ++i) {
    pool->allocate_bulk(50, raw);
    pool->deallocate_bulk(raw, 50);
  }
  const auto s = pool->snapshot();
  CHECK(s.total().gets == 900);
  CHECK(s.total().requested_bytes == 900 * 50);
  CHECK(sum_of(s.size_histogram) == 900);
  CHECK(s.recent_lengths == std::vector<std::size_t>(256, 50));
}
