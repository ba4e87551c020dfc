// SPDX-License-Identifier: MIT
//
// A user's own lock and a user's own statistics get exactly the calls that they should get.

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

using user_lock = test::cross<std::tuple<test::counting_lock>, test::stats>::type;
using cached_user_lock =
    test::cross<std::tuple<tarn::thread_cached<test::counting_lock>>, test::stats>::type;
using user_stats = test::some_of<test::locks, std::tuple<test::byte_stats>>;

// How often any counting_lock is taken while `action` runs.
template <class Action>
[[nodiscard]] std::uint64_t locks_taken(Action&& action) {
  const auto before = test::counting_lock::taken.load();
  action();
  return test::counting_lock::taken.load() - before;
}

struct sums {
  std::uint64_t asked = 0;
  std::uint64_t returned = 0;
};

template <class Pool>
[[nodiscard]] sums sums_of(const Pool& pool) {
  sums total;
  pool.for_each_recorder([&](const auto& r) {
    total.asked += r.asked.read();
    total.returned += r.returned.read();
  });
  return total;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a hit takes the user's lock once, a put as well", "[byte_pool]",
                        user_lock) {
  INFO(test::name_of<TestType>());
  // Followed gets look how many blocks are in use, which takes the lock twice more.
  constexpr bool follows = std::is_same_v<typename TestType::stats, tarn::recording_stats>;
  const auto is_hit = [](std::uint64_t locks) { return locks == 1 || (follows && locks == 3); };
  test::byte_fixture<TestType> pool;
  for (const std::size_t size : {100u, 10'000u, 1'000'000u}) {
    pool->deallocate(pool->allocate(size), size);
    void* b = nullptr;
    CHECK(is_hit(locks_taken([&] { b = pool->allocate(size); })));
    CHECK(locks_taken([&] { pool->deallocate(b, size); }) == 1);
    typename test::byte_fixture<TestType>::buffer handle;
    CHECK(is_hit(locks_taken([&] { handle = pool->get(size); })));
    CHECK(locks_taken([&] {
            auto moved = std::move(handle);
            handle = std::move(moved);
          }) == 0);
    CHECK(locks_taken([&] { handle.reset(); }) == 1);
    CHECK(locks_taken([&] { handle.reset(); }) == 0);
    const auto taken = locks_taken([&] {
      for (int i = 0; i != 1000; ++i)
        pool->deallocate(pool->allocate(size), size);
    });
    CHECK(taken >= 2000);
    CHECK(taken <= 2000 + (follows ? 16 : 0));
  }
  // A large request takes the lock of the large blocks once on its way out and once on its way
  // home.
  void* b = nullptr;
  CHECK(locks_taken([&] { b = pool->allocate(3 << 20); }) == 1);
  CHECK(locks_taken([&] { pool->deallocate(b, 3 << 20); }) == 1);
  bool closed = true;
  bool owned = true;
  CHECK(locks_taken([&] {
          owned = pool->owns(b) || pool->capacity_for(100) == 0;
          closed = pool->closed();
        }) == 0);
  CHECK_FALSE(owned);
  CHECK_FALSE(closed);
}

TEMPLATE_LIST_TEST_CASE("bulks take the user's lock far less than once per block", "[byte_pool]",
                        user_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<void*> blocks(64);
  pool->allocate_bulk(100, blocks);
  pool->deallocate_bulk(blocks, 100);
  CHECK(locks_taken([&] { pool->allocate_bulk(100, blocks); }) <= 4);
  CHECK(locks_taken([&] { pool->deallocate_bulk(blocks, 100); }) <= 4);
}

TEMPLATE_LIST_TEST_CASE("a hit in a thread's own cache takes no lock at all", "[byte_pool]",
                        cached_user_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<void*> blocks(50);
  for (auto& b : blocks)
    b = pool->allocate(100);
  for (auto* const b : blocks)
    pool->deallocate(b, 100);
  // A followed get is not a hit, and looks how many blocks are in use.
  CHECK(locks_taken([&] {
          for (int round = 0; round != 20; ++round) {
            for (auto& b : blocks)
              b = pool->allocate(100);
            for (auto* const b : blocks)
              pool->deallocate(b, 100);
            pool->put(pool->get(50));
            pool->allocate_bulk(100, blocks);
            pool->deallocate_bulk(blocks, 100);
          }
        }) <=
        (std::is_same_v<typename TestType::stats, tarn::recording_stats> ? 4120 / 128 + 1 : 0));
  // Sixteen hundred puts overflow the cache: one trip to the depot moves a magazine of 256.
  std::vector<void*> many(1600);
  pool->allocate_bulk(100, many);
  const auto flow = locks_taken([&] {
    for (auto* const b : many)
      pool->deallocate(b, 100);
  });
  CHECK(flow > 0);
  CHECK(flow <= 2 * (1600 / 256 + 1));
}

TEMPLATE_LIST_TEST_CASE("a user's statistics sum up what was asked and returned", "[byte_pool]",
                        user_stats) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::uint64_t asked = 0;
  std::uint64_t puts = 0;
  for (std::size_t n = 0; n != 500; ++n) {
    pool->put(pool->get(n * 10));
    asked += n * 10;
    ++puts;
  }
  pool->put(pool->get(5 << 20));  // large: a request, but of no tier
  asked += 5 << 20;
  std::vector<void*> raw(40);
  pool->allocate_bulk(333, raw);
  pool->deallocate_bulk(raw, 333);
  asked += 40 * 333;
  puts += 40;
  CHECK(sums_of(*pool).asked == asked);
  CHECK(sums_of(*pool).returned == puts);
  pool->prewarm(2, 20);
  pool->trim();
  pool->drain();
  CHECK(sums_of(*pool).asked == asked);
  CHECK(sums_of(*pool).returned == puts);
  pool->close();
  CHECK(sums_of(*pool).returned == puts);
}

TEMPLATE_LIST_TEST_CASE("sums over threads are exact, also when threads have ended", "[byte_pool]",
                        user_stats) {
  INFO(test::name_of<TestType>());
  if (!test::is_concurrent<TestType>) return;
  test::byte_fixture<TestType> pool;
  constexpr std::size_t threads = 6;
  for (int wave = 0; wave != 2; ++wave) {
    test::run_together(threads, [&](std::size_t me) {
      for (std::size_t i = 0; i != 500; ++i)
        pool->put(pool->get(100 * me + i % 7));
    });
  }
  std::uint64_t asked = 0;
  for (std::size_t me = 0; me != threads; ++me) {
    for (std::size_t i = 0; i != 500; ++i)
      asked += 2 * (100 * me + i % 7);
  }
  CHECK(sums_of(*pool).asked == asked);
  CHECK(sums_of(*pool).returned == 2 * threads * 500);
  const auto total = pool->snapshot().total();
  CHECK(total.gets == 2 * threads * 500);
  CHECK(total.puts == 2 * threads * 500);
}
