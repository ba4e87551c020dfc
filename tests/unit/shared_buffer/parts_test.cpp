// SPDX-License-Identifier: MIT
//
// Parts of shared bytes: slices, splits, and the memory that a small part keeps.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class Pool>
auto numbered(Pool& pool, std::size_t size) {
  auto b = pool.get(size);
  for (std::size_t i = 0; i != size; ++i)
    b[i] = static_cast<std::byte>(i);
  return tarn::freeze(std::move(b));
}

template <class Shared>
bool counts_from(const Shared& b, std::size_t first) {
  for (std::size_t i = 0; i != b.size(); ++i)
    if (b[i] != static_cast<std::byte>(first + i)) return false;
  return true;
}

template <class Action>
std::string text_of(Action&& action) {
  try {
    action();
  } catch (const std::out_of_range& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("slices show a part of the same bytes", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto whole = numbered(*pool, 1000);
  const auto middle = whole.slice(100, 200);
  CHECK(middle.data() == whole.data() + 100);
  CHECK(middle.size() == 200);
  CHECK(counts_from(middle, 100));
  CHECK(counts_from(middle.slice(50), 150));
  CHECK(middle.slice(200).empty());
  CHECK(middle.slice(200, 0).ref_count() == 0);
  CHECK(whole.ref_count() == 2);
  CHECK(whole.slice(100, 200) == middle);
  CHECK(!(whole.slice(101, 200) == middle));
  CHECK(pool->occupancy().in_use() == 1);
}

TEST_CASE("a part outside of the bytes is refused, with the value and the limit",
          "[shared_buffer]") {
  tarn::byte_pool<> pool;
  auto b = numbered(pool, 100);
  CHECK(text_of([&] { static_cast<void>(b.slice(101)); }) ==
        "tarn: slice offset 101 must be at most 100");
  CHECK(text_of([&] { static_cast<void>(b.slice(40, 61)); }) ==
        "tarn: slice size 61 must be at most 60");
  CHECK(text_of([&] { static_cast<void>(b.slice(1, SIZE_MAX)); }) ==
        "tarn: slice size " + std::to_string(SIZE_MAX) + " must be at most 99");
  CHECK(text_of([&] { static_cast<void>(b.split_to(101)); }) ==
        "tarn: slice size 101 must be at most 100");
  CHECK(text_of([&] { static_cast<void>(b.split_off(101)); }) ==
        "tarn: slice offset 101 must be at most 100");
  CHECK(text_of([&] { b.remove_prefix(101); }) == "tarn: slice offset 101 must be at most 100");
  CHECK(b.size() == 100);
  CHECK(b.ref_count() == 1);
  CHECK(text_of([&] { static_cast<void>(tarn::shared_buffer().slice(1)); }) ==
        "tarn: slice offset 1 must be at most 0");
}

TEMPLATE_LIST_TEST_CASE("a slice is made of what a parser found in the bytes", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto b = pool->get(11);
  std::memcpy(b.data(), "key = value", 11);
  const auto whole = tarn::freeze(std::move(b));
  const auto value = whole.slice(whole.view().substr(6));
  CHECK(value.view() == "value");
  CHECK(value.data() == whole.data() + 6);
  CHECK(whole.ref_count() == 2);
  CHECK(whole.slice(whole.bytes()).size() == 11);
  CHECK(whole.slice(whole.bytes().first(3)).view() == "key");
  CHECK(!whole.slice(whole.bytes().subspan(11)));
  CHECK(!whole.slice(std::string_view()));
  // Bytes in front, behind, across the ends, and elsewhere.
  CHECK(text_of([&] { static_cast<void>(value.slice(whole.view())); }) ==
        "tarn: slice of 11 bytes that are not within these 5");
  CHECK(text_of([&] { static_cast<void>(value.slice(whole.view().substr(5, 2))); }) ==
        "tarn: slice of 2 bytes that are not within these 5");
  CHECK_THROWS_AS(whole.slice(0, 3).slice(whole.view().substr(2, 2)), std::out_of_range);
  CHECK_THROWS_AS(whole.slice(0, 3).slice(whole.view().substr(3, 1)), std::out_of_range);
  CHECK_THROWS_AS(whole.slice("elsewhere"), std::out_of_range);
  CHECK_THROWS_AS(typename test::byte_pool_for<TestType>::shared_buffer().slice("x"),
                  std::out_of_range);
  CHECK(whole.ref_count() == 2);
}

TEMPLATE_LIST_TEST_CASE("truncating keeps what there is in front, and no block for nothing",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto b = numbered(*pool, 100);
  b.truncate(SIZE_MAX);
  b.truncate(100);
  CHECK(b.size() == 100);
  b.truncate(40);
  CHECK(b.size() == 40);
  CHECK(counts_from(b, 0));
  b.truncate(0);
  CHECK(!b);
  b.truncate(0);
  b.truncate(10);
  CHECK(!b);
  auto none = pool->get_shared(0);
  none.truncate(0);
  CHECK(!none);
  auto literal = decltype(b)::of_static("literal");
  literal.truncate(3);
  CHECK(literal == "lit");
  auto unique = pool->get(100);
  unique.truncate(101);
  CHECK(unique.size() == 100);
  unique.remove_suffix(20);
  unique.truncate(70);
  CHECK(unique.size() == 70);
  CHECK(text_of([&] { unique.remove_suffix(71); }) ==
        "tarn: bytes to remove 71 must be at most the size, 70");
  unique.truncate(0);
  CHECK(unique);  // its block is there to be written
  CHECK(unique.empty());
  decltype(unique)().truncate(0);
}

TEMPLATE_LIST_TEST_CASE("splits cut without a copy, and neighbours join again", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  for (const auto cut :
       {std::size_t{0}, std::size_t{1}, std::size_t{499}, std::size_t{999}, std::size_t{1000}}) {
    INFO(cut);
    auto tail = numbered(*pool, 1000);
    auto head = tail.split_to(cut);
    CHECK(head.size() == cut);
    CHECK(tail.size() == 1000 - cut);
    CHECK(counts_from(tail, cut));
    CHECK(head.unsplit(tail));
    CHECK(!tail);
    CHECK(head.size() == 1000);
    CHECK(head.ref_count() == 1);
    auto rest = head.split_off(cut);
    CHECK(counts_from(rest, cut));
    CHECK(head.size() == cut);
    CHECK(head.unsplit(rest));
  }
  auto a = numbered(*pool, 100);
  auto b = numbered(*pool, 100);
  CHECK(!a.unsplit(b));
  CHECK(!a.unsplit(a));
  auto gap = a.slice(50);
  auto front = a.slice(0, 49);
  CHECK(!front.unsplit(gap));
  CHECK(gap.size() == 50);
  typename test::byte_pool_for<TestType>::shared_buffer empty;
  CHECK(empty.unsplit(gap));
  CHECK(empty.size() == 50);
}

TEMPLATE_LIST_TEST_CASE("a part of no bytes keeps nothing, whichever way it came about",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  for (const auto size :
       {std::size_t{1000}, std::size_t{1024}}) {  // node in the tail of the block, and apart
    auto whole = numbered(*pool, size);
    const auto holds_nothing = [&](const shared& part) {
      return !part && part.empty() && part.data() == nullptr && part.ref_count() == 0 &&
             part.retained_bytes() == 0 && !part.lease();
    };
    CHECK(holds_nothing(whole.slice(0, 0)));
    CHECK(holds_nothing(whole.slice(size)));
    CHECK(holds_nothing(whole.slice(10, 0)));
    CHECK(holds_nothing(whole.split_to(0)));
    CHECK(holds_nothing(whole.split_off(size)));
    CHECK(whole.unique());
    auto all = whole.split_to(size);
    CHECK(holds_nothing(whole));
    CHECK(all.unique());
    whole = all.split_off(0);
    CHECK(holds_nothing(all));
    CHECK(whole.unique());
    all = whole;
    all.remove_prefix(size);
    CHECK(holds_nothing(all));
    all = whole;
    all.remove_suffix(size);
    CHECK(holds_nothing(all));
    all = whole;
    all.remove_prefix(size / 2);
    all.remove_suffix(size - size / 2);
    CHECK(holds_nothing(all));
    CHECK(whole.unique());
    all = std::move(whole);
    CHECK(holds_nothing(whole));  // NOLINT(bugprone-use-after-move): that is what is tested
    whole = all.slice(0, size);
    CHECK(all.ref_count() == 2);
  }
  CHECK(pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("an empty handle joins others, and is joined", "[shared_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  auto whole = numbered(*pool, 100);
  shared empty;
  CHECK(whole.unsplit(empty));
  CHECK(whole.size() == 100);
  auto no_bytes = pool->get_shared(0);
  CHECK(no_bytes);
  CHECK(whole.unsplit(no_bytes));
  CHECK(!no_bytes);
  CHECK(pool->occupancy().in_use() == 1);
  no_bytes = pool->get_shared(0);
  const auto* const place = whole.data();
  CHECK(no_bytes.unsplit(whole));
  CHECK(!whole);
  CHECK(no_bytes.data() == place);
  CHECK(no_bytes.unique());
  CHECK(pool->occupancy().in_use() == 1);
  CHECK(empty.unsplit(empty));
  CHECK(empty.unsplit(whole));
  CHECK(!empty);
  CHECK(!no_bytes.unsplit(no_bytes));
}

TEMPLATE_LIST_TEST_CASE("a handle of no bytes gives its block back when it is cut or joined",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  int deleted = 0;
  for (const bool is_external : {false, true}) {
    INFO(is_external);
    const auto no_bytes = [&]() -> shared {
      if (!is_external) return pool->get_shared(0);
      return pool->adopt(std::span<const std::byte>(), [&deleted] { ++deleted; });
    };
    const auto in_use = [&] { return pool->occupancy().in_use() + pool->occupancy().nodes.in_use; };
    auto b = no_bytes();
    CHECK(b);
    CHECK(in_use() != 0);
    CHECK_FALSE(b.split_to(0));
    CHECK_FALSE(b);
    CHECK(in_use() == 0);
    b = no_bytes();
    CHECK_FALSE(b.split_off(0));
    CHECK_FALSE(b);
    CHECK(in_use() == 0);
    b = no_bytes();
    auto other = no_bytes();
    CHECK(b.unsplit(other));
    CHECK_FALSE(b);
    CHECK_FALSE(other);
    CHECK(in_use() == 0);
    b = no_bytes();
    CHECK(b.unsplit(b));
    CHECK_FALSE(b);
    b = no_bytes();
    b.remove_prefix(0);
    CHECK_FALSE(b);
    b = no_bytes();
    CHECK_FALSE(b.slice(0));
    CHECK_FALSE(b.slice(0, 0));
    b.remove_suffix(0);
    CHECK_FALSE(b);
    CHECK(in_use() == 0);
  }
  CHECK(deleted == 7);
}

TEMPLATE_LIST_TEST_CASE("bytes are dropped at both ends", "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto b = numbered(*pool, 100);
  b.remove_suffix(10);
  b.remove_prefix(20);
  b.remove_suffix(0);
  CHECK(b.size() == 70);
  CHECK(counts_from(b, 20));
  CHECK_THROWS_AS(b.remove_suffix(71), std::out_of_range);
  CHECK(b.size() == 70);
}

TEMPLATE_LIST_TEST_CASE("a small slice tells what it keeps, and can be moved out of it",
                        "[shared_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto whole = numbered(*pool, 1 << 20);
  auto part = whole.slice(1000, 100);
  whole.release();
  CHECK(part.retained_bytes() == (1 << 20) + 64);
  CHECK(!part.compact_if(0.0));
  CHECK(part.retained_bytes() == (1 << 20) + 64);
  CHECK(part.compact_if(0.5));
  CHECK(part.retained_bytes() == 128);
  CHECK(counts_from(part, 1000));
  CHECK(!part.compact_if(1.0));  // no smaller block has room for it
  CHECK(!part.try_compact_if(1.0));
  CHECK(!part.compact_if(std::stod("nan")));
  CHECK(pool->occupancy().in_use() == 1);
}

TEST_CASE("any sequence of cuts and joins keeps bytes and references right", "[shared_buffer]") {
  tarn::byte_pool<> pool;
  std::minstd_rand random(7);
  for (int round = 0; round != 200; ++round) {
    std::vector<tarn::shared_buffer> parts;
    parts.push_back(numbered(pool, 4000));
    const auto at = [&] { return static_cast<std::size_t>(random()) % parts.size(); };
    for (int step = 0; step != 50; ++step) {
      const auto i = at();
      if (random() % 3 != 0) {
        const auto cut = static_cast<std::size_t>(random()) % (parts[i].size() + 1);
        auto rest = parts[i].split_off(cut);
        parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(rest));
      } else if (i + 1 != parts.size()) {
        REQUIRE(parts[i].unsplit(parts[i + 1]));
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    std::size_t at_byte = 0;
    std::size_t holders = 0;
    for (const auto& p : parts)
      holders += p.empty() ? 0u : 1u;
    for (const auto& p : parts) {
      REQUIRE(p.ref_count() == (p.empty() ? 0 : holders));
      REQUIRE(counts_from(p, at_byte));
      at_byte += p.size();
    }
    REQUIRE(at_byte == 4000);
  }
  CHECK(pool.occupancy().in_use() == 0);
  const auto s = pool.snapshot();
  CHECK(s.retains == s.releases);
}
