// SPDX-License-Identifier: MIT
//
// Bytes compare and hash by content: of all products, with text and bytes, however they are cut.

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <tarn/byte_hash.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using namespace std::string_view_literals;

template <class T>
concept is_compared = std::totally_ordered<T> && std::three_way_comparable<T, std::strong_ordering>;
static_assert(is_compared<tarn::buffer> && is_compared<tarn::shared_buffer> &&
              is_compared<tarn::chain> && is_compared<tarn::fast_buffer>);
static_assert(is_compared<tarn::basic_shared_buffer<tarn::no_lock>>);
static_assert(noexcept(std::declval<tarn::chain&>() == std::declval<tarn::chain&>()));
static_assert(noexcept(std::declval<tarn::buffer&>() <=> "text"));
template <class T>
concept is_comparable = requires(const tarn::buffer& b, const T& other) { b == other; };
static_assert(is_comparable<std::string> && !is_comparable<int> &&
              !is_comparable<std::vector<int>>);

template <class Pool>
auto shared_text(Pool& pool, std::string_view text) {
  auto b = pool.get(text.size());
  std::ranges::copy(std::as_bytes(std::span(text)), b.begin());
  return tarn::freeze(std::move(b));
}
/// `text` in pieces of random sizes.
template <class Chain, class Pool>
Chain chain_of(Pool& pool, std::string_view text, std::minstd_rand& random) {
  Chain c(pool, 0);  // shares every piece
  while (!text.empty()) {
    const auto n = std::size_t{1} + static_cast<std::size_t>(random()) % text.size();
    c.append(shared_text(pool, text.substr(0, n)));
    text.remove_prefix(n);
  }
  return c;
}
template <class P>
using chain_for = tarn::basic_chain<
    typename P::lock, typename P::stats,
    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::failing_source>>;

std::strong_ordering order_of(std::string_view a, std::string_view b) { return a <=> b; }

}  // namespace

TEMPLATE_LIST_TEST_CASE("bytes are equal and ordered as text is, in every product", "[bytes]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  const std::string_view texts[] = {"", "a", "ab", "abc", "abd", "b", "\x7f", "\x80", "\xff\x01"};
  for (const auto left : texts) {
    const auto shared = shared_text(*pool, left);
    auto unique = pool->get(left.size());
    std::ranges::copy(shared.bytes(), unique.begin());
    tarn::fast_buffer written;
    written.append(left);
    for (const auto right : texts) {
      INFO(left << " and " << right);
      const bool same = left == right;
      const auto order = order_of(left, right);
      const auto other = shared_text(*pool, right);
      chain_for<TestType> chain(*pool);
      chain.append(right);
      tarn::chain of_another_pool;
      of_another_pool.append(right);
      const auto check = [&](const auto& a, const auto& b) {
        CHECK((a == b) == same);
        CHECK((b == a) == same);
        CHECK((a != b) != same);
        CHECK((a <=> b) == order);
        CHECK((b <=> a) == (0 <=> order));
        CHECK((a < b) == (order < 0));
      };
      const auto check_all = [&](const auto& a) {
        check(a, other);
        check(a, chain);
        check(a, of_another_pool);
        check(a, right);
        check(a, std::string(right));
        check(a, std::as_bytes(std::span(right)));
        const auto* const first = reinterpret_cast<const std::byte*>(right.data());
        check(a, std::vector<std::byte>(first, first + right.size()));
      };
      check_all(shared);
      check_all(unique);
      check_all(written);
    }
  }
  CHECK(shared_text(*pool, "text") == "text");
  CHECK("text" == shared_text(*pool, "text"));
  CHECK(shared_text(*pool, "text") ==
        std::array{std::byte{'t'}, std::byte{'e'}, std::byte{'x'}, std::byte{'t'}});
  // An empty handle has the same bytes as one with a block of which it shows none.
  CHECK(pool->get_shared(0) == typename test::byte_pool_for<TestType>::shared_buffer());
}

