// SPDX-License-Identifier: MIT
//
// Operations that make blocks ready make all of them or none, and an error changes nothing; all of
// these operations keep every bound.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

// All that a pool shows of a tier and of its memory, except its errors.
template <class Pool>
[[nodiscard]] std::vector<std::uint64_t> state_of(const Pool& pool) {
  std::vector<std::uint64_t> all;
  const auto o = pool.occupancy();
  for (const auto& t : o.tiers) {
    for (const auto n : {t.created, t.retired, t.idle, t.in_use, t.max_idle, t.peak_outstanding,
                         t.discarded, t.trimmed, t.idle_in_threads, t.idle_pinned})
      all.push_back(n);
  }
  all.push_back(o.slab_bytes);
  all.push_back(o.large.kept_bytes);
  return all;
}

// Whether `action` throws an `Error` and leaves the pool as it was.
template <class Error, class Pool, class Action>
[[nodiscard]] bool refuses(Pool& pool, Action&& action) {
  const auto before = state_of(pool);
  try {
    action();
  } catch (const Error&) {
    return state_of(pool) == before;
  }
  return false;
}

// A factory that fails at the n-th call after it is armed.
struct failing_factory {
  int* left;
  std::string operator()() const {
    if (*left > 0 && --*left == 0) throw std::runtime_error("no more");
    return std::string(100, 'x');
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("prewarm and resize that are refused change nothing", "[all_or_nothing]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const auto& [limit, capacity] : {std::pair{8 * mib, std::size_t{1} << 40},
                                        std::pair{std::size_t{1} << 40, std::size_t{8}}}) {
    test::byte_fixture<TestType> pool({.capacity = capacity, .limit_bytes = limit});
    auto& p = *pool;
    p.put(p.get(1000));
    const auto out = p.get(100);
    for (const std::size_t tier : {0u, 3u, 9u, 14u}) {
      INFO(tier);
      CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.prewarm(tier, 100'000); }));
      CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.resize(tier, 100'000); }));
      CHECK(refuses<std::length_error>(p, [&] { p.prewarm(tier, SIZE_MAX); }));
      CHECK(refuses<std::length_error>(p, [&] { p.resize(tier, SIZE_MAX); }));
      CHECK(refuses<std::length_error>(p, [&] { p.resize(tier, SIZE_MAX / 2); }));
    }
    // The pool works as before.
    CHECK(p.try_get(mib));
    p.resize(9, 3);
    CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.resize(9, 1000); }));
    CHECK(p.occupancy().tiers[9].max_idle == 3);
    CHECK(pool.imbalance() == "");
  }
}

TEMPLATE_LIST_TEST_CASE("with a source that fails, they change nothing either", "[all_or_nothing]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.initial_objects = 3, .initial_bytes = mib});
  auto& p = *pool;
  const auto out = p.get(5000);
  for (std::size_t n = 1; n != 4; ++n) {
    INFO(n);
    pool.source.fail_from(n);
    CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.prewarm(9, 20); }));
    pool.source.fail_from(n);
    CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.resize(9, 20); }));
    pool.source.fail_from(n);
    CHECK(refuses<tarn::pool_exhausted>(p, [&] { p.reset_and_drain(); }));
    pool.source.never_fail();
  }
  p.resize(9, 20);
  CHECK(p.occupancy().tiers[9].idle == 20);
  p.reset_and_drain();
  CHECK(p.occupancy().tiers[9].idle == 3);
}

TEMPLATE_LIST_TEST_CASE("where a factory throws, no object was made", "[all_or_nothing]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  int left = 0;
  using traits = tarn::object_traits<tarn::keep_objects<failing_factory>>;
  tarn::object_pool<std::string, typename TestType::lock, tarn::counting_stats, traits> pool(
      {.initial_objects = 4}, {failing_factory{&left}});
  const auto made = pool.snapshot().constructed;
  CHECK(made == 4);
  const auto ready = [&] {
    const auto t = pool.occupancy().tiers[0];
    return t.idle - t.idle_pinned;
  };
  for (const int at : {1, 2, 7}) {
    INFO(at);
    left = at;
    CHECK_THROWS_AS(pool.prewarm(10), std::runtime_error);
    CHECK(ready() == 4);
    left = at;
    CHECK_THROWS_AS(pool.resize(20), std::runtime_error);
    CHECK(ready() == 4);
    CHECK(pool.occupancy().tiers[0].max_idle == tarn::tier_occupancy::no_bound);
    left = at < 4 ? at : 4;
    CHECK_THROWS_AS(pool.reset_and_drain(), std::runtime_error);
    CHECK(ready() == 4);
    CHECK(pool.snapshot().constructed == made);
    CHECK(pool.occupancy().in_use() == 0);
  }
  pool.resize(20);
  CHECK(ready() == 20);
  CHECK(pool.snapshot().constructed == 20);
}

TEMPLATE_LIST_TEST_CASE("prewarm and resize stop at what may stay idle", "[all_or_nothing]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_bytes = mib});
  pool->prewarm(9, 200);
  CHECK(pool->occupancy().idle_bytes() == mib);
  pool->prewarm(3, 200);
  pool->resize(9, 200);
  CHECK(pool->occupancy().idle_bytes() == mib);
  CHECK(pool->occupancy().tiers[9].max_idle == 200);
  pool->resize(9, 4);
  pool->resize(8, 1000);
  CHECK(pool->occupancy().idle_bytes() == mib);

  test::byte_fixture<TestType> few({.max_objects = 10});
  few->prewarm(2, 6);
  few->prewarm(2, 6);
  CHECK(few->occupancy().tiers[2].idle == 10);
  CHECK(few->occupancy().tiers[2].discarded == 0);
}

