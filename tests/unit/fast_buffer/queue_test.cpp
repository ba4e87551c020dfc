// SPDX-License-Identifier: MIT
//
// A fast buffer as a queue: the bytes that it moves are counted.

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;
using policy = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
using fixture = test::byte_fixture<policy>;
using writer = test::writer_of<policy>;

/// Lets `turns` pieces pass through a buffer that holds `held` bytes.
/// Returns: for each byte that passed, the bytes that were moved, including moves to larger blocks.
template <class Writer>
double moved_per_byte(Writer& b, std::size_t held, std::string_view piece, std::size_t turns) {
  b.append(text_of(held));
  std::size_t moved = 0;
  for (std::size_t i = 0; i != turns; ++i) {
    b.consume(piece.size());
    const auto* const before = b.data();
    const auto size = b.size();
    b.append(piece);
    if (b.data() != before) moved += size;
  }
  return static_cast<double>(moved) / static_cast<double>(turns * piece.size());
}

}  // namespace

TEST_CASE("bytes pass in O(1) each at every fill, bounded or not", "[fast_buffer]") {
  fixture pool;
  for (const std::size_t bound : {std::size_t{100}, std::size_t{1000}, std::size_t{4096},
                                  std::size_t{5000}, std::size_t{65536}, std::size_t{70000}}) {
    for (std::size_t parts = 1; parts != 5; ++parts) {
      for (const std::size_t size : {std::size_t{1}, std::size_t{16}, bound / 10, bound / 2}) {
        for (const bool is_bounded : {true, false}) {
          const auto held = bound * parts / 4;
          if (held < size) continue;
          INFO(bound << " held " << held << " piece " << size << " bounded " << is_bounded);
          writer b(*pool);
          if (is_bounded) b = writer(*pool, {.max_bytes = bound});
          const auto turns = 20 * bound / size + 1;
          CHECK(moved_per_byte(b, held, text_of(size), turns) <= 2.5);
          CHECK(b.size() == held);
          CHECK(b.numbers().growths <= 12);
          if (is_bounded) {
            CHECK(b.capacity() <= bound);
            CHECK(b.room() <= bound - held);
          }
        }
      }
    }
  }
}

TEST_CASE("a bounded buffer through which bytes pass never holds more than its bound",
          "[fast_buffer]") {
  fixture pool;
  for (const std::size_t bound :
       {std::size_t{1}, std::size_t{100}, std::size_t{128}, std::size_t{1000}}) {
    INFO(bound);
    writer b(*pool, {.max_bytes = bound});
    std::string same;
    std::size_t seed = 1;
    for (int i = 0; i != 5000; ++i) {
      seed = (seed * 1103515245 + 12345) % (std::size_t{1} << 31);
      const auto piece = text_of(seed / 16 % (bound + 2), seed);
      const auto fits = piece.size() <= bound - same.size();
      if (i % 2 == 0) {
        REQUIRE(b.try_append(piece) == fits);
      } else if (fits) {
        b.append(piece);
      } else {
        CHECK_THROWS_AS(b.append(piece), std::length_error);
        CHECK_THROWS_AS(b.commit(bound - same.size() + 1), std::length_error);
      }
      if (fits) same += piece;
      REQUIRE(b.view() == same);
      REQUIRE(b.size() + b.room() <= bound);
      const auto gone = seed / 64 % (same.size() + 1);
      b.consume(gone);
      same.erase(0, gone);
      REQUIRE(b.view() == same);
      REQUIRE(b.size() + b.room() <= bound);
      // All bytes up to the bound can be written, wherever the content lies.
      if (i % 100 == 0) {
        const auto to = b.prepare(bound - b.size());
        REQUIRE(to.size() == bound - same.size());
        REQUIRE(b.room() >= to.size());
      }
    }
  }
}

TEST_CASE("where there is no more memory the content moves within its block", "[fast_buffer]") {
  fixture pool({.limit_bytes = 64 * 1024});
  writer b(*pool, {.max_bytes = 32 * 1024});
  b.append(text_of(32 * 1024 - 10));
  std::string same(b.view());
  const auto taken = pool->get(30 * 1024);  // the rest is too small for another block
  for (int i = 0; i != 10; ++i) {
    b.consume(20);
    same.erase(0, 20);
    b.append(text_of(20));
    same += text_of(20);
    REQUIRE(b.try_append("0123456789"));
    same += "0123456789";
    REQUIRE(b.view() == same);
    b.consume(10);
    same.erase(0, 10);
  }
  CHECK(b.numbers().growths == 1);
}

TEST_CASE("bytes in the object itself pass in O(1) each as well", "[fast_buffer]") {
  fixture pool;
  for (const std::size_t bound : {std::size_t{512}, std::size_t{400}, std::size_t{5000}}) {
    test::writer_of<policy, 512> b(*pool, {.max_bytes = bound});
    CHECK(moved_per_byte(b, bound - 16, text_of(16), 1000) <= 2.5);
  }
}

TEMPLATE_LIST_TEST_CASE("one for several threads grows as often, near its bound too",
                        "[fast_buffer]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  for (const std::size_t bound : {std::size_t{100}, std::size_t{4096}, std::size_t{5000}}) {
    INFO(bound);
    test::policy_writer_of<TestType> b(*pool, {.max_bytes = bound});
    for (int round = 0; round != 10; ++round) {
      for (std::size_t i = 0; i != bound; ++i)
        b.append("x");
      CHECK_THROWS_AS(b.append("x"), std::length_error);
      CHECK_FALSE(b.try_append("x"));
      CHECK(b.size() == bound);
      CHECK(b.numbers().growths <= static_cast<std::size_t>(round + 1) * 8);
      CHECK(b.take().size() == bound);
    }
  }
}
