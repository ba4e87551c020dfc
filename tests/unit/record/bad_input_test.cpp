// SPDX-License-Identifier: MIT
//
// Input that is refused: the message, and that nothing changed.

#include <cstddef>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;

template <class Error, class Action>
[[nodiscard]] std::string text_of(Action&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("an alignment that is no power of two is named", "[bad_input]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t alignment : {0u, 3u, 12u, 24u, 100u}) {
    CHECK(text_of<std::invalid_argument>([&] {
            static_cast<void>(pool->allocate(100, alignment));
          }) == "tarn: alignment " + std::to_string(alignment) + " must be a power of two");
    CHECK(pool->try_allocate(100, alignment) == nullptr);
  }
  CHECK(pool->snapshot().total().gets == 0);
}

TEMPLATE_LIST_TEST_CASE("blocks that can't be made ready are an error, and none is made",
                        "[bad_input]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 256 * kib});
  CHECK_THROWS_AS(pool->prewarm(0, 100'000), std::bad_alloc);
  CHECK(pool->occupancy().tiers[0].created == 0);
  CHECK(pool.source.live_bytes() == 0);
  pool->put(pool->get(5000));
  CHECK_THROWS_AS(pool->resize(2, 100'000), std::bad_alloc);
  CHECK(pool.imbalance() == "");

  using lock = typename TestType::lock;
  tarn::object_pool<std::vector<int>, lock> objects({.limit_bytes = 64 * kib});
  CHECK_THROWS_AS(objects.prewarm(100'000), std::bad_alloc);
  CHECK(objects.snapshot().constructed == 0);
  CHECK(objects.occupancy().idle() == 0);
  using small_pool = tarn::byte_pool_of<tarn::power_of_two_tiers<>, lock>;
  CHECK_THROWS_AS(small_pool({.initial_objects = 10'000, .limit_bytes = 256 * kib}),
                  std::bad_alloc);
}

TEST_CASE("an object pool refuses what it could not do", "[bad_input]") {
  CHECK(text_of<std::invalid_argument>([] {
          tarn::object_pool<int> pool(tarn::options{.zeroing = tarn::zeroing::on_get});
        }) == "tarn: zeroing 1 must be none (0) or secure (4) in an object pool");
  using made = tarn::object_pool<int, tarn::no_lock, tarn::counting_stats,
                                 tarn::object_traits<tarn::keep_objects<int (*)()>>>;
  CHECK(text_of<std::invalid_argument>([] { made pool; }) ==
        "tarn: factory 0 must not be a null pointer");
  made good({}, {[] { return 7; }});
  CHECK(*good.get() == 7);
}

TEST_CASE("a closed pool can't be made ready again", "[bad_input]") {
  tarn::byte_pool<> bytes(tarn::options{.name = "frames"});
  bytes.close();
  CHECK(text_of<tarn::pool_closed>([&] { bytes.reset_and_drain(); }) ==
        "tarn: pool 'frames' is closed");
  tarn::object_pool<std::string> texts;
  texts.close();
  CHECK_THROWS_AS(texts.reset_and_drain(), tarn::pool_closed);
}

TEST_CASE("a stream is empty for its next user", "[bad_input]") {
  tarn::object_pool<std::ostringstream> pool;
  *pool.get() << "a secret";
  CHECK(pool.get()->str().empty());
}

TEST_CASE("the longest budget a thread can have is no budget of zero", "[bad_input]") {
  tarn::byte_pool<> pool(tarn::options{.shard_bytes = SIZE_MAX});
  pool.put(pool.get(2 << 20));
  CHECK(pool.occupancy().tiers[14].idle_in_threads == 1);
}

TEST_CASE("a pool that has nothing says for what, and what limits it", "[bad_input]") {
  tarn::byte_pool<> frames({.name = "frames", .capacity = 1});
  const auto only = frames.get(200);
  CHECK(text_of<tarn::pool_exhausted>([&] { static_cast<void>(frames.get(200)); }) ==
        "tarn: pool 'frames' has nothing for 200 bytes: the only block is in use, capacity 1");
  tarn::byte_pool<> small({.limit_bytes = 1000});
  CHECK(text_of<std::bad_alloc>([&] { small.prewarm(2, 1); }) ==
        "tarn: pool '' has nothing for 1 more block of 512 bytes: 0 bytes held of the source, "
        "limit_bytes 1000");
  CHECK(text_of<tarn::pool_exhausted>([&] { static_cast<void>(small.allocate(10, 4096)); }) ==
        "tarn: pool '' has nothing for 10 bytes aligned to 4096: 0 bytes held of the source, "
        "limit_bytes 1000; a slab takes 64 KiB");
  tarn::object_pool<double> numbers({.name = std::string(300, 'n'), .capacity = 0});
  CHECK(text_of<tarn::pool_exhausted>([&] { static_cast<void>(numbers.get()); }) ==
        "tarn: pool '" + std::string(60, 'n') +
            "' has nothing for 8 bytes: no object may exist, capacity 0");
  static_assert(std::is_nothrow_copy_constructible_v<tarn::pool_exhausted>);
}
