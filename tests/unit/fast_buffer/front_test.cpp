// SPDX-License-Identifier: MIT
//
// The front of a fast buffer: bytes written there, parts taken from there, blocks taken over.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/fast_buffer.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;

template <std::size_t InlineBytes>
using local_writer =
    tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats,
                            tarn::fast_buffer_traits<tarn::byte_pool<>, InlineBytes>>;

template <class Pool>
auto filled(Pool& pool, const std::string& text) {
  auto b = pool.get(text.size());
  std::ranges::copy(test::bytes_of(text), b.begin());
  return b;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a header is written in front when the body is there", "[fast_buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool, {.front_bytes = 16});
  for (const std::size_t size : {0u, 5u, 100u, 112u, 113u, 5000u}) {
    const auto body = text_of(size, size);
    for (std::size_t at = 0; at < size; at += 100)
      b.append(std::string_view(body).substr(at, 100));
    if (size != 0) CHECK(b.front_room() == 16);  // growth leaves it free
    const auto* const place = b.data();
    b.prepend_be(static_cast<std::uint32_t>(size));
    b.prepend_le(std::uint16_t{0x0102});
    b.prepend("HEAD");
    if (size != 0) CHECK(b.data() == place - 10);
    b.prepend_varint(300);
    b.prepend_zigzag(-1);
    const std::string sizes = {0, 0, static_cast<char>(size >> 8), static_cast<char>(size)};
    CHECK(b.view() == std::string("\x01\xac\x02HEAD\x02\x01") + sizes + body);
    b.clear();
    if (size != 0) CHECK(b.front_room() == 16);
  }
  b.append("body");
  CHECK(b.try_prepend("head "));
  CHECK(b == "head body");
  const auto out = b.detach();
  CHECK(out == "head body");
}

TEMPLATE_LIST_TEST_CASE("bytes go in front without a reserve, and their own content too",
                        "[fast_buffer]", test::every_lock) {
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  std::string expected;
  for (std::size_t i = 0; i != 200; ++i) {
    const auto piece = text_of(i % 30, i);
    b.prepend(piece);
    expected.insert(0, piece);
    REQUIRE(b.view() == expected);
  }
  b.prepend(b.view().substr(0, 1000));
  expected.insert(0, expected.substr(0, 1000));
  CHECK(b.view() == expected);
  CHECK(b.try_prepend(b.view()));
  CHECK(b.view() == expected + expected);
  b.prepend("");
  // Consumed bytes can be put back.
  b.consume(10);
  const auto* const place = b.data();
  b.prepend(expected.substr(0, 10));
  CHECK(b.data() == place - 10);
  CHECK(b.view() == expected + expected);
}

TEST_CASE("writing at both ends moves each byte a few times at most", "[fast_buffer]") {
  for (const std::size_t most : {SIZE_MAX, std::size_t{70000}}) {
    tarn::byte_pool<> pool;
    tarn::fast_buffer b(pool, {.max_bytes = most});
    std::size_t moved = 0;
    std::size_t written = 0;
    std::minstd_rand random(1);
    for (int i = 0; i != 300000; ++i) {
      if (b.size() == most || (b.size() > 60000 && random() % 2 == 0)) b.consume(1000);
      const auto* const begin = b.begin();
      const auto size = b.size();
      const bool in_front = i % 1000 < 500 ? i % 2 == 0 : random() % 2 == 0;
      in_front ? b.prepend("x") : b.append("x");
      ++written;
      if (b.begin() + (in_front ? 1 : 0) != begin) moved += size;
    }
    INFO(moved << " of " << written);
    CHECK(moved < 8 * written);
  }
}

TEST_CASE("what does not fit in front is refused, and changes nothing", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool, {.max_bytes = 100, .front_bytes = 50});
  b.append(text_of(90));
  CHECK_THROWS_AS(b.prepend(text_of(11)), std::length_error);
  CHECK_FALSE(b.try_prepend(text_of(11)));
  CHECK(b.view() == text_of(90));
  b.prepend(text_of(10));
  CHECK(b.size() == 100);
  CHECK(b.room() == 0);
  CHECK_THROWS_AS(b.append("x"), std::length_error);
  // A reserve that no pool has is given up, and one that would overflow too.
  for (const std::size_t front : {SIZE_MAX, SIZE_MAX / 2, std::size_t{1} << 40}) {
    tarn::byte_pool<> bounded({.limit_bytes = 1 << 20});
    tarn::fast_buffer c(bounded, {.front_bytes = front});
    c.append(text_of(1000));
    c.append(text_of(1000));
    c.prepend("head");
    CHECK(c.view() == "head" + text_of(1000) + text_of(1000));
    c.consume(500);
    c.append(text_of(1000));
    c.shrink_to_fit();
    CHECK(c.size() == 2504);
  }
}

