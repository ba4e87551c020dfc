// SPDX-License-Identifier: MIT
//
// Sources made of other sources: each byte goes back where it came from, and failures lose nothing.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <random>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/fallback_source.hpp>
#include <tarn/policy/faulty_source.hpp>
#include <tarn/policy/static_storage.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t slab = 64 * kib;

template <class P, class Source>
using pool_for =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::fixed_tiers<256, 4096>, tarn::no_check, Source>>;

template <std::size_t Bytes>
using storage_ref = tarn::source_ref<tarn::static_storage<Bytes>>;

template <class Source>
concept tells_owner = requires(const Source& s, const void* p) { s.owns(p); };

static_assert(tarn::memory_source<storage_ref<slab>>);
static_assert(tarn::memory_source<tarn::fallback_source<tarn::page_source, tarn::heap_source>>);
static_assert(tarn::memory_source<tarn::faulty_source<>>);
static_assert(tells_owner<storage_ref<slab>>);
static_assert(!tells_owner<tarn::source_ref<tarn::heap_source>>);
static_assert(storage_ref<slab>::is_below_heap);
static_assert(tarn::fallback_source<storage_ref<slab>, tarn::page_source>::is_below_heap);
static_assert(!tarn::fallback_source<storage_ref<slab>, tarn::heap_source>::is_below_heap);
static_assert(!tarn::fallback_source<tarn::page_source, tarn::page_source>::is_below_heap);

}  // namespace

