// SPDX-License-Identifier: MIT
//
// Arrays of constructed elements in blocks of a byte pool: order, alignment, failures, lifetimes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/array_handle.hpp>

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
using ints = tarn::array_handle<int, tarn::byte_pool<>>;

static_assert(std::ranges::contiguous_range<ints>);
static_assert(std::ranges::sized_range<ints>);
static_assert(!std::is_copy_constructible_v<ints>);
static_assert(std::is_nothrow_move_constructible_v<ints>);
static_assert(std::is_nothrow_move_assignable_v<ints>);

struct ordered {
  static inline std::vector<int> ended{};
  static inline int made = 0;
  int number = ++made;
  ordered() = default;
  ordered(const ordered&) = delete;
  ordered& operator=(const ordered&) = delete;
  ~ordered() { ended.push_back(number); }
};
struct alignas(256) wide {
  char bytes[300];
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("an array has its elements in a row, and ends them in reverse",
                        "[array_handle]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_for<TestType> pool({}, {}, source);
    {
      const auto texts = tarn::make_array<std::string>(pool, 20, 40U, 'x');
      CHECK(texts.size() == 20);
      CHECK(&texts[19] == texts.data() + 19);
      for (const auto& text : texts)
        CHECK(text == std::string(40, 'x'));
      CHECK(pool.occupancy().in_use() == 1);
    }
    CHECK(pool.occupancy().in_use() == 0);
    ordered::ended.clear();
    ordered::made = 0;
    auto three = tarn::make_array<ordered>(pool, 3);
    CHECK(three.end()[-1].number == 3);
    three.reset();
    CHECK(ordered::ended == std::vector<int>{3, 2, 1});
    CHECK_FALSE(three);

    const auto none = tarn::make_array<int>(pool, 0);
    CHECK(none);
    CHECK(none.empty());
    CHECK(none.begin() == none.end());
    const auto zeros = tarn::make_array<int>(pool, 1000);
    CHECK(std::accumulate(zeros.begin(), zeros.end(), 0) == 0);
    const auto any = tarn::make_array_for_overwrite<int>(pool, 1000);
    std::iota(any.begin(), any.end(), 1);
    CHECK(std::span<const int>(any).back() == 1000);
    const auto huge = tarn::make_array<char>(pool, std::size_t{5} << 20, 'z');
    CHECK(huge.end()[-1] == 'z');
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("elements are aligned as their type asks", "[array_handle]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  for (const std::size_t count : {1U, 2U, 7U}) {
    const auto all = tarn::make_array<wide>(pool, count);
    CHECK(reinterpret_cast<std::uintptr_t>(all.data()) % 256 == 0);
    all[count - 1].bytes[299] = 'x';
  }
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a constructor that throws ends the elements before it", "[array_handle]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool;
  for (long position = 1; position != 7; ++position) {
    test::tracked::start();
    test::tracked::throw_at(position);
    if (position <= 5) {
      CHECK_THROWS_AS(tarn::make_array<test::tracked>(pool, 5), test::tracked::thrown);
    } else {
      CHECK(tarn::make_array<test::tracked>(pool, 5).size() == 5);
    }
    test::tracked::never_throw();
    CHECK(test::tracked::alive() == 0);
    CHECK(test::tracked::faults() == 0);
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("an array that can't be had changes nothing", "[array_handle]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  pool_for<TestType> pool({}, {}, source);
  constexpr auto endless = static_cast<std::size_t>(-1);
  CHECK_THROWS_AS(tarn::make_array<int>(pool, endless), std::length_error);
  CHECK_THROWS_AS(tarn::make_array<int>(pool, endless / 4 + 2), std::length_error);  // would wrap
  CHECK_THROWS_AS(tarn::try_make_array<wide>(pool, endless / 512 + 1), std::length_error);
  CHECK(source.live_bytes() == 0);
  source.fail_from(1);
  CHECK_THROWS_AS(tarn::make_array<int>(pool, 100), std::bad_alloc);
  CHECK_FALSE(tarn::try_make_array<int>(pool, 100));
  source.never_fail();
  CHECK(tarn::try_make_array<int>(pool, 100, 7)[99] == 7);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool, source) == "");
}

TEST_CASE("without heap for an element, the elements before it and the block go back",
          "[array_handle]") {
  tarn::byte_pool<> pool;
  pool.put(pool.get(20 * sizeof(std::string)));
  const std::string text(50, 'x');
  bool failed = true;
  std::size_t n = 0;
  for (; failed && n != 100; ++n) {
    const auto live = test::heap_live.load();
    failed = test::with_failing_heap(n, [&] {
      try {
        static_cast<void>(tarn::make_array<std::string>(pool, 20, text));
      } catch (const std::bad_alloc&) {
      }
    });
    const auto left = test::heap_live.load();
    CHECK(left == live);
    CHECK(pool.occupancy().in_use() == 0);
  }
  CHECK(n == 21);
}

TEST_CASE("an array moves, and may outlive its pool", "[array_handle]") {
  tarn::array_handle<std::string, tarn::byte_pool<>> kept;
  CHECK_FALSE(kept);
  CHECK(kept.empty());
  {
    tarn::byte_pool<> pool;
    auto a = tarn::make_array<std::string>(pool, 3, "a text that is longer than its buffer");
    auto b = std::move(a);
    CHECK_FALSE(a);  // NOLINT(bugprone-use-after-move): that it is empty is what is tested
    CHECK(a.empty());
    auto& same = b;
    b = std::move(same);
    CHECK(b.size() == 3);
    kept = std::move(b);
    kept = tarn::make_array<std::string>(pool, 2, "two");
    CHECK(pool.occupancy().in_use() == 1);
  }
  CHECK(kept[1] == "two");
}
