// SPDX-License-Identifier: MIT
//
// References to bytes: their number, and the effect of the last one.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::shared_buffer;
using one_thread_shared = tarn::basic_shared_buffer<tarn::no_lock>;

static_assert(sizeof(shared_buffer) == 24);
static_assert(sizeof(shared_buffer::lease_type) == 24);
static_assert(std::is_nothrow_default_constructible_v<shared_buffer>);
static_assert(std::is_nothrow_copy_constructible_v<shared_buffer>);
static_assert(std::is_nothrow_copy_assignable_v<shared_buffer>);
static_assert(std::is_nothrow_move_constructible_v<shared_buffer>);
static_assert(std::is_nothrow_move_assignable_v<shared_buffer>);
static_assert(std::is_nothrow_swappable_v<shared_buffer>);
static_assert(std::is_nothrow_destructible_v<shared_buffer>);
static_assert(noexcept(std::declval<const shared_buffer&>().retain()));
static_assert(noexcept(std::declval<shared_buffer&>().release()));
static_assert(noexcept(std::declval<shared_buffer&>().lease()));
static_assert(noexcept(std::declval<shared_buffer&>().try_make_unique()));
static_assert(noexcept(std::declval<shared_buffer&>().thaw()));
static_assert(noexcept(std::declval<const shared_buffer&>().writable_lease()));
static_assert(!std::is_copy_constructible_v<shared_buffer::writable_lease_type>);
static_assert(!std::is_copy_constructible_v<shared_buffer::lease_type>);
static_assert(std::is_nothrow_move_constructible_v<shared_buffer::lease_type>);
// Plain and atomic counts never meet.
static_assert(!std::is_convertible_v<one_thread_shared, shared_buffer>);
static_assert(!std::is_constructible_v<shared_buffer, one_thread_shared>);
// Shared bytes are constant.
static_assert(std::is_convertible_v<const shared_buffer&, std::span<const std::byte>>);
static_assert(!std::is_convertible_v<shared_buffer&, std::span<std::byte>>);
static_assert(std::is_same_v<tarn::byte_pool<>::shared_buffer, shared_buffer>);

constinit shared_buffer static_handle;

constexpr std::size_t sizes[] = {0,   1,    63,   64,   65,   104,  105,     128,     192,
                                 900, 1000, 1001, 1024, 1100, 4096, 2097152, 2097153, 3000001};

template <class Shared>
void fill(Shared& b, unsigned char value) {
  const auto bytes = b.make_unique();
  std::memset(bytes.data(), value, bytes.size());
}

bool all_are(std::span<const std::byte> bytes, unsigned char value) {
  for (const auto b : bytes)
    if (b != std::byte{value}) return false;
  return true;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a shared buffer of any size lives as long as its last reference",
                        "[shared_buffer]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const auto size : sizes) {
    INFO(size);
    auto first = pool->get_shared(size);
    CHECK(first);
    CHECK(first.size() == size);
    CHECK(first.ref_count() == 1);
    CHECK(first.unique());
    fill(first, 7);
    auto second = first;
    auto third = second.retain().retain();
    CHECK(first.ref_count() == 3);
    CHECK(!first.unique());
    CHECK(third.data() == first.data());
    first.release();
    CHECK(!first);
    CHECK(first.ref_count() == 0);
    first.release();  // a second release has no effect
    CHECK(second.ref_count() == 2);
    second = std::move(third);
    CHECK(second.ref_count() == 1);
    CHECK(all_are(second.bytes(), 7));
    CHECK(pool->occupancy().in_use() == 1);
    second = second.retain();
    CHECK(second.ref_count() == 1);
    second.reset();
    CHECK(pool->occupancy().in_use() == 0);
    CHECK(pool->occupancy().nodes.in_use == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("what handles share lies in the block where there is room for it",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  const auto spare = pool->get_shared(1000);  // 24 bytes are left
  CHECK(pool->occupancy().nodes.in_use == 0);
  CHECK(spare.retained_bytes() == 1024);
  const auto exact = pool->get_shared(1024);
  CHECK(pool->occupancy().nodes.in_use == 1);
  CHECK(exact.retained_bytes() == 1024 + 64);
  CHECK(pool->occupancy().tiers[3].in_use == 2);  // neither needed the next tier
}

TEMPLATE_LIST_TEST_CASE("a tier whose size is odd has its node in the tail as well",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType, tarn::fixed_tiers<1, 100, 333>> pool;
  for (std::size_t size = 0; size <= 340; ++size) {
    INFO(size);
    auto b = pool->get_shared(size);
    fill(b, 0xff);  // would destroy a node that overlaps
    const auto other = b;
    CHECK(b.ref_count() == 2);
    CHECK(all_are(b.bytes(), 0xff));
  }
}

TEMPLATE_LIST_TEST_CASE("freezing a buffer copies nothing, and thawing gives it back",
                        "[shared_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  for (const auto size : {std::size_t{0}, std::size_t{100}, std::size_t{1000}, std::size_t{1024},
                          std::size_t{3000001}}) {
    INFO(size);
    auto b = pool->get(size);
    const auto* const data = b.data();
    const auto capacity = b.capacity();
    auto frozen = tarn::freeze(std::move(b));
    CHECK(!b);
    CHECK(frozen.data() == data);
    CHECK(frozen.size() == size);
    {
      const auto other = frozen;
      CHECK(!frozen.thaw());  // other owners exist
      CHECK(frozen.ref_count() == 2);
    }
    auto back = frozen.thaw();
    CHECK(!frozen);
    CHECK(back.data() == data);
    CHECK(back.size() == size);
    CHECK(back.capacity() == capacity);
    CHECK(pool->occupancy().nodes.in_use == 0);
  }
  CHECK(!tarn::freeze(typename test::byte_pool_for<TestType>::buffer()));
}

