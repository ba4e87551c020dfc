// SPDX-License-Identifier: MIT

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <new>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tarn/builder.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/heap_count.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::string_view_literals;
using test::text_of;
constexpr std::size_t mib = std::size_t{1} << 20;
// Around the ends of tiers, and of the first block of a builder.
constexpr std::size_t edges[] = {0,   1,    127,  128,  129,  255,     256, 257,
                                 511, 1023, 1024, 1025, 2000, mib - 1, mib, mib + 1};

template <class P>
using pool_for = test::byte_pool_for<P>;
template <class P>
using builder_for = tarn::basic_string_builder<pool_for<P>>;

static_assert(std::is_nothrow_move_constructible_v<tarn::string_builder>);
static_assert(!std::is_copy_constructible_v<tarn::string_builder>);
static_assert(!std::is_copy_constructible_v<tarn::key_builder>);
static_assert(!std::is_copy_constructible_v<tarn::map_copy>);
static_assert(std::is_nothrow_move_assignable_v<tarn::map_copy>);
static_assert(std::ranges::forward_range<tarn::map_copy>);

std::string_view chars_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a text of any length is built, shown, copied and taken", "[builder]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const auto size : edges) {
    INFO(size);
    builder_for<TestType> b(*pool);
    CHECK(pool->occupancy().in_use() == 0);
    const auto text = text_of(size);
    b.append(std::string_view(text).substr(0, size / 2));
    b.write(test::bytes_of(std::string_view(text).substr(size / 2)));
    CHECK(b.size() == size);
    CHECK(b.empty() == (size == 0));
    CHECK((b.view() == text));
    CHECK((b.str() == text));
    CHECK(b.bytes().data() == static_cast<const void*>(b.view().data()));
    CHECK(b.bytes().size() == text.size());
    const auto* const place = b.view().data();
    const auto out = b.take();
    CHECK((out.view() == text));
    CHECK(out.data() == reinterpret_cast<const std::byte*>(place));
    CHECK(b.empty());
    CHECK_FALSE(b.take());  // a second call is harmless
    b.reset();
    b.reset();
    b.append("next");
    CHECK(b.view() == "next");
    CHECK(b.capacity() == 256);
    CHECK((out.view() == text));  // no other writer uses that block
    b.clear();
    CHECK(b.capacity() == 256);
    b.append("kept");
    b.reset();
    CHECK(b.capacity() == 0);
    b.reset();
    CHECK_FALSE(b.take());
  }
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("the end of a text is dropped", "[builder]") {
  tarn::string_builder text;
  for (const int number : {1, 2, 3})
    text.append(number).append(", ");
  text.remove_suffix(2);
  CHECK(text.view() == "1, 2, 3");
  text.truncate(4);
  text.truncate(100);
  CHECK(text.view() == "1, 2");
  CHECK_THROWS_AS(text.remove_suffix(5), std::out_of_range);
  CHECK(text.view() == "1, 2");
}

