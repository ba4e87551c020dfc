// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::string_view_literals;
using test::text_of;
using small_pool = tarn::byte_pool<tarn::no_lock>;
template <std::size_t InlineBytes>
using local_writer = tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats,
                                             tarn::fast_buffer_traits<small_pool, InlineBytes>>;

static_assert(std::ranges::contiguous_range<tarn::fast_buffer>);
static_assert(std::is_convertible_v<const tarn::fast_buffer&, std::span<const std::byte>>);
static_assert(std::is_nothrow_move_constructible_v<tarn::fast_buffer>);
static_assert(std::is_nothrow_move_assignable_v<tarn::fast_buffer>);
static_assert(std::is_nothrow_default_constructible_v<tarn::fast_buffer>);
static_assert(!std::is_copy_constructible_v<tarn::fast_buffer>);
static_assert(sizeof(void*) != 8 || sizeof(tarn::fast_buffer) == 128);
static_assert(sizeof(void*) != 8 ||
              sizeof(tarn::basic_fast_buffer<tarn::no_lock, tarn::no_stats>) == 104);

template <class B>
concept appends_a_number = requires(B& b) { b.append(65); };
template <class B>
concept appends_a_bool = requires(B& b) { b.append_le(true); };
static_assert(!appends_a_number<tarn::fast_buffer>, "65 is not a character");
static_assert(!appends_a_bool<tarn::fast_buffer>);
static_assert(!std::is_default_constructible_v<local_writer<0>>, "there is no default pool of it");

