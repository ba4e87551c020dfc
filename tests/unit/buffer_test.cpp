// SPDX-License-Identifier: MIT
//
// The handle alone, without the work of pools.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::buffer;

static_assert(sizeof(buffer) == 4 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<buffer>);
static_assert(!std::is_copy_assignable_v<buffer>);
static_assert(std::is_nothrow_default_constructible_v<buffer>);
static_assert(std::is_nothrow_move_constructible_v<buffer>);
static_assert(std::is_nothrow_move_assignable_v<buffer>);
static_assert(std::is_nothrow_swappable_v<buffer>);
static_assert(std::is_nothrow_destructible_v<buffer>);
static_assert(noexcept(std::declval<buffer&>().reset()));
static_assert(noexcept(std::declval<const buffer&>().size()));
static_assert(noexcept(std::declval<tarn::byte_pool<>&>().put(std::declval<buffer>())));
static_assert(noexcept(std::declval<tarn::byte_pool<>&>().try_get(1)));
static_assert(!std::is_convertible_v<buffer, bool>);
static_assert(std::is_convertible_v<buffer&, std::span<std::byte>>);
static_assert(std::is_convertible_v<const buffer&, std::span<const std::byte>>);
static_assert(!std::is_convertible_v<const buffer&, std::span<std::byte>>);
static_assert(std::is_same_v<decltype(std::declval<const buffer&>().data()), const std::byte*>);
static_assert(!std::is_move_constructible_v<tarn::byte_pool<>>);
static_assert(!std::is_copy_constructible_v<tarn::byte_pool<>>);
static_assert(std::is_same_v<buffer, tarn::byte_pool<>::buffer>);

// An empty buffer is a constant, so a static one needs no start-up code.
constinit buffer static_buffer;

template <class P>
using pool_of =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

