// SPDX-License-Identifier: MIT
//
// A request that was refused: counted once by its reason, reported, with a helpful text.

#include <atomic>
#include <cstddef>
#include <iterator>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/observe/event_log.hpp>
#include <tarn/tarn.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
using tarn::refusal;

template <class Action>
[[nodiscard]] std::string text_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

// The refusals of a pool, by reason.
template <class Pool>
[[nodiscard]] std::vector<std::uint64_t> refusals(const Pool& pool) {
  const auto now = pool.occupancy();
  return {std::begin(now.refusals), std::end(now.refusals)};
}
using counts = std::vector<std::uint64_t>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("each refused request is counted once, by its reason", "[refusals]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 2, .limit_bytes = 4 * mib});
  CHECK(refusals(*pool) == counts{0, 0, 0, 0, 0});
  {
    std::vector<typename test::byte_fixture<TestType>::buffer> out(3);
    const auto a = pool->get(100);
    const auto b = pool->get(100);
    CHECK_THROWS_AS(pool->get(100), tarn::pool_exhausted);
    CHECK_FALSE(pool->try_get(100));
    CHECK_FALSE(pool->try_get_shared(100));
    CHECK(pool->try_allocate(100) == nullptr);
    CHECK_THROWS_AS(pool->allocate(100), tarn::pool_exhausted);
    CHECK_THROWS_AS(pool->get_at_least(100), tarn::pool_exhausted);
    CHECK(refusals(*pool) == counts{0, 6, 0, 0, 0});
    CHECK_FALSE(pool->try_get_bulk(1000, out));
    CHECK_THROWS_AS(pool->get_bulk(1000, out), tarn::pool_exhausted);
    CHECK_THROWS_AS(pool->prewarm(0, 1), tarn::pool_exhausted);
    CHECK_THROWS_AS(pool->resize(3, 5), tarn::pool_exhausted);
    CHECK(refusals(*pool) == counts{0, 10, 0, 0, 0});
  }
  CHECK_THROWS_AS(pool->get(5 * mib), tarn::pool_exhausted);
  CHECK(refusals(*pool) == counts{1, 10, 0, 0, 0});
}

