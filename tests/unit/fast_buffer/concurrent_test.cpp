// SPDX-License-Identifier: MIT
//
// The concurrent form on one thread; tests/stress uses it on several threads.

#include <cstddef>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::bytes_of;
using test::text_of;
using shared_writer = tarn::basic_concurrent_fast_buffer<std::mutex>;

// Members that are of no use with several threads do not exist.
template <class B>
concept has_views = requires(B& b) { b.view(); } || requires(B& b) {
  b.bytes();
} || requires(B& b) { b.data(); } || requires(B& b) { b.begin(); } || requires(B& b) { b[0]; };
template <class B>
concept has_prepared_room = requires(B& b) { b.prepare(1); } || requires(B& b) { b.commit(1); };
static_assert(has_views<tarn::fast_buffer> && has_prepared_room<tarn::fast_buffer>);
static_assert(!has_views<shared_writer> && !has_prepared_room<shared_writer>);
static_assert(!std::is_move_constructible_v<shared_writer>);
static_assert(!std::is_copy_constructible_v<shared_writer>);
static_assert(!std::is_convertible_v<shared_writer&, std::span<const std::byte>>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("pieces stand one behind the other, and are taken all at once",
                        "[fast_buffer]", test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  {
    test::policy_writer_of<TestType> b(*pool);
    CHECK(b.empty());
    CHECK_FALSE(b.take());
    std::string expected;
    for (std::size_t i = 0; i != 300; ++i) {
      const auto head = "piece " + std::to_string(i) + ": ";
      const auto body = text_of(i, i);
      b.append(head, body);
      b.append(bytes_of(head));
      b.append(std::string_view());
      expected += head + body + head;
      CHECK(b.size() == expected.size());
    }
    const auto out = b.take();
    CHECK(out.view() == expected);
    CHECK(out.size() == expected.size());
    CHECK(b.empty());
    CHECK_FALSE(b.take());
    b.append(bytes_of("head "), bytes_of("tail"));
    CHECK(b.try_append("; ", "more"));
    CHECK(b.take().view() == "head tail; more");
    CHECK(out.view() == expected);
    if constexpr (TestType::stats::counts) {
      CHECK(b.numbers().bytes == expected.size() + 15);
      CHECK(b.numbers().peak_bytes == expected.size());
      CHECK(b.numbers().growths == 11);  // 128 B ... 64 KiB, and 128 B after the take
    }
    b.append("goes back with it");
  }
  CHECK(pool.imbalance() == "");
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("a concurrent one holds max_bytes and not one more", "[fast_buffer]") {
  shared_writer b({.max_bytes = 1000});
  CHECK(b.max_size() == 1000);
  b.append(text_of(600), text_of(399));
  std::string error;
  try {
    b.append("xy");
  } catch (const std::length_error& e) {
    error = e.what();
  }
  CHECK(error ==
        "tarn: fast_buffer size 1001 must be at most max_bytes, 1000; it fits once 1 of the 999 "
        "bytes of content are consumed or taken");
  CHECK_FALSE(b.try_append("xy"));
  CHECK(b.try_append("x"));
  CHECK(b.size() == 1000);
  CHECK_THROWS_AS(b.append("x"), std::length_error);
  const std::byte one{};
  const volatile auto most = static_cast<std::size_t>(-1);  // hidden from the compiler
  CHECK_THROWS_AS(b.append(std::span(&one, 1), std::span(&one, most)), std::length_error);
  CHECK_THROWS_AS(b.append(std::span(&one, most)), std::length_error);
  CHECK_FALSE(b.try_append(std::span(&one, most), std::span(&one, 1)));
  CHECK(b.take().view() == text_of(600) + text_of(399) + "x");
  b.append(text_of(1000));
  CHECK(b.size() == 1000);
}

TEST_CASE("a concurrent one begins as large as was asked for, or learnt", "[fast_buffer]") {
  tarn::size_hint hint;
  {
    shared_writer b({.initial_bytes = 3000, .hint = &hint});
    b.append("x");
    CHECK(b.take().capacity() == 4096);
    CHECK(hint.bytes() == 1);
    b.append(text_of(9000));
    CHECK(b.take().size() == 9000);
    CHECK(hint.bytes() == 9000);
    b.append("x");
    CHECK(b.take().capacity() == 16384);
    b.append(text_of(12000));
  }
  CHECK(hint.bytes() == 12000);
}

TEST_CASE("a concurrent one on a closed pool says so", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  tarn::basic_concurrent_fast_buffer<tarn::spin_lock> b(pool);
  b.append("text");
  pool.close();
  b.append(text_of(124));
  CHECK_THROWS_AS(b.append("x"), tarn::pool_closed);
  CHECK_FALSE(b.try_append("x"));
  CHECK(b.take().view() == "text" + text_of(124));
  CHECK_THROWS_AS(b.append("x"), tarn::pool_closed);
}