bool is_empty_handle(const auto& b) {
  return !b && b.data() == nullptr && b.size() == 0 && b.capacity() == 0 && b.empty() &&
         b.bytes().empty() && b.view().empty() && b.begin() == b.end();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("empty and moved-from buffers do nothing", "[buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using handle = typename pool_of<TestType>::buffer;
  test::failing_source source;
  {
    pool_of<TestType> pool({}, {}, source);
    handle empty;
    CHECK(is_empty_handle(empty));
    empty.reset();
    empty.resize(0);
    CHECK_THROWS_AS(empty.resize(1), std::length_error);
    pool.put(std::move(empty));
    pool.put(handle());
    CHECK(pool.occupancy().in_use() == 0);

    handle b = pool.get(100);
    const auto* const data = b.data();
    handle moved = std::move(b);
    CHECK(is_empty_handle(b));  // NOLINT(bugprone-use-after-move): that is what is tested
    CHECK(moved.data() == data);
    CHECK(moved.size() == 100);
    CHECK(moved.capacity() == 128);
    handle& same = moved;
    moved = std::move(same);
    CHECK(moved.data() == data);
    CHECK(pool.occupancy().in_use() == 1);

    b = pool.get(5000);
    b = std::move(moved);  // the 5000 go back
    CHECK(b.data() == data);
    CHECK(pool.occupancy().in_use() == 1);
    b.reset();
    b.reset();
    CHECK(is_empty_handle(b));
    CHECK(pool.occupancy().in_use() == 0);
    pool.put(std::move(b));
    pool.put(std::move(moved));
    CHECK(test::imbalance(pool, source) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("buffers of different tiers are swapped whole", "[buffer]") {
  tarn::byte_pool<> pool;
  auto a = pool.get(10);
  auto b = pool.get(3000);
  buffer none;
  const auto* const pa = a.data();
  const auto* const pb = b.data();
  swap(a, b);
  CHECK(a.data() == pb);
  CHECK(a.size() == 3000);
  CHECK(a.capacity() == 4096);
  CHECK(b.data() == pa);
  CHECK(b.capacity() == 128);
  a.swap(none);
  CHECK(is_empty_handle(a));
  CHECK(none.data() == pb);
  none.swap(none);
  CHECK(none.data() == pb);
  none.reset();
  b.reset();
  // Each block went to its own tier.
  CHECK(pool.get(4096).data() == pb);
  CHECK(pool.get(128).data() == pa);
}

TEST_CASE("a buffer shows the bytes that were asked for, in every form", "[buffer]") {
  tarn::byte_pool<> pool;
  auto b = pool.get(5);
  std::memcpy(b.data(), "hello", 5);
  CHECK(b.view() == "hello");
  CHECK(b[1] == std::byte{'e'});
  b[1] = std::byte{'a'};
  const auto& view = b;
  CHECK(view.view() == "hallo");
  CHECK(view[4] == std::byte{'o'});
  CHECK(view.bytes().size() == 5);
  CHECK(view.bytes().data() == b.data());
  CHECK(std::count(view.begin(), view.end(), std::byte{'l'}) == 2);
  std::span<std::byte> writable = b;
  writable[0] = std::byte{'H'};
  std::span<const std::byte> readable = view;
  CHECK(readable.size() == 5);
  CHECK(b.view() == "Hallo");
  CHECK_FALSE(b.empty());
  std::ranges::fill(b, std::byte{'x'});
  CHECK(b.view() == "xxxxx");
}

TEST_CASE("a buffer of size zero owns a block", "[buffer]") {
  tarn::byte_pool<> pool;
  auto b = pool.get(0);
  CHECK(b);
  CHECK(b.empty());
  CHECK(b.data() != nullptr);
  CHECK(b.capacity() == 128);
  CHECK(pool.occupancy().in_use() == 1);
  b.resize(128);
  std::ranges::fill(b, std::byte{1});
  b.reset();
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("a buffer is resized within its capacity and no further", "[buffer]") {
  tarn::byte_pool<> pool;
  auto b = pool.get(100);
  std::memset(b.data(), 'a', 100);
  b.resize(128);
  CHECK(b.size() == 128);
  CHECK(b.view().substr(0, 100) == std::string(100, 'a'));
  b.resize(3);
  CHECK(b.view() == "aaa");
  CHECK(b.capacity() == 128);
  std::string said;
  try {
    b.resize(129);
  } catch (const std::length_error& e) {
    said = e.what();
  }
  CHECK(said.find("129") != std::string::npos);
  CHECK(said.find("128") != std::string::npos);
  CHECK(b.size() == 3);
  const auto* const data = b.data();
  b.reset();
  CHECK(pool.get(1).data() == data);  // a shortened buffer is as good as any
}

TEST_CASE("what is cut off a buffer is zeroed where the pool zeroes the used prefix", "[buffer]") {
  tarn::byte_pool<> pool({.zeroing = tarn::zeroing::used_prefix});
  {
    auto b = pool.get(100);
    std::memset(b.data(), 'a', 100);
    b.resize(10);
  }
  auto b = pool.get_at_least(100);
  CHECK(std::count(b.begin(), b.end(), std::byte{0}) == 128);
}

TEST_CASE("buffers live in containers", "[buffer]") {
  tarn::byte_pool<> pool;
  std::vector<buffer> many;
  for (std::size_t i = 1; i <= 100; ++i) {
    many.push_back(pool.get(i * 10));
    std::memset(many.back().data(), static_cast<int>(i), many.back().size());
  }
  std::reverse(many.begin(), many.end());
  many.erase(many.begin() + 10, many.begin() + 20);
  int wrong = 0;
  for (const auto& b : many) {
    const auto i = b.size() / 10;
    wrong += std::count(b.begin(), b.end(), static_cast<std::byte>(i)) !=
             static_cast<std::ptrdiff_t>(b.size());
  }
  CHECK(wrong == 0);
  CHECK(pool.occupancy().in_use() == 90);
  std::optional<buffer> maybe = std::move(many.back());
  many.clear();
  CHECK(pool.occupancy().in_use() == 1);
  maybe.reset();
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a buffer outlives its pool and its bytes stay", "[buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    typename pool_of<TestType>::buffer small, large, oversize;
    {
      pool_of<TestType> pool({}, {}, source);
      small = pool.get(100);
      large = pool.get(std::size_t{1} << 20);
      oversize = pool.get(std::size_t{3} << 20);
      for (auto* b : {&small, &large, &oversize})
        std::memset(b->data(), 'q', b->size());
    }
    for (auto* b : {&small, &large, &oversize}) {
      CHECK(std::count(b->begin(), b->end(), std::byte{'q'}) ==
            static_cast<std::ptrdiff_t>(b->size()));
    }
    large.resize(7);
    oversize.reset();
    CHECK(source.live_bytes() != 0);
  }
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

TEST_CASE("a static buffer may be filled and emptied", "[buffer]") {
  tarn::byte_pool<> pool;
  CHECK(is_empty_handle(static_buffer));
  static_buffer = pool.get(10);
  CHECK(static_buffer.size() == 10);
  static_buffer = buffer();
  CHECK(is_empty_handle(static_buffer));
  CHECK(pool.occupancy().in_use() == 0);
}