TEMPLATE_LIST_TEST_CASE("thawing a slice moves its bytes to the begin of the block",
                        "[shared_buffer]", test::every_policy) {
  for (const auto zeroing :
       {tarn::zeroing::none, tarn::zeroing::on_get, tarn::zeroing::used_prefix}) {
    test::byte_fixture<TestType> pool({.zeroing = zeroing});
    for (const auto size : {std::size_t{100}, std::size_t{1024}, std::size_t{3000001}}) {
      INFO(size);
      auto b = pool->get(size);
      for (std::size_t i = 0; i != size; ++i)
        b[i] = static_cast<std::byte>(i);
      const auto* const data = b.data();
      const auto capacity = b.capacity();
      auto part = tarn::freeze(std::move(b)).slice(30, 60);
      {
        const auto other = part;
        CHECK(!part.thaw());
        CHECK(part.size() == 60);
      }
      auto back = part.thaw();
      CHECK(!part);
      CHECK(back.data() == data);
      CHECK(back.capacity() == capacity);
      REQUIRE(back.size() == 60);
      for (std::size_t i = 0; i != 60; ++i)
        REQUIRE(back[i] == static_cast<std::byte>(i + 30));
      CHECK(pool->occupancy().nodes.in_use == 0);
      if (zeroing == tarn::zeroing::none) continue;
      back.resize(capacity);  // what was cut off does not show again
      CHECK(std::all_of(back.begin() + 60, back.end(), [](auto x) { return x == std::byte{0}; }));
    }
  }
}

TEMPLATE_LIST_TEST_CASE("writing is for the only owner: the others keep what they had",
                        "[shared_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  auto a = pool->get_shared(500);
  fill(a, 1);
  const auto* const place = a.data();
  fill(a, 2);
  CHECK(a.data() == place);  // the only owner: no copy
  auto b = a;
  fill(b, 3);
  CHECK(b.data() != place);
  CHECK(a.data() == place);
  CHECK(all_are(a.bytes(), 2));
  CHECK(all_are(b.bytes(), 3));
  CHECK(a.unique());
  CHECK(b.unique());
  auto part = a.slice(100, 50);
  fill(part, 4);
  CHECK(part.size() == 50);
  CHECK(all_are(a.bytes(), 2));
  typename test::byte_pool_for<TestType>::shared_buffer empty;
  CHECK(empty.make_unique().empty());
}

TEMPLATE_LIST_TEST_CASE("a lease gives its reference back once", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  auto b = pool->get_shared(10);
  auto lease = b.lease();
  CHECK(b.ref_count() == 2);
  auto moved = std::move(lease);
  CHECK(b.ref_count() == 2);
  b.release();
  CHECK(moved.bytes().size() == 10);
  CHECK(!lease);
  lease.release();
  moved.release();
  moved.release();
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(moved.bytes().empty());
  CHECK(!shared().lease());
  CHECK(b.lease().bytes().empty());  // of an empty handle
}