TEMPLATE_LIST_TEST_CASE("the front is taken without a copy, and the rest keeps its block",
                        "[fast_buffer]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  b.append(text_of(1000));
  const auto* const place = b.data();
  {
    const auto first = b.split_to(300);
    CHECK(first.view() == text_of(1000).substr(0, 300));
    CHECK(first.data() == place);
    CHECK(b.data() == place + 300);
    CHECK(b.view() == text_of(1000).substr(300));
    CHECK(b.front_room() == 0);
    const auto second = b.split_to(300);
    CHECK(second.data() == place + 300);
    CHECK(pool->occupancy().in_use() == 1);
    b.append(text_of(20));  // goes on behind, in the same block
    CHECK(b.data() == place + 600);
    CHECK(first.view() == text_of(1000).substr(0, 300));
    // All of it: the room behind is still the writer's.
    const auto third = b.split_to(b.size());
    CHECK(b.empty());
    b.append("next");
    CHECK(b.data() == place + 1020);
    CHECK(third.view() == text_of(1000).substr(600) + text_of(20));
    // Growth leaves the block to the parts.
    b.append(text_of(500));
    CHECK(b.view() == "next" + text_of(500));
    CHECK(second.view() == text_of(1000).substr(300, 300));
    CHECK(pool->occupancy().in_use() == 2);
  }
  CHECK(pool->occupancy().in_use() == 1);
  CHECK_FALSE(b.split_to(0));
  CHECK_THROWS_WITH(b.split_to(505), "tarn: place in a fast_buffer 505 must be at most 504");
  CHECK(b.view() == "next" + text_of(500));
}

TEMPLATE_LIST_TEST_CASE("a block is reused from its begin when its parts are gone", "[fast_buffer]",
                        test::every_lock) {
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  b.reserve(4096);
  const auto* const place = b.data();
  // A connection: reads, cuts frames off, and gives them on.
  for (std::size_t i = 0; i != 100; ++i) {
    b.append(text_of(300, i));
    const auto frame = b.split_to(200);
    CHECK(frame.view() == text_of(300, i).substr(0, 200));
    b.consume(100);
    CHECK((b.data() >= place && b.data() <= place + 4096));
  }
  CHECK(pool->occupancy().in_use() == 1);
  b.clear();
  CHECK(b.data() == place);
  CHECK(b.capacity() == 4096);
  CHECK(pool->occupancy().nodes.in_use == 0);
  // A part that fills the block takes it along.
  b.append(text_of(4096));
  auto all = b.split_to(4096);
  CHECK(all.unique());
  CHECK(b.capacity() == 0);
  CHECK(all.thaw().view() == text_of(4096));
  // With parts out, content moves elsewhere for an owner of its own, and nothing moves for others.
  b.append(text_of(1000));
  const auto part = b.split_to(10);
  const auto* const rest = b.data();
  const auto shared = b.detach_shared();
  CHECK(shared.data() == rest);
  CHECK(shared.view() == text_of(1000).substr(10));
  b.append(text_of(1000));
  const auto other = b.split_to(10);
  const auto detached = b.detach();
  CHECK(detached.view() == text_of(1000).substr(10));
  CHECK(other.view() == text_of(1000).substr(0, 10));
  b.append("abcdef");
  const auto third = b.split_to(2);
  b.clear();
  b.append("xyz");
  CHECK(third == "ab");
  CHECK(b == "xyz");
  b.shrink_to_fit();
  CHECK(b == "xyz");
}

TEMPLATE_LIST_TEST_CASE("a thawed or detached buffer is written on", "[fast_buffer]",
                        test::every_policy) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  test::writer_of<TestType> b(*pool);
  b.append("dropped");
  auto u = filled(*pool, text_of(100));
  const auto* const place = u.data();
  b.attach(std::move(u));
  CHECK(!u);
  CHECK(b.data() == place);
  CHECK(b.capacity() == 128);
  b.append("more");
  CHECK(b.view() == text_of(100) + "more");
  CHECK(b.data() == place);
  b.attach(b.detach());
  CHECK(b.view() == text_of(100) + "more");
  // A shared one: the headers are cut off, and new ones written in their place.
  auto packet = b.detach_shared();
  packet.remove_prefix(20);
  {
    const auto other = packet;
    CHECK_FALSE(b.try_attach(std::move(packet)));
    CHECK(packet.size() == 84);
  }
  CHECK(b.try_attach(std::move(packet)));
  CHECK(!packet);
  CHECK(b.data() == place + 20);
  CHECK(b.front_room() == 20);
  b.prepend("a header of 20 bytes");
  CHECK(b.data() == place);
  CHECK(b.view() == "a header of 20 bytes" + text_of(100).substr(20) + "more");
  if constexpr (TestType::stats::counts) CHECK(b.numbers().peak_bytes == 104);
  // Nothing to take over.
  CHECK_FALSE(b.try_attach(shared()));
  CHECK_FALSE(b.try_attach(shared::of_static("literal")));
  CHECK(b.size() == 104);
  b.attach({});
  CHECK(b.empty());
  CHECK(b.capacity() == 0);
  // A block of another pool goes home.
  test::byte_fixture<TestType> second;
  b.attach(filled(*second, "foreign"));
  CHECK(second->occupancy().in_use() == 1);
  b.append(text_of(1000));
  CHECK(second->occupancy().in_use() == 0);
  CHECK(b.view() == "foreign" + text_of(1000));
}