TEMPLATE_LIST_TEST_CASE("prewarming needs no memory that is there already", "[all_or_nothing]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 64 * kib});
  const auto out = pool->get(100);
  pool->prewarm(0, 511);
  CHECK(pool.source.allocations() == 1);
  CHECK(pool->occupancy().tiers[0].peak_outstanding <=
        1 + (test::has_thread_caches<TestType> ? 512 : 0));
  CHECK(refuses<tarn::pool_exhausted>(*pool, [&] { pool->prewarm(0, 1); }));
  const auto hit = pool->get(100);
  CHECK(pool->snapshot().tiers[0].misses == 1);
}

TEMPLATE_LIST_TEST_CASE("initial blocks are made as far as the limit goes, if initial_bytes say so",
                        "[all_or_nothing]", test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const std::size_t limit : {256 * kib, mib, 4 * mib}) {
    for (const std::size_t n : {1u, 4u, 1000u}) {
      test::byte_fixture<TestType> pool(
          {.initial_objects = n, .initial_bytes = limit, .limit_bytes = limit});
      CHECK(pool.source.peak_bytes() <= limit);
      CHECK(pool->occupancy().tiers[0].idle == std::min(n, limit / 128));
      pool->reset_and_drain();
      CHECK(pool->occupancy().tiers[0].idle == std::min(n, limit / 128));
    }
  }
  using pool_type = test::byte_pool_for<TestType>;
  test::failing_source source;
  const auto make = [&](tarn::options o) { pool_type made(o, {}, source); };
  CHECK_THROWS_AS(make({.initial_objects = SIZE_MAX}), std::length_error);
  CHECK_THROWS_AS(make({.initial_objects = 10'000, .limit_bytes = 256 * kib}),
                  tarn::pool_exhausted);
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("reset_and_drain makes room where the limit leaves none",
                        "[all_or_nothing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::cache_tiers> pool(
      {.initial_objects = 4, .limit_bytes = 256 * kib});
  std::vector<void*> out;
  while (void* const b = pool->try_allocate(16384))
    out.push_back(b);
  CHECK(out.size() >= 8);
  for (auto* const b : out)
    pool->deallocate(b, 16384);
  pool->reset_and_drain();
  for (const auto& t : pool->occupancy().tiers)
    CHECK(t.idle == 4);
}

TEMPLATE_LIST_TEST_CASE("a large request that the limit can't hold leaves idle memory alone",
                        "[all_or_nothing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 8 * mib, .large_cache_bytes = 4 * mib});
  {
    auto kept = pool->get(3 * mib);
  }
  const auto kept = pool->occupancy().large.kept_bytes;
  REQUIRE(kept != 0);
  CHECK(pool->try_allocate(20 * mib) == nullptr);
  CHECK(pool->occupancy().large.kept_bytes == kept);
  // With a block of 3 MiB out there is room for 5 more, but not for 6.
  auto out = pool->get(3 * mib);
  {
    auto idle = pool->get(2 * mib + 1);
  }
  const auto idle = pool->occupancy().large.kept_bytes;
  CHECK(pool->try_allocate(6 * mib) == nullptr);
  CHECK(pool->occupancy().large.kept_bytes == idle);
  // What the idle memory makes room for is had.
  void* const b = pool->try_allocate(4 * mib + 512 * kib);
  CHECK(b != nullptr);
  if (b != nullptr) pool->deallocate(b, 4 * mib + 512 * kib);
}

TEMPLATE_LIST_TEST_CASE(
    "a bulk that fails leaves the caller's array alone, and counts the reason it met",
    "[all_or_nothing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  if (test::has_thread_caches<TestType>) return;  // these have no exact capacity to run into
  test::byte_fixture<TestType> pool({.capacity = 5});
  int mark = 0;
  std::vector<void*> out(20, &mark);
  CHECK_FALSE(pool->try_allocate_bulk(100, out));
  for (std::size_t i = 0; i != 5; ++i)
    CHECK(out[i] == &mark);
  CHECK(pool->occupancy().refusals[static_cast<std::size_t>(tarn::refusal::capacity)] == 1);
}

TEMPLATE_LIST_TEST_CASE("a closed pool counts that it refused to make blocks ready",
                        "[all_or_nothing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  pool->close();
  CHECK_THROWS_AS(pool->reset_and_drain(), tarn::pool_closed);
  CHECK(pool->occupancy().refusals[static_cast<std::size_t>(tarn::refusal::closed)] == 1);
}

TEMPLATE_LIST_TEST_CASE("a core stands where its type has to", "[all_or_nothing]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  std::vector<std::unique_ptr<tarn::byte_pool<typename TestType::lock, typename TestType::stats>>>
      pools;
  for (int i = 0; i != 20; ++i) {
    pools.push_back(
        std::make_unique<tarn::byte_pool<typename TestType::lock, typename TestType::stats>>());
    using core =
        typename tarn::detail::access::of<typename std::decay_t<decltype(*pools[0])>>::core;
    const void* const place = dynamic_cast<core*>(&tarn::detail::access::lifeline(*pools.back()));
    CHECK(reinterpret_cast<std::uintptr_t>(place) % alignof(core) == 0);
  }
}