TEMPLATE_LIST_TEST_CASE("owners who agree may write shared bytes", "[shared_buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  for (const auto size : sizes) {
    auto b = pool->get_shared(size);
    fill(b, 1);
    const auto other = b;
    {
      auto lease = b.writable_lease();
      CHECK(static_cast<bool>(lease));
      CHECK(b.ref_count() == 3);
      CHECK(lease.bytes().size() == size);
      CHECK(lease.bytes().data() == b.data());  // no copy
      std::fill(lease.bytes().begin(), lease.bytes().end(), std::byte{2});
      CHECK(all_are(other.bytes(), 2));
      auto moved = std::move(lease);
      lease.release();
      CHECK(b.ref_count() == 3);
      moved.release();
      moved.release();
      CHECK(moved.bytes().empty());
    }
    CHECK(b.ref_count() == 2);
  }
  // A part of the bytes, and no more.
  auto whole = pool->get_shared(100);
  fill(whole, 1);
  auto last = whole.slice(10, 20).writable_lease();
  whole = {};
  CHECK(last.bytes().size() == 20);
  last.bytes().front() = std::byte{3};
  last.release();
  // Memory that does not belong to the pool may be constant.
  CHECK(!shared().writable_lease());
  const char text[] = "constant";
  const auto adopted = pool->adopt(std::string_view(text), [] {});
  CHECK(!adopted.writable_lease());
  CHECK(adopted.ref_count() == 1);
  CHECK(pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("external memory is given to its deleter after the last reference",
                        "[shared_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  std::array<std::byte, 1000> memory{};
  int deleted = 0;
  {
    auto b = pool->adopt(memory, [&deleted] { ++deleted; });
    CHECK(b.data() == memory.data());
    CHECK(b.retained_bytes() == 1000 + 64);
    auto part = b.slice(900);
    b.release();
    CHECK(deleted == 0);
    CHECK(!part.thaw());  // not the pool's memory
    fill(part, 9);        // so this is a copy
    CHECK(deleted == 1);
    CHECK(memory[950] == std::byte{0});
    CHECK(all_are(part.bytes(), 9));
  }
  CHECK(deleted == 1);
  // Also memory of no bytes.
  {
    const auto b = pool->adopt(std::span<const std::byte>(), [&deleted] { ++deleted; });
    CHECK(b);
    CHECK(b.empty());
    CHECK(b.ref_count() == 1);
  }
  CHECK(deleted == 2);
  // The captures of the deleter are destroyed with it, and the deleter may use the pool.
  const auto owner = std::make_shared<int>(1);
  {
    const auto b = pool->adopt(memory, [owner] {});
    CHECK(owner.use_count() == 2);
  }
  CHECK(owner.use_count() == 1);
  {
    const auto b = pool->adopt(memory, [&pool] { static_cast<void>(pool->get(100)); });
  }
}

TEMPLATE_LIST_TEST_CASE("more external bytes than a handle can count are refused",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  static const std::byte first{};
  constexpr std::size_t most = SIZE_MAX >> 2;
  const auto refused = [&] {
    return pool->occupancy().refusals[static_cast<std::size_t>(tarn::refusal::too_large)];
  };
  int deleted = 0;
  const auto deleter = [&deleted] { ++deleted; };
  {
    const auto b = pool->adopt(std::span(&first, most), deleter);
    CHECK(b.size() == most);
    CHECK(b.retained_bytes() == most + 64);
    CHECK(b.slice(most - 1).retained_bytes() == most + 64);
  }
  CHECK(deleted == 1);
  CHECK(refused() == 0);
  // Through volatile, so that the compiler does not take it for an access beyond the object.
  for (const std::size_t size : {most + 1, most + 2, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX}) {
    const volatile auto hidden = size;
    deleted = 0;
    CHECK_THROWS_WITH(
        pool->adopt(std::span(&first, hidden), deleter),
        "tarn: adopted size " + std::to_string(size) + " must be at most " + std::to_string(most));
    CHECK(deleted == 1);
    CHECK_THROWS_AS(pool->adopt(std::span(&first, hidden), deleter), std::length_error);
    CHECK_FALSE(pool->try_adopt(std::span(&first, hidden), deleter));
    CHECK(deleted == 3);
  }
  CHECK(refused() == 15);
  CHECK(pool->occupancy().nodes.in_use == 0);
}

TEST_CASE("static bytes are not counted", "[shared_buffer]") {
  static constexpr std::array<std::byte, 3> text{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  constexpr auto constant = shared_buffer::of_static(text).size();
  CHECK(constant == 3);
  auto b = shared_buffer::of_static(text);
  const auto other = b;
  CHECK(b.ref_count() == 0);
  CHECK(!b.unique());
  CHECK(b.retained_bytes() == 0);
  CHECK(other.slice(1).view() == "bc");
  CHECK_THROWS_AS(b.make_unique(), std::logic_error);
  CHECK(b.try_make_unique().empty());
  CHECK(b.data() == text.data());
  CHECK(!b.compact_if(2));
  CHECK(shared_buffer::of_static("literal").view() == "literal");
}

TEMPLATE_LIST_TEST_CASE("references are counted, and those of only holders cost nothing",
                        "[shared_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  {
    const auto a = pool->get_shared(100);
    const auto b = a;
    const auto c = b.slice(3);
  }
  if constexpr (TestType::stats::counts) {
    const auto s = pool->snapshot();
    CHECK(s.total().gets == 1);
    CHECK(s.retains == 2);
    CHECK(s.releases == 2);
    CHECK((s - s).retains == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("what others asked for is not mixed up with nodes", "[shared_buffer]",
                        test::every_lock) {
  tarn::byte_pool<typename TestType::lock, tarn::recording_stats> pool;
  {
    const auto b = pool.get_shared(1024);
  }
  CHECK(pool.snapshot().recent_lengths == std::vector<std::size_t>{1024});
  CHECK(pool.snapshot().total().gets == 1);
  CHECK(pool.snapshot().nodes.gets == 1);
}

TEMPLATE_LIST_TEST_CASE("shared bytes outlive their pool", "[shared_buffer]", test::every_policy) {
  test::byte_fixture<TestType> pool;
  auto in_tail = pool->get_shared(100);
  auto apart = pool->get_shared(1024);
  auto large = pool->get_shared(3000000);
  int deleted = 0;
  std::array<std::byte, 10> memory{};
  auto external = pool->adopt(memory, [&deleted] { ++deleted; });
  fill(in_tail, 1);
  fill(apart, 2);
  fill(large, 3);
  const auto copy = apart.slice(5);
  pool.end_pool();
  CHECK(all_are(in_tail.bytes(), 1));
  CHECK(all_are(apart.bytes(), 2));
  CHECK(all_are(large.bytes(), 3));
  CHECK_THROWS_AS(apart.make_unique(), tarn::pool_closed);
  CHECK(apart.try_make_unique().empty());
  CHECK(all_are(copy.bytes(), 2));
  in_tail.release();
  large.release();
  external.release();
  CHECK(deleted == 1);
  apart.release();
  CHECK(pool.source.live_bytes() != 0);
}

TEMPLATE_LIST_TEST_CASE("an exact capacity counts buffers, not what they share", "[shared_buffer]",
                        test::every_lock) {
  tarn::options o;
  o.capacity = 2;
  test::byte_fixture<TestType> pool(o);
  const auto a = pool->get_shared(1024);
  const auto b = pool->get_shared(1024);
  CHECK(!pool->try_get_shared(1024));
  CHECK_THROWS_AS(pool->get_shared(1024), tarn::pool_exhausted);
  const auto c = pool->get_shared(2048);
  const auto d = pool->get_shared(2048);
  CHECK(pool->occupancy().nodes.in_use == 4);
}

TEMPLATE_LIST_TEST_CASE("zeroing reaches the node in the tail", "[shared_buffer]",
                        test::every_lock) {
  for (const auto how : {tarn::zeroing::on_get, tarn::zeroing::on_put, tarn::zeroing::used_prefix,
                         tarn::zeroing::secure}) {
    INFO(static_cast<int>(how));
    tarn::options o;
    o.zeroing = how;
    test::byte_fixture<TestType> pool(o);
    const std::byte* place = nullptr;
    for (const bool thawed : {false, true}) {
      auto b = pool->get_shared(500);
      place = b.data();
      fill(b, 0xee);
      if (thawed) {
        auto u = b.thaw();
        u.resize(10);
      }
      b.release();
      if (!thawed) {
        auto u = pool->get_shared(100).thaw();
        u.resize(u.capacity());
        CHECK(all_are(u.bytes(), 0));  // the node was there
      }
      const auto whole = pool->get(512);
      REQUIRE(whole.data() == place);
      CHECK(all_are(whole.bytes(), 0));
    }
  }
}