TEMPLATE_LIST_TEST_CASE("how chains are cut makes no difference, nor to their hash", "[bytes]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  using chain = chain_for<TestType>;
  std::minstd_rand random(3);
  const tarn::byte_hash hash;
  for (int round = 0; round != 300; ++round) {
    std::string text(static_cast<std::size_t>(random()) % 100, 'x');
    for (auto& c : text)
      c = static_cast<char>(random() % 4);
    auto changed = text;
    if (!text.empty() && round % 2 != 0) {
      changed[static_cast<std::size_t>(random()) % text.size()] ^= static_cast<char>(0x80);
    } else if (round % 3 == 0) {
      changed.resize(static_cast<std::size_t>(random()) % (text.size() + 2), 'x');
    }
    const auto a = chain_of<chain>(*pool, text, random);
    const auto b = chain_of<chain>(*pool, text, random);
    const auto c = chain_of<chain>(*pool, changed, random);
    REQUIRE(a == b);
    REQUIRE(std::is_eq(a <=> b));
    REQUIRE((a == c) == (text == changed));
    REQUIRE((a <=> c) == order_of(text, changed));
    REQUIRE((c <=> text) == order_of(changed, text));
    REQUIRE(a == shared_text(*pool, text));
    REQUIRE(hash(a) == hash(b));
    REQUIRE(hash(a) == hash(text));
    REQUIRE(hash(a) == std::hash<chain>()(b));
    REQUIRE((hash(a) == hash(c)) == (text == changed));
  }
}

TEMPLATE_LIST_TEST_CASE("bytes are keys of hash tables, and found without making a key", "[bytes]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  using unique = typename test::byte_pool_for<TestType>::buffer;
  {
    std::unordered_map<shared, int, tarn::byte_hash, std::equal_to<>> counts;
    for (const auto text : {"one", "two", "one", ""})
      ++counts[shared_text(*pool, text)];
    CHECK(counts.size() == 3);
    CHECK(counts.find("one"sv)->second == 2);
    CHECK(counts.find(std::string("two"))->second == 1);
    CHECK(counts.find(std::as_bytes(std::span("one", 3)))->second == 2);
    CHECK(counts.contains(shared()));
    chain_for<TestType> key(*pool, 0);
    key.append(shared_text(*pool, "o"));
    key.append(shared_text(*pool, "ne"));
    CHECK(counts.find(key)->second == 2);
    CHECK_FALSE(counts.contains("three"sv));
    const auto in_use = pool->occupancy().in_use();
    CHECK(counts.find("two"sv) != counts.end());
    CHECK(pool->occupancy().in_use() == in_use);
  }
  {
    std::unordered_set<shared> seen;
    CHECK(seen.insert(shared_text(*pool, "a")).second);
    CHECK_FALSE(seen.insert(shared_text(*pool, "a")).second);
    std::unordered_set<unique> owned;
    owned.insert(pool->get(0));
    CHECK_FALSE(owned.insert(unique()).second);
  }
}

TEST_CASE("the hash is that of its source, whatever the sizes of the pieces", "[bytes]") {
  // The first 16 bytes as key, the bytes 0, 1, 2 ... as input: values of an independent program,
  // which gives the values of the source with the rounds of the source.
  std::array<std::byte, 64> input{};
  for (std::size_t i = 0; i != input.size(); ++i)
    input[i] = static_cast<std::byte>(i);
  const std::span all(input);
  const auto fresh = [] {
    return tarn::detail::siphash(0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908);
  };
  const std::pair<std::size_t, std::uint64_t> known[] = {{0, 0xabac'0158'050f'c4dc},
                                                         {1, 0xc9f4'9bf3'7d57'ca93},
                                                         {7, 0xd392'7d98'9bb1'1140},
                                                         {8, 0x3690'9511'8d29'9a8e},
                                                         {15, 0xd320'd86d'2a51'9956}};
  for (const auto& [size, value] : known) {
    auto hash = fresh();
    hash.update(all.first(size));
    CHECK(hash.value() == value);
  }
  std::minstd_rand random(5);
  for (std::size_t size = 0; size != input.size(); ++size) {
    auto whole = fresh();
    whole.update(all.first(size));
    auto cut = fresh();
    for (std::size_t at = 0; at != size;) {
      const auto n = static_cast<std::size_t>(random()) % (size - at + 1);
      cut.update(all.subspan(at, n));
      at += n;
    }
    CHECK(cut.value() == whole.value());
    CHECK(cut.value() == whole.value());  // to ask changes nothing
  }
}
