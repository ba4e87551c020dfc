// SPDX-License-Identifier: MIT
//
// A cache that a caller owns: what it takes and gives back, what it refuses to keep, its end.

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/block_cache.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class P>
using pool_for =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("gets and puts of a cache reach the pool in halves", "[block_cache]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_for<TestType> pool({}, {}, source);
    tarn::block_cache cache(pool, 1500, 8);
    CHECK(cache.size() == 0);
    CHECK(cache.room() == 8);
    CHECK(cache.block_bytes() == 1500);
    CHECK(pool.occupancy().in_use() == 0);
    auto b = cache.get();
    CHECK(b.size() == 1500);
    CHECK(b.capacity() == 2048);
    CHECK(cache.size() == 3);
    CHECK(pool.occupancy().in_use() == 4);
    const auto* const place = b.data();
    cache.put(std::move(b));
    CHECK(cache.try_get().data() == place);  // and home at the end of the statement, past the cache
    CHECK(pool.occupancy().in_use() == 3);
    std::vector<typename decltype(cache)::buffer> out;
    for (int i = 0; i != 20; ++i)
      out.push_back(cache.get());
    CHECK(pool.occupancy().in_use() == out.size() + cache.size());
    for (auto& one : out)
      cache.put(std::move(one));
    CHECK(cache.size() <= 8);
    CHECK(cache.size() >= 4);
    CHECK(pool.occupancy().in_use() == cache.size());
    cache.flush();
    CHECK(cache.size() == 0);
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("a cached buffer has its size again; others go home", "[block_cache]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  pool_for<TestType> other;
  tarn::block_cache cache(pool, 1500, 4);
  auto b = cache.get();
  b.resize(10);
  cache.put(std::move(b));
  CHECK(cache.get().size() == 1500);
  cache.flush();

  cache.put(pool.get(2048));  // the same tier
  CHECK(cache.size() == 1);
  CHECK(cache.get().size() == 1500);
  cache.put(pool.get(5000));
  cache.put(other.get(1500));
  cache.put({});
  CHECK(cache.size() == 0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(other.occupancy().in_use() == 0);
}

TEST_CASE("what a pool zeroes at a put does not stay in a cache", "[block_cache]") {
  for (const auto how : {tarn::zeroing::on_get, tarn::zeroing::on_put, tarn::zeroing::used_prefix,
                         tarn::zeroing::secure}) {
    tarn::byte_pool<> pool({.zeroing = how});
    tarn::block_cache cache(pool, 100, 8);
    for (int i = 0; i != 20; ++i) {
      auto b = cache.get();
      if (how != tarn::zeroing::used_prefix) CHECK(b.view() == std::string(100, '\0'));
      std::fill(b.begin(), b.end(), std::byte{7});
      cache.put(std::move(b));
    }
    CHECK(cache.size() < 4);  // only what came with a refill
  }
}

TEMPLATE_LIST_TEST_CASE("a pool that has less than half a cache still serves it", "[block_cache]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool({.capacity = 3});
  tarn::block_cache cache(pool, 100, 16);
  auto a = cache.get();
  auto b = cache.get();
  auto c = cache.try_get();
  CHECK(c);
  if constexpr (TestType::stats::counts) {
    CHECK(pool.snapshot().refused() == 0);  // an attempt to fill the cache is no request
  }
  CHECK_FALSE(cache.try_get());
  CHECK_THROWS_AS(cache.get(), std::bad_alloc);
  cache.put(std::move(a));
  CHECK_THROWS_AS(pool.get(100), std::bad_alloc);  // it is in the cache
  CHECK(cache.get());
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("without heap a cache changes nothing, and a source that fails is an error",
          "[block_cache]") {
  test::failing_source source;
  using pool_type = tarn::byte_pool<
      std::mutex, tarn::counting_stats,
      tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;
  pool_type pool({}, {}, source);
  CHECK(test::with_failing_heap(
      0, [&] { CHECK_THROWS_AS(tarn::block_cache(pool, 100, 8), std::bad_alloc); }));
  CHECK(pool.occupancy().in_use() == 0);
  CHECK_THROWS_AS(tarn::block_cache(pool, 100, 0), std::invalid_argument);
  CHECK_THROWS_AS(tarn::block_cache(pool, 100, std::size_t{2} << 20), std::invalid_argument);
  CHECK_THROWS_AS(tarn::block_cache(pool, static_cast<std::size_t>(-1), 8), std::length_error);
  tarn::block_cache cache(pool, 100, 8);
  source.fail_from(1);
  CHECK_THROWS_AS(cache.get(), std::bad_alloc);
  CHECK(cache.size() == 0);
  source.never_fail();
  auto b = cache.get();
  // From here on neither a get, a put nor a flush of what is there needs the heap.
  CHECK_FALSE(test::with_failing_heap(0, [&] {
    for (int i = 0; i != 20; ++i) {
      cache.put(std::move(b));
      b = cache.get();
    }
    cache.flush();
  }));
  CHECK(test::imbalance(pool, source) == "");
}

TEST_CASE("a cache may end after its pool, and after the pool was closed", "[block_cache]") {
  std::optional<tarn::byte_pool<>> pool(std::in_place);
  tarn::block_cache cache(*pool, 1500, 8);
  cache.put(cache.get());
  CHECK(cache.size() == 4);
  pool->close();
  auto b = cache.get();
  CHECK(b);
  cache.put(std::move(b));
  CHECK(cache.size() == 4);
  pool.reset();
}