std::string groups_of(std::uint64_t value) {
  std::string groups;
  do {
    const bool is_last = value < 128;
    groups += static_cast<char>((value % 128) | (is_last ? 0 : 128));
    value /= 128;
  } while (value != 0);
  return groups;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("what is appended stands there in order", "[fast_buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  CHECK(b.empty());
  CHECK(b.capacity() == 0);
  CHECK(pool->occupancy().in_use() == 0);
  b.append("text, "sv);
  b.append(std::string("a string, "));
  b.append("an array");
  b.append('c');
  b.append(std::byte{'b'});
  b.push_back('d');
  b.push_back(std::byte{'e'});
  b.append(test::bytes_of(" and bytes"));
  b.append(""sv);
  b.append(std::span<const std::byte>());
  CHECK(b.view() == "text, a string, an arraycbde and bytes");
  CHECK(b.size() == b.view().size());
  CHECK(b[0] == std::byte{'t'});
  CHECK(std::as_const(b)[1] == std::byte{'e'});
  CHECK(b.end() - b.begin() == static_cast<std::ptrdiff_t>(b.size()));
  CHECK(pool->occupancy().in_use() == 1);
}

TEST_CASE("pieces of every size from 0 to 70 bytes, and of 1 MiB, are copied whole",
          "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  std::string expected;
  for (std::size_t round = 0; round != 3; ++round) {
    for (std::size_t size = 0; size <= 70; ++size) {
      const auto piece = text_of(size, size + round);
      b.append(piece);
      expected += piece;
    }
  }
  CHECK(b.view() == expected);
  const auto large = text_of(std::size_t{1} << 20);
  b.append(large);
  CHECK(b.view() == expected + large);
}

TEST_CASE("integers are written in both byte orders", "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  b.append_be(std::uint32_t{0x01020304});
  b.append_le(std::uint32_t{0x01020304});
  b.append_be(std::uint16_t{0x0506});
  b.append_le(std::int16_t{-2});
  b.append_be(std::uint8_t{7});
  b.append_le(std::int64_t{-1});
  b.append_be(std::uint64_t{0x0102030405060708});
  b.append_le('c');
  CHECK(b.view() ==
        "\1\2\3\4\4\3\2\1\5\6\xFE\xFF\7\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\2\3\4\5\6\7\10c"sv);
}

TEST_CASE("varints have as many groups as they need, and zigzag maps small to small",
          "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  std::string expected;
  std::vector<std::uint64_t> values = {
      0, 1, 127, 128, 300, 16383, 16384, std::numeric_limits<std::uint64_t>::max()};
  for (unsigned bit = 0; bit != 64; ++bit)
    values.push_back((std::uint64_t{1} << bit) - (bit % 2));
  for (const auto v : values) {
    b.append_varint(v);
    expected += groups_of(v);
  }
  CHECK(b.view() == expected);
  b.clear();
  b.append_varint(300);
  CHECK(b.view() == "\xAC\x02"sv);
  b.clear();
  for (const std::int64_t v : {0, -1, 1, -2, 2})
    b.append_zigzag(v);
  CHECK(b.view() == "\0\1\2\3\4"sv);
  b.clear();
  b.append_zigzag(std::numeric_limits<std::int64_t>::min());
  CHECK(b.view() == groups_of(std::numeric_limits<std::uint64_t>::max()));
  b.clear();
  b.append_zigzag(std::numeric_limits<std::int64_t>::max());
  CHECK(b.view() == groups_of(std::numeric_limits<std::uint64_t>::max() - 1));
}

TEST_CASE("a part of the buffer may be appended to it, wherever it has to move", "[fast_buffer]") {
  // A returned block is zeroed at once, so a block that was left too early shows.
  small_pool pool({.zeroing = tarn::zeroing::on_put});
  SECTION("across growths") {
    local_writer<16> b(pool);
    b.append("0123456789");
    std::string expected = "0123456789";
    while (expected.size() < 40000) {
      b.append(b.view());
      expected += expected;
      b.append(b.view().substr(5, 9));
      expected += expected.substr(5, 9);
    }
    CHECK(b.view() == expected);
  }
  SECTION("over consumed bytes") {
    local_writer<0> b(pool);
    b.append(text_of(128));
    b.consume(100);
    const auto rest = std::string(b.view());
    b.append(b.view().substr(3, 20));
    CHECK(b.capacity() == 128);  // it moved and did not grow
    CHECK(b.view() == rest + rest.substr(3, 20));
  }
  SECTION("by a try") {
    local_writer<0> b(pool);
    b.append(text_of(128));
    CHECK(b.try_append(b.view()));
    CHECK(b.view() == text_of(128) + text_of(128));
  }
}

TEST_CASE("an iterator at its back takes characters, and algorithms read it", "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  const auto text = text_of(1000);
  std::copy(text.begin(), text.end(), std::back_inserter(b));
  CHECK(b.view() == text);
  CHECK(std::ranges::count(b, std::byte{'!'}) == std::ranges::count(text, '!'));
  std::ranges::fill(b, std::byte{'z'});
  CHECK(b.view() == std::string(1000, 'z'));
  const std::span<const std::byte> all(b);
  CHECK(all.size() == 1000);
}

TEST_CASE("prepared room becomes content by commit, and no more than there is", "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  b.append("head ");
  const auto place = b.prepare(1000);
  REQUIRE(place.size() == 1000);
  CHECK(b.view() == "head ");
  std::memcpy(place.data(), "tail", 4);
  b.commit(4);
  CHECK(b.view() == "head tail");
  b.commit(0);
  const auto room = b.room();
  CHECK_THROWS_AS(b.commit(room + 1), std::length_error);
  CHECK(b.view() == "head tail");
  b.commit(room);
  CHECK(b.size() == b.capacity());
}

TEST_CASE("consumed bytes are out of view, and their place serves again", "[fast_buffer]") {
  small_pool pool;
  local_writer<0> b(pool);
  b.append(text_of(128));
  b.consume(0);
  b.consume(28);
  CHECK(b.view() == text_of(128).substr(28));
  CHECK(b.front_room() == 28);
  CHECK_THROWS_AS(b.consume(101), std::length_error);
  CHECK(b.size() == 100);
  b.consume(100);
  CHECK(b.empty());
  CHECK(b.front_room() == 0);
  CHECK(b.room() == 128);
  // As a queue its size follows the content at one time.
  std::string expected;
  for (std::size_t i = 0; i != 10000; ++i) {
    const auto piece = text_of(1 + i % 40, i);
    b.append(piece);
    expected += piece;
    if (expected.size() < 100) continue;
    b.consume(60);
    expected.erase(0, 60);
  }
  CHECK(b.view() == expected);
  CHECK(b.capacity() <= 512);
}

TEMPLATE_TEST_CASE("random operations do what they do to a string", "[fast_buffer]",
                   local_writer<0>, local_writer<24>, local_writer<200>) {
  small_pool pool;
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  {
    TestType b(pool, {.keep_bytes = 2048});
    std::string expected;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != 20000; ++i) {
      switch (below(12)) {
        case 0:
          b.consume(expected.size() / 2);
          expected.erase(0, expected.size() / 2);
          break;
        case 1: {
          const auto size = below(expected.size() + 1);
          b.resize_uninitialized(size);
          expected.resize(size);
          break;
        }
        case 2: {
          const auto more = below(50);
          const auto size = expected.size();
          b.resize_uninitialized(size + more);
          std::fill_n(b.data() + size, more, std::byte{'r'});
          expected.append(more, 'r');
          break;
        }
        case 3:
          if (below(10) == 0) {
            b.clear();
            expected.clear();
          }
          break;
        case 4:
          b.shrink_to_fit();
          break;
        case 5: {
          TestType other(std::move(b));
          wrong += !b.empty();      // NOLINT(bugprone-use-after-move): that is what is tested
          b.append("overwritten");  // it is like new
          b = std::move(other);
          break;
        }
        case 6:
          if (below(10) == 0) {
            const auto out = b.detach();
            wrong += out.view() != expected;
            expected.clear();
          }
          break;
        case 7:
          b.append(b.view().substr(expected.size() / 3));
          expected += expected.substr(expected.size() / 3);
          if (expected.size() > 4000) {
            b.consume(3900);
            expected.erase(0, 3900);
          }
          break;
        default: {
          const auto piece = text_of(below(60), i);
          b.append(piece);
          expected += piece;
        }
      }
      wrong += b.view() != expected;
      wrong += b.front_room() + b.size() + b.room() != b.capacity();
    }
    CHECK(wrong == 0);
  }
  CHECK(pool.occupancy().in_use() == 0);
}