TEST_CASE("numbers are digits, characters are characters", "[builder]") {
  tarn::string_builder b;
  b.append("x=").append(42).append(' ').append(-7).append(' ');
  b.append(std::numeric_limits<std::uint64_t>::max()).append('/');
  b.append(std::numeric_limits<std::int64_t>::min()).append('/').append(std::uint8_t{65});
  std::ranges::copy(" back"sv, std::back_inserter(b));
  CHECK(b.view() == "x=42 -7 18446744073709551615/-9223372036854775808/65 back");
  b.append(b.view());
  CHECK(b.size() == 2 * 57);
  tarn::string_builder moved(std::move(b));
  CHECK(b.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(moved.size() == 2 * 57);
  moved.reserve(10000);
  CHECK(moved.capacity() >= 10000);
}

TEMPLATE_LIST_TEST_CASE("none, one and many texts are joined to a buffer of just that size",
                        "[builder]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  CHECK(tarn::join(std::vector<std::string>{}, ", ", *pool).view() == "");
  CHECK(tarn::join(std::vector{"one"sv}, ", ", *pool).view() == "one");
  CHECK(tarn::join(std::list<std::string>{"one", "two"}, ", ", *pool).view() == "one, two");
  CHECK(tarn::join(std::array{"", "", ""}, "-", *pool).view() == "--");
  CHECK(tarn::join(std::vector{"a"sv, "b"sv, "c"sv}, "", *pool).view() == "abc");
  for (const auto size : edges) {
    INFO(size);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i != 5; ++i)
      texts.push_back(text_of(size / 5, i));
    std::string expected = texts[0];
    for (std::size_t i = 1; i != 5; ++i)
      expected += "||" + texts[i];
    const auto joined = tarn::join(texts, "||", *pool);
    CHECK((joined.view() == expected));
    CHECK(joined.size() == expected.size());
    const auto alone = tarn::join(std::vector{text_of(size)}, "||", *pool);
    CHECK((alone.view() == text_of(size)));
  }
  CHECK(tarn::join(std::vector{"in"sv, "default"sv}, " ").view() == "in default");
  CHECK(pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("a value is copied whole, whatever its size", "[builder]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const auto size : edges) {
    INFO(size);
    const auto text = text_of(size);
    const auto copy = tarn::copy_value(text, *pool);
    CHECK(copy);
    CHECK(copy.size() == size);
    CHECK((copy.view() == text));
    const auto other = tarn::copy_value(copy.bytes(), *pool);
    CHECK((other.view() == text));
    CHECK(other.data() != copy.data());
  }
  const std::vector<std::byte> bytes(2000, std::byte{7});
  CHECK(std::ranges::equal(tarn::copy_value(bytes), bytes));
  CHECK(tarn::copy_value("text").view() == "text");
  CHECK(pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("a map becomes one block, in order of its keys", "[builder]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{200}}) {
    INFO(count);
    std::unordered_map<std::string, std::vector<std::byte>> from;
    std::map<std::string, std::string> expected;
    for (std::size_t i = 0; i != count; ++i) {
      const auto value = text_of(i * 17 % 3000, i);
      const auto key = "key " + std::to_string(i * 7919 % 1000);
      const auto bytes = test::bytes_of(value);
      from.emplace(key, std::vector(bytes.begin(), bytes.end()));
      expected.emplace(key, value);
    }
    const auto made = tarn::copy_map(from, *pool);
    from.clear();
    CHECK(made.size() == count);
    CHECK(made.empty() == (count == 0));
    CHECK(pool->occupancy().in_use() == (count != 0 ? 1 : 0));
    std::size_t wrong = 0;
    for (const auto& [key, value] : expected) {
      const auto found = made.find(key);
      wrong += !found || chars_of(*found) != value;
    }
    auto at = expected.begin();
    for (const auto entry : made) {
      wrong += entry.key != at->first || entry.text() != at->second;
      ++at;
    }
    CHECK(wrong == 0);
    CHECK_FALSE(made.find("no such key"));
    CHECK_FALSE(made.contains(""));
    CHECK_FALSE(made.contains("zzz"));
  }
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("a copy of a map may be moved, and what it shows stays", "[builder]") {
  const std::map<std::string_view, std::string_view> from = {{"", "empty"}, {"a", ""}, {"b", "B"}};
  tarn::map_copy made = tarn::copy_map(from);
  const auto shown = *made.begin();
  tarn::map_copy other(std::move(made));
  CHECK(made.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(made.begin() == made.end());
  CHECK_FALSE(made.contains("a"));
  CHECK(shown.key.empty());
  CHECK(shown.text() == "empty");
  CHECK(chars_of(other.find("").value()) == "empty");
  CHECK(other.find("a").value().empty());
  CHECK(other.contains("b"));
  made = std::move(other);
  CHECK(made.size() == 3);
  CHECK(std::ranges::distance(made) == 3);
  CHECK(made.block().size() != 0);
  auto& self = made;
  made = std::move(self);
  CHECK(made.size() == 3);
}

TEST_CASE("keys are parts with a separator between them", "[builder]") {
  tarn::byte_pool<> pool;
  CHECK(tarn::key_builder(pool).add("user").add(42).view() == "user:42");
  CHECK(tarn::key_builder(pool, '/').add("a").add("").add("b").str() == "a//b");
  CHECK(tarn::key_builder(pool).add("").add("").view() == ":");
  CHECK(tarn::key_builder(pool).add("one").view() == "one");
  CHECK(tarn::key_builder(pool).view().empty());
  CHECK_FALSE(tarn::key_builder(pool).take());
  CHECK(tarn::key_builder().add(-1).add(std::uint64_t{1} << 63).view() == "-1:9223372036854775808");
  tarn::key_builder key(pool);
  for (const auto size : edges) {
    INFO(size);
    key.add(text_of(size)).add(7);
    CHECK((key.view() == text_of(size) + ":7"));
    CHECK(key.size() == size + 2);
    const auto out = key.take();
    CHECK((out.view() == text_of(size) + ":7"));
    CHECK(key.empty());
    key.add("again").add("x");
    CHECK(key.view() == "again:x");
    key.clear();
    CHECK(key.add("y").view() == "y");
    key.reset();
    key.reset();
  }
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("an iterator over a copy of a map shows its entry by an arrow", "[builder]") {
  const auto copy = tarn::copy_map(std::map<std::string, std::string>{{"a", "1"}, {"b", "22"}});
  CHECK(copy.begin()->key == "a");
  CHECK((++copy.begin())->text() == "22");
}

TEST_CASE("what is appended may be of the text or the key itself", "[builder]") {
  tarn::string_builder text;
  tarn::key_builder key;
  std::string expected = "0123456789";
  std::string expected_key = "part";
  text.append("0123456789");
  key.add("part");
  for (int i = 0; i != 10; ++i) {
    text.append(text.view());
    expected += std::string(expected);
    REQUIRE(text.view() == expected);
    text.append(text.view().substr(3, 4), text.view().substr(1));
    expected += expected.substr(3, 4) + expected.substr(1);
    REQUIRE(text.view() == expected);
    key.add(key.view());
    expected_key += ":" + std::string(expected_key);
    REQUIRE(key.view() == expected_key);
    key.add(key.view().substr(5));
    expected_key += ":" + expected_key.substr(5);
    REQUIRE(key.view() == expected_key);
  }
}

TEST_CASE("builders and copies take nothing from the heap in steady state", "[builder]") {
  tarn::byte_pool<> pool;
  std::map<std::string, std::string> from;
  for (int i = 0; i != 50; ++i)
    from.emplace("key number " + std::to_string(i), text_of(100));
  const std::vector<std::string> texts(20, "a text that is longer than sixteen");
  const auto work = [&] {
    tarn::string_builder b(pool);
    for (int i = 0; i != 500; ++i)
      b.append("number ").append(i).append('\n');
    const auto text = b.take();
    const auto value = tarn::copy_value(text.bytes(), pool);
    const auto all = tarn::join(texts, ", ", pool);
    const auto map = tarn::copy_map(from, pool);
    tarn::key_builder key(pool);
    key.add("user").add(map.size()).add(all.size());
  };
  work();
  CHECK(test::heap_calls_of(work) == 0);
}

TEMPLATE_LIST_TEST_CASE("what finds no memory has done nothing", "[builder]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const std::map<std::string, std::string> from = {{"a", text_of(1000)}, {"b", text_of(3 * mib)}};
  builder_for<TestType> b(*pool);
  b.append("text");
  tarn::basic_key_builder<pool_for<TestType>> key(*pool);
  key.add("first");
  pool.source.fail_from(1);
  CHECK_FALSE(test::has_memory([&] { b.append(text_of(3 * mib)); }));
  CHECK_FALSE(test::has_memory([&] { key.add(text_of(3 * mib)); }));
  CHECK_FALSE(test::has_memory([&] { static_cast<void>(tarn::copy_map(from, *pool)); }));
  CHECK_FALSE(test::has_memory([&] { static_cast<void>(tarn::copy_value(from.at("b"), *pool)); }));
  CHECK_FALSE(test::has_memory(
      [&] { static_cast<void>(tarn::join(std::vector{from.at("b")}, "", *pool)); }));
  pool.source.never_fail();
  CHECK(b.view() == "text");
  CHECK(key.add("second").view() == "first:second");
  CHECK(pool->occupancy().in_use() == 2);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("texts that exist only while they are looked at can be joined", "[builder]") {
  struct shouts {
    struct iterator {
      using value_type = std::string;
      using difference_type = std::ptrdiff_t;
      int at = 0;
      std::string operator*() const { return std::string(40, static_cast<char>('a' + at)); }
      iterator& operator++() {
        ++at;
        return *this;
      }
      iterator operator++(int) {
        auto old = *this;
        ++at;
        return old;
      }
      bool operator==(const iterator&) const = default;
    };
    iterator begin() const { return {0}; }
    iterator end() const { return {3}; }
  };
  const auto joined = tarn::join(shouts{}, ",");
  CHECK(joined.view() ==
        std::string(40, 'a') + "," + std::string(40, 'b') + "," + std::string(40, 'c'));
}

TEST_CASE("a key builder that was moved from begins anew", "[builder]") {
  tarn::key_builder k;
  k.add("a");
  auto taken = std::move(k);
  k.add("b");
  CHECK(k.view() == "b");
  CHECK(taken.add(2).view() == "a:2");
}