TEST_CASE("a buffer above the bound of a writer is not taken over", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::fast_buffer b(pool, {.max_bytes = 100});
  b.append("content");
  auto large = pool.get(101);
  CHECK_THROWS_WITH(b.attach(std::move(large)),
                    "tarn: attached size 101 must be at most max_bytes, 100");
  CHECK_FALSE(b.try_attach(std::move(large)));
  CHECK(large.size() == 101);
  auto shared = tarn::freeze(std::move(large));
  CHECK_FALSE(b.try_attach(std::move(shared)));
  CHECK(shared.size() == 101);
  CHECK(b == "content");
  shared.truncate(100);
  CHECK(b.try_attach(std::move(shared)));
  CHECK(b.room() == 0);
}

TEST_CASE("a pool that zeroes shows nothing of parts that were cut off", "[fast_buffer]") {
  for (const auto zeroing :
       {tarn::zeroing::on_put, tarn::zeroing::used_prefix, tarn::zeroing::on_get}) {
    tarn::byte_pool<> pool({.zeroing = zeroing});
    const auto next_block_is_zero = [&](std::size_t size) {
      auto block = pool.get(size);
      return std::all_of(block.begin(), block.end(), [](auto x) { return x == std::byte{0}; });
    };
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(100));
      const auto part = b.split_to(50);
      b.append(text_of(28));  // behind what was there when the block was shared
    }
    CHECK(next_block_is_zero(128));
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(200));
      auto part = b.split_to(50);
      b.append(text_of(56));
      b.consume(b.size());
      b = tarn::fast_buffer(pool);
      part.truncate(10);
      auto own = part.thaw();
      CHECK(own.view() == text_of(200).substr(0, 10));
    }
    CHECK(next_block_is_zero(256));
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(300));
      auto shared = b.detach_shared();
      shared.remove_prefix(100);
      CHECK(b.try_attach(std::move(shared)));
      b.append(text_of(b.room()));
    }
    CHECK(next_block_is_zero(512));
  }
}

TEMPLATE_TEST_CASE("any sequence at both ends does what it does to a string", "[fast_buffer]",
                   local_writer<0>, local_writer<24>, local_writer<200>) {
  tarn::byte_pool<> pool({.large_cache_bytes = 0});
  std::minstd_rand random(13);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (const std::size_t front : {0u, 20u, 300u}) {
    TestType b(pool, {.keep_bytes = 4096, .front_bytes = front});
    std::string expected;
    struct part {
      tarn::shared_buffer bytes;
      std::string text;
    };
    std::vector<part> parts;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != 30000; ++i) {
      const auto piece = text_of(below(60), i);
      const auto at = below(expected.size() + 1);
      switch (below(16)) {
        case 0:
          b.consume(at);
          expected.erase(0, at);
          break;
        case 1:
          b.remove_suffix(at / 4);
          expected.resize(expected.size() - at / 4);
          break;
        case 2:
          b.truncate(expected.size() - at / 4);
          expected.resize(expected.size() - at / 4);
          b.truncate(expected.size() + at);
          break;
        case 3:
        case 4:
          parts.push_back({b.split_to(at), expected.substr(0, at)});
          expected.erase(0, at);
          break;
        case 5:
          if (below(4) == 0) parts.clear();
          break;
        case 6:
          if (!parts.empty())
            parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(below(parts.size())));
          break;
        case 7:
          if (below(10) == 0) {
            b.clear();
            expected.clear();
          } else {
            b.shrink_to_fit();
          }
          break;
        case 8:
          if (below(5) == 0) {
            auto out = b.detach();
            wrong += out.view() != expected;
            b.attach(std::move(out));
          }
          break;
        case 9:
          if (below(5) == 0) {
            auto out = b.detach_shared();
            wrong += out.view() != expected;
            out.remove_prefix(out.size() / 3);
            expected.erase(0, expected.size() / 3);
            if (!b.try_attach(std::move(out))) b.append(out.bytes());
          }
          break;
        case 10: {
          TestType other(std::move(b));
          wrong += !b.empty();  // NOLINT(bugprone-use-after-move): that is what is tested
          b = std::move(other);
          break;
        }
        case 11:
          b.prepend(b.view().substr(0, at / 3));
          expected.insert(0, expected.substr(0, at / 3));
          break;
        case 12:
        case 13:
          b.prepend(piece);
          expected.insert(0, piece);
          break;
        default:
          b.append(piece);
          expected += piece;
      }
      if (expected.size() > 4000) {
        b.consume(3900);
        expected.erase(0, 3900);
      }
      wrong += b.view() != expected;
      wrong += b.front_room() + b.size() + b.room() > b.capacity();
      wrong += b.size() + b.room() > b.capacity();
      if (i % 64 == 0) {
        for (const auto& p : parts)
          wrong += p.bytes != p.text;
      }
    }
    CHECK(wrong == 0);
  }
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(pool.occupancy().nodes.in_use == 0);
}
