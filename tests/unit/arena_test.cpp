// SPDX-License-Identifier: MIT
//
// Arenas: places and alignment, reset and rewind, destructors, failures, and pmr containers on
// them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/arena.hpp>
#include <tarn/interop/pmr.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

template <class P>
using pool_for =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

struct ordered {
  static inline std::vector<int> ended{};
  int number;
  explicit ordered(int n) : number(n) {}
  ~ordered() { ended.push_back(number); }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("an arena hands out places that do not overlap, and takes few blocks",
                        "[arena]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_for<TestType> pool({}, {}, source);
    tarn::arena a(pool, 1024);
    CHECK(a.held_bytes() == 0);
    CHECK(pool.occupancy().in_use() == 0);
    struct piece {
      unsigned char* at;
      std::size_t size;
      unsigned char filled;
    };
    for (int round = 0; round != 3; ++round) {
      std::vector<piece> pieces;
      bool aligned = true;
      for (std::size_t i = 0; i != 200; ++i) {
        const std::size_t alignment = std::size_t{1} << (i % 8);
        const std::size_t size = i % 50 == 49 ? 3000 : i % 37;
        auto* const at = static_cast<unsigned char*>(a.allocate(size, alignment));
        aligned = aligned && reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
        const auto value = static_cast<unsigned char>(i);
        std::memset(at, value, size);
        pieces.push_back({at, size, value});
      }
      CHECK(aligned);
      bool whole = true;
      for (const auto& p : pieces)
        whole = whole && std::all_of(p.at, p.at + p.size, [&](auto c) { return c == p.filled; });
      CHECK(whole);
      CHECK(pool.occupancy().in_use() < 30);
      const auto held = a.held_bytes();
      a.reset();
      CHECK(a.held_bytes() == held);
      if (round != 0) CHECK(held < 60'000);  // the kept blocks serve the next round
    }
    a.release();
    CHECK(a.held_bytes() == 0);
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("a warm arena asks neither pool nor heap", "[arena]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  tarn::arena a(pool);
  const auto use = [&] {
    for (int i = 0; i != 1000; ++i)
      static_cast<void>(a.allocate(100));
    a.reset();
  };
  use();
  const auto held = a.held_bytes();
  CHECK_FALSE(test::with_failing_heap(0, use));
  CHECK(a.held_bytes() == held);
}

TEST_CASE("a rewind ends what was made since the mark, the last one first", "[arena]") {
  tarn::byte_pool<> pool;
  ordered::ended.clear();
  {
    tarn::arena a(pool, 128);
    CHECK(a.make<ordered>(1)->number == 1);
    const auto mark = a.mark();
    void* const next = a.allocate(8, 8);
    a.rewind(mark);
    CHECK(a.allocate(8, 8) == next);
    for (int i = 2; i != 12; ++i)
      a.make<ordered>(i);
    a.make_unended<ordered>(100);
    CHECK(*a.make<int>(7) == 7);
    a.rewind(mark);
    CHECK(ordered::ended == std::vector<int>{11, 10, 9, 8, 7, 6, 5, 4, 3, 2});
    CHECK(a.allocate(8, 8) == next);
    a.reset();
    CHECK(ordered::ended.back() == 1);
    CHECK(a.copy("text") == "text");
    CHECK(a.copy("").empty());
    a.make<ordered>(12);
    // The end of an arena ends what is in it.
  }
  CHECK(ordered::ended.back() == 12);
  CHECK(ordered::ended.size() == 12);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("a constructor that throws leaves no object to end", "[arena]") {
  test::tracked::start();
  tarn::byte_pool<> pool;
  {
    tarn::arena a(pool);
    a.make<test::tracked>();
    test::tracked::throw_at(1);
    CHECK_THROWS_AS(a.make<test::tracked>(), test::tracked::thrown);
    test::tracked::never_throw();
    a.make<test::tracked>();
    CHECK(test::tracked::alive() == 2);
  }
  CHECK(test::tracked::alive() == 0);
  CHECK(test::tracked::faults() == 0);
}

TEST_CASE("an arena that can't have memory is unchanged", "[arena]") {
  test::failing_source source;
  using pool_type = pool_for<test::policies<tarn::no_lock, tarn::counting_stats>>;
  pool_type pool({}, {}, source);
  tarn::arena a(pool, 4096);
  constexpr auto endless = static_cast<std::size_t>(-1);
  CHECK_THROWS_AS(a.allocate(endless), std::length_error);
  CHECK_THROWS_AS(a.allocate(endless / 2, 4096), std::length_error);
  CHECK_THROWS_AS(a.allocate(8, 3), std::invalid_argument);
  CHECK_THROWS_AS(a.allocate(8, 0), std::invalid_argument);
  CHECK_THROWS_AS(tarn::arena(pool, 10), std::invalid_argument);
  CHECK_THROWS_AS(tarn::arena(pool, endless), std::length_error);
  source.fail_from(1);
  CHECK_THROWS_AS(a.allocate(1, endless / 2 + 1), std::bad_alloc);  // just below the limit
  CHECK_THROWS_AS(a.allocate(100), std::bad_alloc);
  source.never_fail();
  void* const first = a.allocate(100);
  source.fail_from(1);
  CHECK_THROWS_AS(a.allocate(5 << 20), std::bad_alloc);
  CHECK(a.allocate(12, 4) == static_cast<char*>(first) + 100);  // it goes on where it was
  source.never_fail();
  for (std::size_t n = 0, failed = 1; failed != 0 && n != 20; ++n) {
    tarn::byte_pool<> plain;
    tarn::arena b(plain, 4096);
    failed = test::with_failing_heap(n, [&] {
      try {
        for (int i = 0; i != 30; ++i)
          b.make<std::string>("x");
        static_cast<void>(b.allocate(20'000));
      } catch (const std::bad_alloc&) {
      }
    });
    if (n == 0) CHECK(failed != 0);
    CHECK(test::imbalance(plain) == "");
  }
  a.release();
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("an arena may end after its pool", "[arena]") {
  std::optional<tarn::byte_pool<>> pool(std::in_place);
  tarn::arena a(*pool);
  auto* const text = a.make<std::string>("a text that is longer than its own buffer");
  pool.reset();
  CHECK(text->size() == 41);
  a.reset();
  a.release();
}

TEST_CASE("containers of pmr live in an arena, and their nodes are not given back one by one",
          "[arena]") {
  tarn::byte_pool<> pool;
  tarn::arena a(pool);
  tarn::arena_resource memory(a);
  tarn::arena_resource same(a);
  tarn::arena other_arena(pool);
  tarn::arena_resource other(other_arena);
  CHECK(memory == same);
  CHECK_FALSE(memory == other);
  {
    std::pmr::vector<std::pmr::string> names(&memory);
    for (int i = 0; i != 200; ++i)
      names.emplace_back("a text that is longer than its own buffer");
    CHECK(names.back().size() == 41);
    CHECK(a.held_bytes() > 200 * 41);
  }
  const auto blocks = pool.occupancy().in_use();
  CHECK(blocks > 0);
  a.reset();
  CHECK(pool.occupancy().in_use() == blocks);
  a.release();
  CHECK(pool.occupancy().in_use() == 0);
}
