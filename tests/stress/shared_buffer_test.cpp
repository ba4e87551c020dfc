// SPDX-License-Identifier: MIT
//
// Many threads drop references: the bytes go back exactly once, by the last owner.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

TEMPLATE_LIST_TEST_CASE("the last of many threads gives the bytes back", "[shared_buffer]",
                        test::concurrent_policy) {
  test::byte_fixture<TestType> pool;
  std::atomic<int> wrong{0};
  for (const auto size : {std::size_t{100}, std::size_t{1024}}) {
    for (int round = 0; round != 50; ++round) {
      auto b = pool->get_shared(size);
      std::memset(b.make_unique().data(), round, size);
      std::array<decltype(b), 4> given{b, b, b, b};
      b.release();
      test::run_together(4, [&](std::size_t i) {
        auto mine = std::move(given[i]);
        const auto part = mine.slice(1);
        const auto copy = mine;
        mine.release();
        for (const auto byte : part.bytes())
          if (byte != static_cast<std::byte>(round)) ++wrong;
      });
      // Only this test gets bytes here, so there must be exactly as many blocks as before.
      CHECK(pool->occupancy().in_use() == 0);
      CHECK(pool->occupancy().nodes.in_use == 0);
    }
  }
  CHECK(wrong == 0);
  if constexpr (TestType::stats::counts) {
    CHECK(pool->snapshot().retains == pool->snapshot().releases);
  }
}

TEMPLATE_LIST_TEST_CASE("a thread that finds itself alone may write, and no other sees it",
                        "[shared_buffer]", test::every_concurrent_lock) {
  test::byte_fixture<TestType> pool;
  std::atomic<int> wrong{0};
  for (int round = 0; round != 100; ++round) {
    auto b = pool->get_shared(200);
    std::memset(b.make_unique().data(), 0, 200);
    std::array<decltype(b), 3> given{b, b, b};
    b.release();
    test::run_together(3, [&](std::size_t i) {
      auto mine = std::move(given[i]);
      const auto bytes = mine.make_unique();
      std::memset(bytes.data(), static_cast<int>(i) + 1, bytes.size());
      for (const auto byte : mine.bytes())
        if (byte != static_cast<std::byte>(i + 1)) ++wrong;
    });
  }
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("bytes outlive their pool and their thread, also under load",
                        "[shared_buffer]", test::every_concurrent_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  std::vector<shared> all(64);
  std::jthread([&] {
    for (std::size_t i = 0; i != all.size(); ++i) {
      all[i] = pool->get_shared(i % 2 == 0 ? 500 : 512);
      std::memset(all[i].make_unique().data(), static_cast<int>(i), all[i].size());
    }
  }).join();
  std::vector<shared> copies(all);
  pool.end_pool();
  std::atomic<int> wrong{0};
  test::run_together(4, [&](std::size_t t) {
    for (std::size_t i = t; i < all.size(); i += 4) {
      if (all[i][all[i].size() - 1] != static_cast<std::byte>(i)) ++wrong;
      all[i].release();
      copies[(i + 1) % all.size()].release();
    }
  });
  CHECK(wrong == 0);
  copies.clear();
}

TEST_CASE("a thousand threads share one buffer", "[shared_buffer]") {
  tarn::byte_pool<> pool;
  std::atomic<int> wrong{0};
  {
    auto b = pool.get_shared(1000);
    std::memset(b.make_unique().data(), 42, b.size());
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i != 1000; ++i) {
      threads.emplace_back([b, i, &wrong] {
        const auto part = b.slice(i, 1000 - i);
        for (const auto byte : part.bytes())
          if (byte != std::byte{42}) ++wrong;
      });
    }
    b.release();
  }
  CHECK(wrong == 0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(pool.snapshot().retains == pool.snapshot().releases);
}

TEMPLATE_LIST_TEST_CASE("references by hand are dropped once, however threads race",
                        "[shared_buffer]", test::every_concurrent_lock) {
  test::byte_fixture<TestType, tarn::power_of_two_tiers<>, tarn::checked> pool;
  for (int round = 0; round != 100; ++round) {
    const auto keep = pool->get_shared(100);
    const auto raw = pool->get_shared(100).to_raw();
    std::atomic<int> dropped{0};
    test::run_together(2, [&](std::size_t) {
      if (pool->release(raw)) ++dropped;
    });
    CHECK(dropped == 1);
    CHECK(pool->occupancy().in_use() == 1);
  }
}
