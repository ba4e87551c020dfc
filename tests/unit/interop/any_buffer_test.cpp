// SPDX-License-Identifier: MIT
//
// One type for the bytes of every pool: each block goes back to its own pool.

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/interop/any_buffer.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

static_assert(sizeof(tarn::any_buffer) == 48);
static_assert(std::is_nothrow_move_constructible_v<tarn::any_buffer>);
static_assert(std::is_nothrow_move_assignable_v<tarn::any_buffer>);
static_assert(!std::is_copy_constructible_v<tarn::any_buffer>);
static_assert(std::is_convertible_v<tarn::buffer, tarn::any_buffer>);
static_assert(!std::is_convertible_v<tarn::buffer&, tarn::any_buffer>);
static_assert(std::is_convertible_v<tarn::shared_buffer, tarn::any_buffer>);

bool is_empty(const tarn::any_buffer& b) {
  return !b && b.empty() && b.data() == nullptr && b.bytes().empty() && b.view().empty();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("bytes of every pool fit one type", "[any_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  for (const auto size :
       {std::size_t{0}, std::size_t{100}, std::size_t{1024}, std::size_t{3000000}}) {
    auto b = pool->get(size);
    const auto* const data = b.data();
    tarn::any_buffer any = std::move(b);
    CHECK(!b);
    CHECK(any.data() == data);
    CHECK(any.size() == size);
    CHECK(any.is_writable());
    CHECK(any.writable_bytes().data() == data);
    tarn::any_buffer moved = std::move(any);
    CHECK(is_empty(any));
    CHECK(moved.data() == data);
    moved = pool->get_shared(10);
    CHECK(!moved.is_writable());
    CHECK(moved.writable_bytes().empty());
    CHECK(pool->occupancy().in_use() == 1);
    moved.reset();
    moved.reset();
    CHECK(is_empty(moved));
    CHECK(pool->occupancy().in_use() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a part of no bytes is nothing in any form", "[any_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto shared = pool->get_shared(100);
  CHECK(is_empty(tarn::any_buffer(shared.slice(50, 0))));
  CHECK(is_empty(tarn::any_buffer(shared.split_to(0))));
  CHECK(shared.unique());
  tarn::any_buffer all = shared.split_to(100);
  CHECK(is_empty(tarn::any_buffer(std::move(shared))));
  all.reset();
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("bytes of different pools stand in one list", "[any_buffer]") {
  tarn::byte_pool<> first;
  tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::traits<tarn::small_tiers, tarn::checked>>
      second;
  static constexpr std::byte text[3] = {};
  std::vector<tarn::any_buffer> all;
  all.emplace_back(first.get(100));
  all.emplace_back(second.get(10));
  all.emplace_back(second.get_shared(10));
  all.emplace_back(tarn::shared_buffer::of_static(text));
  all.emplace_back(tarn::shared_buffer());
  all.emplace_back(tarn::buffer());
  CHECK(all[3].size() == 3);
  CHECK(is_empty(all[4]));
  CHECK(is_empty(all[5]));
  CHECK(first.occupancy().in_use() == 1);
  CHECK(second.occupancy().in_use() == 2);
  all.clear();
  CHECK(first.occupancy().in_use() == 0);
  CHECK(second.occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("erased bytes outlive their pool", "[any_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  tarn::any_buffer unique = pool->get(100);
  tarn::any_buffer shared = pool->get_shared(1024);
  std::memset(unique.writable_bytes().data(), 1, 100);
  pool.end_pool();
  CHECK(unique.bytes()[99] == std::byte{1});
  unique.reset();
  shared.reset();
}

TEST_CASE("a reference to no bytes at all is given back as well", "[any_buffer]") {
  tarn::byte_pool<> pool;
  int deleted = 0;
  {
    const tarn::any_buffer b = pool.adopt(std::span<const std::byte>(), [&deleted] { ++deleted; });
    CHECK(b);
    CHECK(b.empty());
  }
  CHECK(deleted == 1);
  CHECK(pool.occupancy().nodes.in_use == 0);
}
