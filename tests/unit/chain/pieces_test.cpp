// SPDX-License-Identifier: MIT
//
// A chain holds the same bytes as a string after the same operations.

#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/chain.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

static_assert(std::is_nothrow_move_constructible_v<tarn::chain>);
static_assert(std::is_nothrow_move_assignable_v<tarn::chain>);
static_assert(std::is_copy_constructible_v<tarn::chain>);
static_assert(std::ranges::disable_sized_range<tarn::chain>);

template <class Chain>
std::string text_of(const Chain& c) {
  std::string all;
  std::size_t pieces = 0;
  for (const auto& piece : c) {
    CHECK(!piece.empty());
    all += piece.view();
    ++pieces;
  }
  CHECK(all.size() == c.size());
  CHECK(pieces == c.pieces());
  return all;
}

template <class Pool>
auto shared_text(Pool& pool, std::string_view text) {
  auto b = pool.get_shared(text.size());
  const auto bytes = b.make_unique();
  for (std::size_t i = 0; i != text.size(); ++i)
    bytes[i] = static_cast<std::byte>(text[i]);
  return b;
}

template <class P>
using chain_for = tarn::basic_chain<
    typename P::lock, typename P::stats,
    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("pieces are shared, small ones are copied, many to a block", "[chain]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  chain_for<TestType> c(*pool);
  CHECK(c.empty());
  CHECK(c.coalesce().empty());
  const auto big = shared_text(*pool, std::string(1000, 'b'));
  c.append(big);
  CHECK(c.begin()->data() == big.data());
  CHECK(big.ref_count() == 2);
  for (int i = 0; i != 10; ++i)
    c.append("small");
  const auto little = shared_text(*pool, "little");
  c.append(little);
  CHECK(little.unique());
  CHECK(c.pieces() == 2);
  CHECK(std::ranges::size(c) == 2);  // as a range it consists of pieces, not bytes
  CHECK(text_of(c) ==
        std::string(1000, 'b') + "smallsmallsmallsmallsmallsmallsmallsmallsmallsmall" + "little");
  // A block that is full is followed by another.
  for (int i = 0; i != 1000; ++i)
    c.append("0123456789");
  CHECK(c.pieces() == 4);
  CHECK(c.size() == 1056 + 10000);
  auto b = pool->get(5);
  c.append(std::move(b));
  CHECK(!b);
  c.append(pool->get(500));
  CHECK(c.size() == 1056 + 10000 + 505);
  c.append(typename chain_for<TestType>::value_type());
  c.append("");
  c.clear();
  CHECK(c.empty());
  CHECK(c.pieces() == 0);
}

TEMPLATE_LIST_TEST_CASE("neighbours in the same bytes become one piece again", "[chain]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  auto whole = shared_text(*pool, std::string(500, 'x') + std::string(500, 'y'));
  chain_for<TestType> c(*pool, 0);
  c.append(whole.slice(300, 300));
  c.append(whole.slice(600));
  c.prepend(whole.slice(100, 200));
  c.prepend(whole.slice(0, 100));
  CHECK(c.pieces() == 1);
  CHECK(text_of(c) == whole.view());
  c.append(whole);
  CHECK(c.pieces() == 2);
}

TEMPLATE_LIST_TEST_CASE("what is appended to a copy is not seen by the other", "[chain]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  chain_for<TestType> a(*pool);
  a.append("head ");
  auto b = a;
  auto rest = a.split_off(5);  // an empty part: the room stays with the first part
  a.append("of a");
  b.append("of b");
  rest.append("rest");
  CHECK(text_of(a) == "head of a");
  CHECK(text_of(b) == "head of b");
  CHECK(text_of(rest) == "rest");
  auto c = a.split_off(3);
  a.append("Y");
  c.append("Z");
  CHECK(text_of(a) == "heaY");
  CHECK(text_of(c) == "d of aZ");
  const auto taken = *c.begin();
  c.append("!");  // the content of a piece that is held does not change
  CHECK(taken.view() == "d of aZ");
  CHECK(text_of(c) == "d of aZ!");
}

