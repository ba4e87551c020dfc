// SPDX-License-Identifier: MIT
//
// The exact peak of the bytes that a pool held of its source.

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/detail/read_pool.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
}  // namespace

TEMPLATE_LIST_TEST_CASE("the peak is what the source gave out at once, slabs and large blocks",
                        "[most_held]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 4 * mib});
  CHECK(pool->occupancy().most_held_bytes == 0);
  {
    const auto small_one = pool->get(100);
    CHECK(pool->occupancy().most_held_bytes == pool->occupancy().slab_bytes);
    const auto large = pool->get(3 * mib);
    CHECK(pool->occupancy().most_held_bytes == pool->occupancy().slab_bytes + 3 * mib);
  }
  const auto large = pool->get(3 * mib);  // the kept one: no more is held
  CHECK(pool->occupancy().most_held_bytes == pool.source.peak_bytes());
  const auto before = pool.source.peak_bytes();
  {
    const auto most = pool->get(8 * mib);
    CHECK(pool->occupancy().most_held_bytes == before + 8 * mib);
  }
  const auto peak = pool.source.peak_bytes();
  pool->trim();
  CHECK(pool->occupancy().slab_bytes + 3 * mib < peak);
  CHECK(pool->occupancy().most_held_bytes == peak);  // it never falls
  if constexpr (TestType::stats::counts) CHECK(pool->snapshot().most_held_bytes == peak);
  CHECK(tarn::read_pool(*pool).most_held_bytes == peak);
}

TEMPLATE_LIST_TEST_CASE("what the source or the limit refuses was never held", "[most_held]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 4 * mib});
  {
    const auto held = pool->get(3 * mib);
    CHECK_FALSE(pool->try_get(2 * mib + 1));  // the limit
  }
  pool.source.fail_from(1);
  CHECK_FALSE(pool->try_get(4 * mib));  // the source
  CHECK(pool->occupancy().most_held_bytes == 3 * mib);
}

TEMPLATE_LIST_TEST_CASE("of large blocks the peak of those in use is known by itself",
                        "[most_held]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 16 * mib});
  {
    const auto a = pool->get(3 * mib);
    const auto b = pool->get(4 * mib);
  }
  const auto c = pool->get(5 * mib);
  const auto large = pool->occupancy().large;
  CHECK(large.in_use_bytes == 5 * mib);
  CHECK(large.most_in_use_bytes == 7 * mib);
  CHECK(pool->occupancy().most_held_bytes == 12 * mib);  // with the two that are kept
}

TEMPLATE_LIST_TEST_CASE("object, message and unsized pools have a peak, too", "[most_held]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  using stats = typename TestType::stats;
  tarn::object_pool<int, lock, stats> objects;
  tarn::message_pool<tarn::message, lock, stats> messages;
  tarn::unsized_pool<lock, stats> sized;
  {
    const auto o = objects.get();
    const auto m = messages.get();
    const auto b = sized.get();
  }
  objects.trim();
  CHECK(objects.occupancy().slab_bytes == 0);
  CHECK(objects.occupancy().most_held_bytes == tarn::options::default_slab_bytes);
  CHECK(messages.occupancy().most_held_bytes == messages.occupancy().slab_bytes);
  CHECK(sized.sized().occupancy().most_held_bytes == sized.sized().occupancy().slab_bytes);
}

TEMPLATE_LIST_TEST_CASE("threads that grow a pool at once miss no peak", "[most_held]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i != 50; ++i)
        static_cast<void>(pool->get(3 * mib));
    });
  }
  for (auto& t : threads)
    t.join();
  // The source counts a block later and forgets it sooner than the pool.
  const auto most = pool->occupancy().most_held_bytes;
  CHECK(most >= pool.source.peak_bytes());
  CHECK(most <= 4 * 3 * mib);
}

TEST_CASE("the peak stays in a difference of snapshots, and is in JSON", "[most_held]") {
  tarn::byte_pool<> pool;
  const auto held = pool.get(100);
  const auto before = pool.snapshot();
  const auto since = pool.snapshot() - before;
  CHECK(since.most_held_bytes == before.slab_bytes);
  std::string text;
  tarn::write_json(std::back_inserter(text), std::span<const tarn::snapshot>(&before, 1));
  CHECK(text.find("\"most_held_bytes\":" + std::to_string(before.slab_bytes)) != std::string::npos);
  CHECK(text.find("\"most_in_use_bytes\":0") != std::string::npos);
}