TEST_CASE("static storage gives aligned parts that do not overlap, and refuses the rest",
          "[sources]") {
  alignas(slab) static tarn::static_storage<1024 * kib> storage;
  std::mt19937 random(7);
  struct part {
    unsigned char* p;
    std::size_t bytes, alignment;
  };
  std::vector<part> out;
  std::size_t refused = 0;
  const auto is_whole = [](const part& one) {
    return one.p[0] == static_cast<unsigned char>(one.bytes) &&
           std::memcmp(one.p, one.p + 1, one.bytes - 1) == 0;
  };
  for (int i = 0; i != 4000; ++i) {
    if (random() % 2 == 0) {
      const std::size_t bytes = 1 + random() % (40 * kib);
      const std::size_t alignment = std::size_t{1} << random() % 17;
      try {
        auto* const p = static_cast<unsigned char*>(storage.allocate(bytes, alignment));
        REQUIRE(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
        REQUIRE(storage.owns(p));
        REQUIRE(storage.owns(p + bytes - 1));
        std::memset(p, static_cast<int>(bytes % 256), bytes);
        out.push_back({p, bytes, alignment});
      } catch (const std::bad_alloc&) {
        ++refused;
      }
    } else if (!out.empty()) {
      std::swap(out[random() % out.size()], out.back());
      REQUIRE(is_whole(out.back()));
      storage.deallocate(out.back().p, out.back().bytes, out.back().alignment);
      out.pop_back();
    }
  }
  CHECK(refused != 0);
  for (const auto& one : out)
    storage.deallocate(one.p, one.bytes, one.alignment);
  CHECK(storage.used() == 0);
  void* const all = storage.allocate(1024 * kib, slab);
  CHECK_THROWS_AS(storage.allocate(1, 1), std::bad_alloc);
  storage.deallocate(all, 1024 * kib, slab);
  CHECK_THROWS_AS(storage.allocate(1024 * kib + 1, 1), std::bad_alloc);
  CHECK_THROWS_AS(storage.allocate(SIZE_MAX, 1), std::bad_alloc);
  int elsewhere = 0;
  CHECK_FALSE(storage.owns(&elsewhere));
  CHECK_FALSE(storage.owns(nullptr));
}

TEMPLATE_LIST_TEST_CASE("a pool on static storage takes no block from the heap", "[sources]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  alignas(slab) static tarn::static_storage<8 * slab> storage;
  {
    pool_for<TestType, storage_ref<8 * slab>> pool({}, {}, storage);
    std::vector<void*> out(100);
    auto* const first = pool.allocate(100);
    CHECK_FALSE(test::with_failing_heap(0, [&] {
      for (auto*& p : out)
        p = pool.try_allocate(100);
    }));
    for (auto* const p : out)
      CHECK(storage.owns(p));
    // Seven more slabs at most.
    std::vector<void*> large;
    while (void* const p = pool.try_allocate(4096))
      large.push_back(p);
    CHECK(large.size() >= 5 * slab / 4096);
    CHECK(large.size() <= 7 * slab / 4096);
    CHECK_THROWS_AS(pool.allocate(4096), tarn::pool_exhausted);
    pool.deallocate_bulk(large, 4096);
    pool.deallocate_bulk(out, 100);
    pool.deallocate(first, 100);
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(storage.used() == 0);
}

TEMPLATE_LIST_TEST_CASE("memory of a fallback goes back where it came from", "[sources]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source first, then;
  using source = tarn::fallback_source<test::failing_source, test::failing_source>;
  {
    pool_for<TestType, source> pool({}, {}, source(first, then));
    std::vector<void*> out;
    const auto take = [&](std::size_t count) {
      for (std::size_t i = 0; i != count; ++i)
        out.push_back(pool.allocate(4096));
    };
    take(100);
    CHECK(then.live_blocks() == 0);
    first.fail_from(1);
    take(100);
    CHECK(then.live_blocks() != 0);
    first.never_fail();
    take(100);
    void* const large = pool.allocate(1 << 20);
    // Both are exhausted: an error that changes nothing.
    first.fail_from(1);
    then.fail_from(1);
    const auto bytes = first.live_bytes() + then.live_bytes();
    CHECK_THROWS_AS(pool.allocate(2 << 20), tarn::pool_exhausted);
    CHECK(first.live_bytes() + then.live_bytes() == bytes);
    pool.deallocate(large, 1 << 20);
    pool.deallocate_bulk(out, 4096);
    pool.trim();
    CHECK(test::imbalance(pool) == "");
  }
  for (const auto* const ledger : {&first, &then}) {
    CHECK(ledger->faults() == 0);
    CHECK(ledger->live_blocks() == 0);
  }
}

TEST_CASE("a fallback behind static storage keeps nothing of its own", "[sources]") {
  alignas(slab) static tarn::static_storage<2 * slab> storage;
  test::failing_source then;
  using source = tarn::fallback_source<storage_ref<2 * slab>, test::failing_source>;
  {
    tarn::byte_pool<tarn::no_lock, tarn::no_stats,
                    tarn::traits<tarn::fixed_tiers<4096>, tarn::no_check, source>>
        pool({}, {}, source(storage, then));
    std::vector<void*> out;
    for (int i = 0; i != 100; ++i)
      out.push_back(pool.allocate(4096));
    CHECK(storage.used() == 2 * slab);
    CHECK(then.live_bytes() >= 5 * slab);
    pool.deallocate_bulk(out, 4096);
  }
  CHECK(storage.used() == 0);
  CHECK(then.live_bytes() == 0);
  CHECK(then.faults() == 0);
}

TEST_CASE("without memory for its address, a block of the fallback goes back", "[sources]") {
  using pages = tarn::faulty_source<tarn::page_source>;
  pages first, then;
  tarn::fallback_source<pages, pages> source(first, then);
  first.fail_from(1);
  int failed = 0;
  while (test::with_failing_heap(static_cast<std::size_t>(failed), [&] {
    try {
      source.deallocate(source.allocate(4096, 64), 4096, 64);
    } catch (const std::bad_alloc&) {
      ++failed;
    }
  })) {
    REQUIRE(then.live_blocks() == 0);
  }
  CHECK(failed != 0);
  CHECK(then.allocations() == static_cast<std::size_t>(failed) + 1);
  CHECK(then.live_blocks() == 0);
}

TEST_CASE("a faulty source fails as it is told, and counts", "[sources]") {
  tarn::faulty_source<> source;
  const auto fails = [&source](std::size_t calls) {
    std::vector<std::size_t> failed;
    for (std::size_t i = 1; i <= calls; ++i) {
      try {
        source.deallocate(source.allocate(100, 16), 100, 16);
      } catch (const std::bad_alloc&) {
        failed.push_back(i);
      }
    }
    return failed;
  };
  using list = std::vector<std::size_t>;
  CHECK(fails(5) == list{});
  source.fail_at(3);
  CHECK(fails(5) == list{3});
  source.fail_from(4);
  CHECK(fails(6) == list{4, 5, 6});
  source.fail_every(2);
  CHECK(fails(6) == list{2, 4, 6});
  source.never_fail();
  CHECK(fails(3) == list{});
  CHECK(source.allocations() == 25);
  CHECK(source.failures() == 7);
  CHECK(source.live_blocks() == 0);

  tarn::byte_pool<std::mutex, tarn::no_stats,
                  tarn::traits<tarn::fixed_tiers<256>, tarn::no_check, tarn::faulty_source<>>>
      pool({}, {}, source);
  // One that is moved from still controls the other.
  const auto moved = std::move(source);
  source.fail_from(1);
  CHECK_THROWS_AS(pool.get(10), tarn::pool_exhausted);
  source.never_fail();
  auto b = pool.get(10);
  CHECK(source.live_blocks() == 1);
}