TEMPLATE_LIST_TEST_CASE("a slice of a chain shares its bytes", "[chain]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  chain_for<TestType> c(*pool, 0);
  std::string text;
  for (std::size_t i = 0; i != 12; ++i) {
    const std::string piece(1 + i % 5, static_cast<char>('a' + i));
    c.append(shared_text(*pool, piece));
    text += piece;
  }
  const auto in_use = pool->occupancy().in_use();
  for (std::size_t from = 0; from <= text.size(); ++from) {
    for (std::size_t n = 0; n <= text.size() - from; ++n)
      REQUIRE(text_of(c.slice(from, n)) == text.substr(from, n));
    REQUIRE(c.slice(from) == text.substr(from));
  }
  CHECK(pool->occupancy().in_use() == in_use);
  auto part = c.slice(3, 20);
  part.append("more");  // has the pool of the chain, and none of its room
  CHECK(part == text.substr(3, 20) + "more");
  CHECK(text_of(c) == text);
  CHECK_THROWS_WITH(c.slice(1, text.size()), "tarn: slice size " + std::to_string(text.size()) +
                                                 " must be at most " +
                                                 std::to_string(text.size() - 1));
  CHECK_THROWS_AS(c.slice(text.size() + 1), std::out_of_range);
  CHECK_THROWS_AS(c.slice(text.size() + 1, 0), std::out_of_range);
}

TEST_CASE("a place outside of a chain is refused, with the value and the limit", "[chain]") {
  tarn::chain c;
  c.append("0123456789");
  CHECK_THROWS_WITH(c.split_off(11), "tarn: place in a chain 11 must be at most 10");
  CHECK_THROWS_AS(c.split_to(11), std::out_of_range);
  CHECK_THROWS_AS(c.remove_prefix(11), std::out_of_range);
  CHECK_THROWS_AS(c.remove_suffix(11), std::out_of_range);
  CHECK(c.size() == 10);
  CHECK(text_of(c) == "0123456789");
}

TEST_CASE("a chain of another pool that names none shares all, and says what it cannot do",
          "[chain]") {
  tarn::byte_pool<tarn::no_lock> pool;
  tarn::basic_chain<tarn::no_lock> c;
  c.append(shared_text(pool, "abc"));
  c.append(shared_text(pool, "def"));
  CHECK(c.pieces() == 2);
  CHECK_THROWS_AS(c.append("text"), std::logic_error);
  CHECK_THROWS_AS(c.coalesce(), std::logic_error);
  CHECK(text_of(c) == "abcdef");
}

TEST_CASE("a chain that is used as a queue does not grow", "[chain]") {
  tarn::byte_pool<> pool;
  {
    tarn::chain c(pool);
    std::string expected;
    for (int i = 0; i != 20000; ++i) {
      c.append(pool.get(200));
      if (i >= 10) c.remove_prefix(200);
    }
    CHECK(c.size() == 2000);
    CHECK(c.pieces() == 10);
    CHECK(pool.occupancy().in_use() == 10);
  }
  CHECK(pool.occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("any sequence of operations keeps the bytes of a string", "[chain]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  std::minstd_rand random(11);
  using chain = chain_for<TestType>;
  for (int round = 0; round != 20; ++round) {
    chain c(*pool);
    std::string s;
    chain other(*pool);
    std::string other_s;
    char letter = 'a';
    for (int step = 0; step != 100; ++step) {
      letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
      const std::string text(static_cast<std::size_t>(random()) % 400, letter);
      const auto at = s.empty() ? 0 : static_cast<std::size_t>(random()) % (s.size() + 1);
      switch (random() % 10) {
        case 0:
          c.append(text);
          s += text;
          break;
        case 1:
          c.append(shared_text(*pool, text));
          s += text;
          break;
        case 2:
          c.prepend(shared_text(*pool, text));
          s = text + s;
          break;
        case 3:
          other = c.split_off(at);
          other_s = s.substr(at);
          s.resize(at);
          break;
        case 4:
          c.append(other);
          s += other_s;
          break;
        case 5:
          other = c.split_to(at);
          other_s = s.substr(0, at);
          s.erase(0, at);
          break;
        case 6:
          c.remove_prefix(at / 4);
          s.erase(0, at / 4);
          break;
        case 8:
          if (at % 2 == 0) {
            c.remove_suffix(at / 4);
          } else {
            c.truncate(s.size() - at / 4);
          }
          s.resize(s.size() - at / 4);
          c.truncate(s.size() + at);
          break;
        case 7:
          CHECK(c.coalesce().view() == s);
          break;
        default: {
          const auto copy = c;
          c.append("tail");
          CHECK(text_of(copy) == s);
          s += "tail";
          break;
        }
      }
      REQUIRE(text_of(c) == s);
      REQUIRE(text_of(other) == other_s);
    }
    std::vector<std::byte> all(s.size() + 10);
    CHECK(c.copy_to(all) == s.size());
    CHECK(c.copy_to(std::span(all).first(s.size() / 2)) == s.size() / 2);
    CHECK(std::string_view(reinterpret_cast<const char*>(all.data()), s.size()) == s);
    CHECK(c.retained_bytes() >= c.size());
  }
}
