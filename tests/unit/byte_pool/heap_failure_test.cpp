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
#include "support/policy_matrix.hpp"

namespace {

// Counts this thread's calls of operator new down to the failing one.
thread_local std::size_t calls_left = SIZE_MAX;
thread_local bool has_failed = false;
std::atomic<std::int64_t> live{0};
std::atomic<int> asked_the_heap{0};

void* memory(std::size_t bytes, std::size_t alignment) noexcept {
  if (calls_left != SIZE_MAX && calls_left-- == 0) {
    calls_left = 0;  // all later calls fail, too
    has_failed = true;
    return nullptr;
  }
  void* const p = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                      ? std::malloc(bytes != 0 ? bytes : 1)
                      : std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
  if (p != nullptr) live.fetch_add(1);
  return p;
}

void give_back(void* p) noexcept {
  if (p == nullptr) return;
  live.fetch_sub(1);
  std::free(p);
}

// Slabs come from pages, so that only the pool's own bookkeeping meets the failing heap.
struct slabs_of_pages : tarn::page_source {
  static constexpr bool is_below_heap = false;
};
template <class P, class Source = slabs_of_pages>
using pool_for = tarn::byte_pool<typename P::lock, typename P::stats,
                                 tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>>;

// Calls `action()` with a heap that fails from its n-th call on. Returns: whether one failed.
template <class Action>
bool with_failing_heap(std::size_t n, Action&& action) {
  has_failed = false;
  calls_left = n;
  action();
  calls_left = SIZE_MAX;
  return has_failed;
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const p = memory(bytes, 0)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const p = memory(bytes, static_cast<std::size_t>(alignment))) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return memory(bytes, 0);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return memory(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  give_back(p);
}

TEMPLATE_LIST_TEST_CASE("a pool that can't be made for want of memory leaks none", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  {
    const pool_for<TestType> first;
  }  // the memory that is allocated once per program and thread now exists
  for (std::size_t n = 0;; ++n) {
    INFO(n);
    const auto before = live.load();
    bool made = false;
    with_failing_heap(n, [&] {
      try {
        const pool_for<TestType> pool({.initial_objects = 1, .initial_bytes = 1 << 20});
        made = true;
      } catch (const std::bad_alloc&) {
      }
    });
    CHECK(live.load() == before);
    if (made) break;
    REQUIRE(n < 1000);
  }
}

// A thread's table of pools grows with their number and ends with the thread, so each walk runs on
// its own thread. `step(n)` tests with a heap that fails from the n-th call on and counts faults;
// it returns false once no call failed.
template <class Step>
void walk(Step&& step) {
  const auto before = live.load();
  std::size_t steps = 0;
  std::thread([&] {
    while (steps != 1000 && step(steps++)) {
    }
  }).join();
  CHECK(steps > 1);
  CHECK(steps < 1000);
  CHECK(live.load() == before);
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
    const bool failed = with_failing_heap(n, [&] {
      for (std::size_t i = 0; i != 12; ++i)
        out[i] = pool.try_allocate(std::size_t{100} << i);
    });
    unbalanced += test::imbalance(pool) != "";
    // Puts never need memory: the heap still fails.
    puts_that_asked += with_failing_heap(0, [&] {
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
    const bool asked = with_failing_heap(0, [&] {
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
    const bool asked = with_failing_heap(0, [&] {
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
    const bool failed = with_failing_heap(n, [&] { large = pool.try_allocate(3 << 20); });
    unbalanced += !failed && large == nullptr;
    puts_that_asked += with_failing_heap(0, [&] {
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
    has_failed = false;
    calls_left = 0;
    for (auto* const b : blocks)
      pool.deallocate(b, 1000);
    failures += has_failed;
    for (auto& b : blocks)
      missing += (b = pool.try_allocate(1000)) == nullptr;
    for (auto* const b : blocks) {
      if (b != nullptr) pool.deallocate(b, 1000);
    }
    pool.drain();
    calls_left = SIZE_MAX;
  }).join();
  CHECK(failures == 0);
  CHECK(missing == 0);
  CHECK(test::imbalance(pool) == "");
}
