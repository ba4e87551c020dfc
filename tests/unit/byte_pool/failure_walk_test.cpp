// SPDX-License-Identifier: MIT
//
// Every operation that asks the source, with a source that fails at its first, second, ... call:
// the pool is unchanged, and no block is lost.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

// Runs `action(pool)` with a source that fails at its n-th call, for n = 1, 2, ... until no call
// fails any more. `action` returns whether it succeeded; it must give back all that it took.
template <class P, class Action>
void walk(tarn::options o, Action&& action) {
  for (const bool for_ever : {false, true}) {
    for (std::size_t n = 1; n != 200; ++n) {
      INFO("fails at call " << n << (for_ever ? " and from then on" : ""));
      test::byte_fixture<P> pool(o);
      // Some blocks are in use and some are idle beforehand.
      void* const kept = pool->allocate(1000);
      pool->deallocate(pool->allocate(40000), 40000);
      const auto before = pool->occupancy();
      for_ever ? pool.source.fail_from(n) : pool.source.fail_at(n);
      const bool done = action(*pool);
      const bool failed = pool.source.failures() != 0;
      CHECK(pool.imbalance() == "");
      CHECK(pool->occupancy().in_use() == before.in_use());
      pool.source.never_fail();
      CHECK(action(*pool));
      pool->deallocate(kept, 1000);
      if (for_ever && failed) CHECK_FALSE(done);
      if (!failed) {
        CHECK(done);
        break;
      }
      REQUIRE(n != 199);
    }
  }
}

template <class Pool>
using buffer_of = typename Pool::buffer;

// Whether `action` ran without a `std::bad_alloc`.
template <class Action>
bool succeeds(Action&& action) {
  try {
    action();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("gets of every size survive a failing source", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  walk<TestType>({}, [](auto& pool) {
    std::vector<buffer_of<std::remove_reference_t<decltype(pool)>>> out;
    return succeeds([&] {
      for (std::size_t size = 1; size <= 4 * mib; size *= 16) {
        out.push_back(pool.get(size));
        out.push_back(pool.get_at_least(size));
      }
    });
  });
}

TEMPLATE_LIST_TEST_CASE("a bulk that fails gives everything back", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t size : {std::size_t{2000}, 20 * kib, 3 * mib}) {
    INFO(size);
    const std::size_t count = size > mib ? 4 : 20;
    walk<TestType>({}, [&](auto& pool) {
      std::vector<buffer_of<std::remove_reference_t<decltype(pool)>>> out(count);
      const bool done = pool.try_get_bulk(size, out);
      std::size_t filled = 0;
      for (const auto& b : out)
        filled += static_cast<bool>(b);
      CHECK(filled == (done ? count : 0));
      return done;
    });
    walk<TestType>({}, [&](auto& pool) {
      std::vector<void*> out(count);
      const bool done = pool.try_allocate_bulk(size, out);
      if (done) pool.deallocate_bulk(out, size);
      return done;
    });
  }
}

TEMPLATE_LIST_TEST_CASE("prewarm, resize and reset survive a failing source", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  walk<TestType>({}, [](auto& pool) { return succeeds([&] { pool.prewarm(7, 20); }); });
  walk<TestType>({}, [](auto& pool) {
    return succeeds([&] {
      pool.resize(5, 50);
      pool.resize(7, 10);
      pool.resize(5, 0);
    });
  });
  walk<TestType>({.initial_objects = 3, .initial_bytes = mib},
                 [](auto& pool) { return succeeds([&] { pool.reset_and_drain(); }); });
}

TEMPLATE_LIST_TEST_CASE("raw and over-aligned gets survive a failing source", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  walk<TestType>({.large_cache_bytes = 8 * mib}, [](auto& pool) {
    std::vector<std::pair<std::size_t, std::size_t>> wanted;
    std::vector<void*> out;
    const bool done = succeeds([&] {
      for (const std::size_t alignment : {std::size_t{16}, std::size_t{256}, 128 * kib}) {
        for (const std::size_t size : {std::size_t{100}, 30 * kib, 3 * mib}) {
          out.push_back(pool.allocate(size, alignment));
          wanted.emplace_back(size, alignment);
        }
      }
    });
    for (std::size_t i = 0; i != out.size(); ++i) {
      pool.deallocate(out[i], wanted[i].first, wanted[i].second);
    }
    return done;
  });
}

TEMPLATE_LIST_TEST_CASE("a pool whose initial blocks can't be had is not made, and takes nothing",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (std::size_t n = 1;; ++n) {
    INFO(n);
    test::failing_source source;
    source.fail_from(n);
    std::optional<test::byte_pool_for<TestType>> pool;
    const bool made = succeeds([&] {
      pool.emplace(tarn::options{.initial_objects = 2, .initial_bytes = 2 * mib},
                   tarn::power_of_two_tiers<>{}, source);
    });
    pool.reset();
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
    if (made) break;
    REQUIRE(n < 100);
  }
}

TEMPLATE_LIST_TEST_CASE("puts need no memory: the source fails for ever, and all of them succeed",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<typename test::byte_fixture<TestType>::buffer> out;
  for (std::size_t i = 0; i != 1500; ++i)
    out.push_back(pool->get(std::size_t{60} << i % 13));
  pool.source.fail_from(1);
  while (!out.empty()) {
    const auto at = out.size() * 7 % 13 % out.size();
    std::swap(out[at], out.back());
    out.pop_back();
  }
  CHECK(pool.imbalance() == "");
  CHECK(pool->occupancy().in_use() == 0);
  // The blocks that came back serve requests again.
  for (std::size_t i = 0; i != 13; ++i)
    CHECK(pool->try_get(std::size_t{60} << i));
  CHECK(pool.source.failures() == 0);
}

TEMPLATE_LIST_TEST_CASE("idle memory of other tiers is given up before a get fails", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = mib});
  std::vector<void*> out;
  for (int i = 0; i != 16; ++i)
    out.push_back(pool->allocate(64 * kib));
  for (auto* const b : out)
    pool->deallocate(b, 64 * kib);
  void* const whole = pool->try_allocate(mib);
  CHECK(whole != nullptr);
  CHECK(pool.imbalance() == "");
  if (whole != nullptr) pool->deallocate(whole, mib);
}