TEMPLATE_LIST_TEST_CASE("limit, source, closed and sizes beyond all bounds are other reasons",
                        "[refusals]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = mib});
  CHECK_FALSE(pool->try_get(3 * mib));
  CHECK_FALSE(pool->try_get(2 * mib));
  CHECK_THROWS_AS(pool->prewarm(13, 2), tarn::pool_exhausted);
  CHECK(refusals(*pool) == counts{3, 0, 0, 0, 0});
  pool.source.fail_from(1);
  CHECK_FALSE(pool->try_get(100));
  CHECK_FALSE(pool->try_adopt(std::span<const std::byte>(), [] {}));
  CHECK_THROWS_AS(pool->prewarm(0, 1), tarn::pool_exhausted);
  CHECK(refusals(*pool) == counts{3, 0, 3, 0, 0});
  CHECK_FALSE(pool->try_get(SIZE_MAX));
  CHECK_THROWS_AS(pool->get(SIZE_MAX), std::length_error);
  CHECK_THROWS_AS(pool->prewarm(0, SIZE_MAX), std::length_error);
  CHECK(refusals(*pool) == counts{3, 0, 3, 0, 3});
  pool->close();
  CHECK_THROWS_AS(pool->get(100), tarn::pool_closed);
  CHECK_FALSE(pool->try_get(3 * mib));
  CHECK_THROWS_AS(pool->prewarm(0, 1), tarn::pool_closed);
  CHECK(refusals(*pool) == counts{3, 0, 3, 3, 3});
  if constexpr (TestType::stats::counts) {
    CHECK(pool->snapshot().refused() == 12);
    CHECK(pool->snapshot().refused(refusal::closed) == 3);
    CHECK((pool->snapshot() - pool->snapshot()).refused() == 0);
    CHECK(pool->snapshot().total().gets == 0);
    CHECK(pool->snapshot().total().misses == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("objects, messages and consumers count theirs", "[refusals]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  {
    tarn::object_pool<std::vector<int>, lock> pool({.name = "kept", .capacity = 2});
    std::vector<typename decltype(pool)::handle> out(3);
    const auto a = pool.get();
    const auto b = pool.get();
    CHECK(text_of([&] { static_cast<void>(pool.get()); }) ==
          "tarn: pool 'kept' has nothing for " + std::to_string(sizeof(std::vector<int>)) +
              " bytes: all 2 objects are in use, capacity 2");
    CHECK_FALSE(pool.try_get());
    CHECK_FALSE(pool.try_get_bulk(out));
    CHECK(refusals(pool) == counts{0, 3, 0, 0, 0});
  }
  {
    tarn::object_pool<double, lock, tarn::counting_stats, tarn::object_traits<tarn::build_objects>>
        pool({.capacity = 1});
    const auto a = pool.make(1.0);
    CHECK_FALSE(pool.try_make(2.0));
    CHECK_THROWS_AS(pool.make(2.0), tarn::pool_exhausted);
    CHECK(refusals(pool) == counts{0, 2, 0, 0, 0});
  }
  tarn::message_pool<tarn::message, lock> pool({.capacity = 3});
  auto part = pool.consumer(1);
  const auto a = pool.get();
  const auto b = pool.get();
  const auto c = part.get();
  CHECK_FALSE(pool.try_get());
  CHECK_THROWS_AS(pool.get(), tarn::pool_exhausted);
  CHECK_FALSE(pool.get_for(tarn::time_span::of_nanoseconds(1000)));
  CHECK_FALSE(part.try_get());
  CHECK_THROWS_AS(part.get(), tarn::pool_exhausted);
  CHECK_THROWS_AS(pool.consumer(1), tarn::pool_exhausted);
  CHECK(refusals(pool) == counts{0, 6, 0, 0, 0});
  pool.close();
  CHECK_THROWS_AS(pool.get(), tarn::pool_closed);
  CHECK(refusals(pool) == counts{0, 6, 0, 1, 0});
}

TEMPLATE_LIST_TEST_CASE("callbacks and logs are told of a refusal", "[refusals]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 1});
  std::vector<tarn::operation> told;
  pool->set_callback([&](const tarn::operation& o) { told.push_back(o); });
  tarn::event_log log;
  const auto watching = log.watch(*pool);
  {
    const auto only = pool->get(200);
    told.clear();
    CHECK_FALSE(pool->try_get(200));
  }
  REQUIRE_FALSE(told.empty());
  CHECK(told[0].kind == tarn::operation_kind::refuse);
  CHECK(told[0].reason == refusal::capacity);
  CHECK(told[0].size_bytes == 200);
  CHECK(told[0].item == nullptr);
  CHECK(to_string(told[0].kind) == std::string("refuse"));
  const auto events = log.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == tarn::event_kind::refuse);
  CHECK(events[0].new_size == 200);
  CHECK(events[0].message == "nothing for 200 bytes: capacity");
  CHECK(events[0].state.refused() == 1);
  pool->set_callback(nullptr);
}

TEST_CASE("the text says what would help", "[refusals]") {
  tarn::byte_pool<> frames({.name = "frames", .capacity = 2});
  std::vector<tarn::byte_pool<>::buffer> out(3);
  CHECK(text_of([&] { frames.get_bulk(200, out); }) ==
        "tarn: pool 'frames' has nothing for 3 blocks of 200 bytes: 0 of 2 blocks are in use, "
        "capacity 2");
  tarn::byte_pool<> limited({.name = "limited", .limit_bytes = 1536 * kib});
  const auto held = limited.get(mib);
  CHECK(text_of([&] { static_cast<void>(limited.get(3 * mib)); }) ==
        "tarn: pool 'limited' has nothing for 3145728 bytes: 1 MiB held of the source, limit_bytes "
        "1572864");
  CHECK(text_of([&] { limited.prewarm(13, 1); }) ==
        "tarn: pool 'limited' has nothing for 1 more block of 1048576 bytes: 1 MiB held of the "
        "source, limit_bytes 1572864");
}

TEST_CASE("what idles in other threads' caches is named, and comes back on their next slow path",
          "[refusals]") {
  tarn::byte_pool<> pool({.name = "shared", .limit_bytes = 4 * mib});
  std::atomic<int> step{0};
  const auto await = [&](int wanted) {
    while (step.load() < wanted)
      std::this_thread::yield();
  };
  std::jthread other([&] {
    // A block of 256 KiB and one of 1 MiB stay in this thread's cache.
    pool.put(pool.get(256 * kib));
    pool.put(pool.get(mib));
    step = 1;
    await(2);
    pool.put(pool.get(100));  // a slow path: it follows the order
    step = 3;
    await(4);
  });
  await(1);
  const auto text = text_of([&] { static_cast<void>(pool.get(4 * mib)); });
  step = 2;
  await(3);
  const bool served = static_cast<bool>(pool.try_get(3 * mib + 512 * kib));
  step = 4;
  other.join();
  CHECK(
      text ==
      "tarn: pool 'shared' has nothing for 4194304 bytes: 1.2 MiB held of the source, limit_bytes "
      "4194304; 1.2 MiB idle in the caches of 1 thread, until their next slow path");
  CHECK(served);
}
