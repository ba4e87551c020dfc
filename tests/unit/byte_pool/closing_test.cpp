// SPDX-License-Identifier: MIT
//
// Closing: no block goes out any more, all blocks may come home, and the last one frees the memory.

#include <array>
#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

TEMPLATE_LIST_TEST_CASE("a closed pool gives nothing and says its name", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.name = "lake"});
  CHECK(pool->name() == "lake");
  pool->deallocate(pool->allocate(100), 100);
  CHECK_FALSE(pool->closed());
  pool->close();
  CHECK(pool->closed());
  for (const std::size_t size : {0u, 100u, 100'000u, 5u << 20}) {
    INFO(size);
    CHECK_FALSE(pool->try_get(size));
    CHECK_FALSE(pool->try_get_at_least(size));
    CHECK(pool->try_allocate(size) == nullptr);
    CHECK(pool->try_allocate(size, 4096) == nullptr);
    std::string said;
    try {
      (void)pool->get(size);
    } catch (const tarn::pool_closed& e) {
      said = e.what();
    }
    CHECK(said.find("lake") != std::string::npos);
    CHECK_THROWS_AS(pool->get(size), std::runtime_error);
    CHECK_THROWS_AS(pool->get_at_least(size), tarn::pool_closed);
    CHECK_THROWS_AS(pool->allocate(size), tarn::pool_closed);
    std::array<void*, 3> raw{};
    CHECK_THROWS_AS(pool->allocate_bulk(size, raw), tarn::pool_closed);
    std::array<typename test::byte_fixture<TestType>::buffer, 3> buffers;
    CHECK_FALSE(pool->try_get_bulk(size, buffers));
  }
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool.imbalance() == "");
}

TEMPLATE_LIST_TEST_CASE("closing twice, and upkeep of a closed pool, do nothing", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.large_cache_bytes = 16 << 20});
  void* const held = pool->allocate(1000);
  pool->deallocate(pool->allocate(4 << 20), 4 << 20);
  pool->close();
  const auto live = pool.source.live_bytes();
  pool->close();
  pool->drain();
  pool->clear();
  CHECK(pool->maintain() == 0);
  CHECK_THROWS_AS(pool->prewarm(0, 1), tarn::pool_closed);
  pool->prewarm(0, 0);
  CHECK(pool.source.live_bytes() <= live);
  CHECK(pool.imbalance() == "");
  pool->deallocate(held, 1000);
  pool->trim();
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("the last block that comes home gives the memory back", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  for (const bool ends : {false, true}) {
    INFO((ends ? "the pool object is gone" : "the pool is only closed"));
    fixture pool;
    std::vector<typename fixture::buffer> out;
    for (std::size_t i = 0; i != 60; ++i)
      out.push_back(pool->get(std::size_t{50} << i % 17));
    std::vector<typename fixture::buffer> early;
    for (std::size_t i = 0; i != 30; ++i)
      early.push_back(pool->get(1000));
    early.clear();
    ends ? pool.end_pool() : pool->close();
    for (auto& b : out) {
      b.data()[b.size() - 1] = std::byte{7};
      CHECK(b.data()[b.size() - 1] == std::byte{7});
    }
    while (!out.empty()) {
      CHECK(pool.source.live_bytes() > 0);
      if (!ends) CHECK(pool.imbalance() == "");
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(out.size() / 3));
    }
    CHECK(pool.source.live_bytes() == 0);
    CHECK(pool.source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a thread whose cache holds blocks follows a close at its next call",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const bool gets_first : {true, false}) {
    INFO(gets_first);
    typename test::byte_fixture<TestType>::pool_type closing({}, {}, pool.source);
    std::atomic<int> stage{0};
    const auto reach = [&](int wanted) {
      while (stage.load() != wanted)
        std::this_thread::yield();
    };
    bool got = true;
    std::thread other([&] {
      auto held = closing.get(100);
      void* const raw = closing.allocate(100);
      closing.get(100).reset();  // leaves one block in this thread's cache
      stage.store(1);
      reach(2);
      if (gets_first) got = static_cast<bool>(closing.try_get(100));
      closing.deallocate(raw, 100);
      held.reset();
      stage.store(3);  // no other calls on this thread
      reach(4);
    });
    reach(1);
    closing.close();
    stage.store(2);
    reach(3);
    CHECK(pool.source.live_bytes() == 0);  // all blocks came home at once
    if (gets_first) CHECK_FALSE(got);
    stage.store(4);
    other.join();
  }
}

TEMPLATE_LIST_TEST_CASE("a large block alone keeps what is left of a pool", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t cache : {0u, 64u << 20}) {
    test::byte_fixture<TestType> pool({.large_cache_bytes = cache});
    auto held = pool->get(10 << 20);
    pool->deallocate(pool->allocate(3 << 20), 3 << 20);
    pool.end_pool();
    CHECK(pool.source.live_bytes() >= 10 << 20);
    held.data()[0] = std::byte{1};
    held.reset();
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("closing reports only what it is told to", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  // The output, and the abort of `abort`, are tested from outside; this tests that both others
  // continue.
  test::byte_fixture<TestType> pool({.closing = tarn::closing::abort});
  pool->deallocate(pool->allocate(1000), 1000);
  pool->close();  // no block is out: no reason to abort
  CHECK(pool->closed());
}

TEMPLATE_LIST_TEST_CASE("buffers of a closed pool may be moved, swapped and put", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  auto a = pool->get(100);
  auto b = pool->get(5000);
  pool->close();
  swap(a, b);
  CHECK(a.size() == 5000);
  auto c = std::move(a);
  c.resize(8000);
  CHECK_THROWS_AS(c.resize(c.capacity() + 1), std::length_error);
  pool->put(std::move(c));
  pool->put(std::move(b));
  CHECK(pool.source.live_bytes() == 0);
}
