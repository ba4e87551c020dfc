// SPDX-License-Identifier: MIT
//
// The program's own heap fails at its first, second, ... call: the memory that a pool needs beside
// its slabs.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/source.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"

namespace {

std::atomic<int> asked_the_heap{0};

// Slabs come from pages, so that only the pool's own bookkeeping meets the failing heap.
struct slabs_of_pages : tarn::page_source {
  static constexpr bool is_below_heap = false;
};
template <class P, class Source = slabs_of_pages>
using pool_for = tarn::byte_pool<typename P::lock, typename P::stats,
                                 tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a pool that can't be made for want of memory leaks none", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  {
    const pool_for<TestType> first;
  }  // the memory that is allocated once per program and thread now exists
  for (std::size_t n = 0;; ++n) {
    INFO(n);
    const auto before = test::heap_live.load();
    bool made = false;
    test::with_failing_heap(n, [&] {
      try {
        const pool_for<TestType> pool({.initial_objects = 1, .initial_bytes = 1 << 20});
        made = true;
      } catch (const std::bad_alloc&) {
      }
    });
    CHECK(test::heap_live.load() == before);
    if (made) break;
    REQUIRE(n < 1000);
  }
}

// A thread's table of pools grows with their number and ends with the thread, so each walk runs on
// its own thread. `step(n)` tests with a heap that fails from the n-th call on and counts faults;
// it returns false once no call failed.
template <class Step>
void walk(Step&& step) {
  const auto before = test::heap_live.load();
  std::size_t steps = 0;
  std::thread([&] {
    while (steps != 1000 && step(steps++)) {
    }
  }).join();
  CHECK(steps > 1);
  CHECK(steps < 1000);
  CHECK(test::heap_live.load() == before);
}

TEMPLATE_LIST_TEST_CASE("gets without heap fail cleanly or do without", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  std::size_t unbalanced = 0;
  std::size_t puts_that_asked = 0;
  std::size_t missing = 0;
  walk([&](std::size_t n) {
    pool_for<TestType> pool;
    void* out[12] = {};
    const bool failed = test::with_failing_heap(n, [&] {
      for (std::size_t i = 0; i != 12; ++i)
        out[i] = pool.try_allocate(std::size_t{100} << i);
    });
    unbalanced += test::imbalance(pool) != "";
    // Puts never need memory: the heap still fails.
    puts_that_asked += test::with_failing_heap(0, [&] {
      for (std::size_t i = 0; i != 12; ++i) {
        if (out[i] != nullptr) pool.deallocate(out[i], std::size_t{100} << i);
      }
    });
    unbalanced += test::imbalance(pool) != "" || pool.occupancy().in_use() != 0;
    for (std::size_t i = 0; i != 12; ++i)
      missing += !pool.try_get(std::size_t{100} << i);
    return failed;
  });
  CHECK(unbalanced == 0);
  CHECK(puts_that_asked == 0);
  CHECK(missing == 0);
}

TEMPLATE_LIST_TEST_CASE("a pool below the heap asks it for nothing", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  STATIC_REQUIRE(tarn::detail::is_below_heap_v<tarn::page_source>);
  pool_for<TestType, tarn::page_source> pool;
  // To register a thread's end may allocate, once.
  std::thread([&] {
    void* warm = pool.try_allocate(100);
    void* out[12] = {};
    const bool asked = test::with_failing_heap(0, [&] {
      for (std::size_t i = 0; i != 12; ++i)
        out[i] = pool.try_allocate(std::size_t{100} << i);
      for (std::size_t i = 0; i != 12; ++i) {
        if (out[i] != nullptr) pool.deallocate(out[i], std::size_t{100} << i);
      }
      pool.drain();
      static_cast<void>(pool.trim(0));
    });
    if (warm != nullptr) pool.deallocate(warm, 100);
    if (asked) asked_the_heap.fetch_add(1);
  }).join();
  CHECK(asked_the_heap.exchange(0) == 0);
  CHECK(test::imbalance(pool) == "");
}

// Whether a pool below the heap asks it for something while a thread has 500 large blocks out.
template <class Pool>
bool asks_the_heap_for_large_blocks() {
  Pool pool(tarn::options{.large_cache_bytes = 1 << 20});
  std::thread([&] {
    void* warm = pool.try_allocate(100);
    void* out[500] = {};
    const auto size_of = [](std::size_t i) { return 300 + 20 * i; };
    const bool asked = test::with_failing_heap(0, [&] {
      for (int turn = 0; turn != 2; ++turn) {
        for (std::size_t i = 0; i != 500; ++i)
          out[i] = pool.try_allocate(size_of(i));
        for (std::size_t i = 0; i != 500; ++i) {
          if (out[i] != nullptr) pool.deallocate(out[i], size_of(i));
        }
      }
      static_cast<void>(pool.trim(0));
    });
    if (warm != nullptr) pool.deallocate(warm, 100);
    if (asked) asked_the_heap.fetch_add(1);
  }).join();
  return asked_the_heap.exchange(0) != 0 || !test::imbalance(pool).empty();
}

TEMPLATE_LIST_TEST_CASE("a pool below the heap that keeps large blocks asks it for nothing",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  using tiers = tarn::fixed_tiers<256>;
  CHECK_FALSE(asks_the_heap_for_large_blocks<tarn::byte_pool<
                  lock, tarn::no_stats, tarn::traits<tiers, tarn::no_check, tarn::page_source>>>());
  CHECK_FALSE(
      asks_the_heap_for_large_blocks<tarn::byte_pool<
          lock, tarn::counting_stats, tarn::traits<tiers, tarn::checked, tarn::page_source>>>());
  // Every get is followed.
  CHECK_FALSE(asks_the_heap_for_large_blocks<
              tarn::byte_pool<lock, tarn::basic_recording_stats<256, 1>,
                              tarn::traits<tiers, tarn::no_check, tarn::page_source>>>());
}

TEMPLATE_LIST_TEST_CASE("large gets with a cache fail cleanly without heap", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  std::size_t unbalanced = 0;
  std::size_t puts_that_asked = 0;
  walk([&](std::size_t n) {
    pool_for<TestType> pool({.large_cache_bytes = 16 << 20});
    void* large = nullptr;
    const bool failed = test::with_failing_heap(n, [&] { large = pool.try_allocate(3 << 20); });
    unbalanced += !failed && large == nullptr;
    puts_that_asked += test::with_failing_heap(0, [&] {
      if (large != nullptr) pool.deallocate(large, 3 << 20);
    });
    unbalanced += test::imbalance(pool) != "";
    return failed;
  });
  CHECK(unbalanced == 0);
  CHECK(puts_that_asked == 0);
}

TEMPLATE_LIST_TEST_CASE("a thread that has no memory works without a cache of its own",
                        "[byte_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  std::vector<void*> blocks(600);
  for (auto& b : blocks)
    b = pool.allocate(1000);
  std::size_t failures = 0;
  std::size_t missing = 0;
  std::thread([&] {
    test::heap_has_failed = false;
    test::heap_calls_left = 0;
    for (auto* const b : blocks)
      pool.deallocate(b, 1000);
    failures += test::heap_has_failed;
    for (auto& b : blocks)
      missing += (b = pool.try_allocate(1000)) == nullptr;
    for (auto* const b : blocks) {
      if (b != nullptr) pool.deallocate(b, 1000);
    }
    pool.drain();
    test::heap_calls_left = SIZE_MAX;
  }).join();
  CHECK(failures == 0);
  CHECK(missing == 0);
  CHECK(test::imbalance(pool) == "");
}
