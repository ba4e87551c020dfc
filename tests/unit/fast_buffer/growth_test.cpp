// SPDX-License-Identifier: MIT

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/heap_count.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
using policy = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
using fixture = test::byte_fixture<policy>;
using writer = test::writer_of<policy>;

template <class Action>
std::string length_error_of(Action&& action) {
  try {
    action();
  } catch (const std::length_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

// First in this program, before any other code uses the default pool.
TEST_CASE("a fast buffer that was never written to has not even made the default pool",
          "[fast_buffer]") {
  CHECK(test::heap_calls_of([] {
          tarn::fast_buffer b;
          tarn::fast_buffer other(std::move(b));
          b = std::move(other);
          b.clear();
          b.shrink_to_fit();
          b.append("");
          b.reserve(0);
          CHECK_FALSE(b.detach());
          tarn::basic_concurrent_fast_buffer<tarn::thread_cached<>> shared;
          shared.append("");
          CHECK_FALSE(shared.take());
        }) == 0);
  CHECK(test::heap_calls_of([] {
          tarn::fast_buffer b;
          b.push_back('x');
          CHECK(b.capacity() == 128);
        }) != 0);
}

TEMPLATE_LIST_TEST_CASE("it doubles from tier to tier, so a byte moves less than twice on average",
                        "[fast_buffer]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  std::size_t growths = 0;
  std::size_t moved = 0;
  std::size_t strays = 0;
  for (std::size_t i = 0; i != mib; ++i) {
    const auto capacity = b.capacity();
    b.push_back(static_cast<char>(i));
    if (b.capacity() == capacity) continue;
    ++growths;
    moved += i;
    strays += b.capacity() != pool->capacity_for(b.capacity()) || b.capacity() < 2 * capacity;
  }
  CHECK(b.size() == mib);
  CHECK(b.capacity() == mib);  // not a byte of a tier is left unused
  CHECK(growths == 14);        // 128 B, 256 B ... 1 MiB
  CHECK(moved < 2 * mib);
  CHECK(strays == 0);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i != mib; ++i)
    wrong += b[i] != static_cast<std::byte>(i);
  CHECK(wrong == 0);
  if constexpr (TestType::stats::counts) {
    CHECK(b.numbers().growths == 14);
    CHECK(b.numbers().bytes == mib);
    CHECK(b.numbers().peak_bytes == mib);
  }
  CHECK(pool.imbalance() == "");
}

TEST_CASE("a large piece takes the tier that holds it", "[fast_buffer]") {
  fixture pool;
  writer b(*pool);
  b.append(text_of(5000));
  CHECK(b.capacity() == 8 * kib);
  b.append(text_of(5 * mib));  // above the last tier
  CHECK(b.capacity() == 5 * mib + 5000);
  CHECK(b.view() == text_of(5000) + text_of(5 * mib));
}

TEST_CASE("the first block has the size that was asked for, at the first byte", "[fast_buffer]") {
  fixture pool;
  writer b(*pool, {.initial_bytes = 3000});
  CHECK(pool->occupancy().in_use() == 0);
  b.push_back('x');
  CHECK(b.capacity() == 4 * kib);
  writer none(*pool, {.initial_bytes = 0});
  none.push_back('x');
  CHECK(none.capacity() == 128);
  writer bounded(*pool, {.initial_bytes = 1000, .max_bytes = 200});
  bounded.push_back('x');
  CHECK(bounded.capacity() == 200);
}

TEST_CASE("reserved room is there without a growth; less than there is changes nothing",
          "[fast_buffer]") {
  fixture pool;
  writer b(*pool);
  b.append("text");
  b.reserve(10000);
  CHECK(b.capacity() == 16 * kib);
  CHECK(b.view() == "text");
  const auto* const place = b.data();
  b.append(text_of(10000 - 4));
  b.reserve(1);
  b.reserve(16 * kib);
  CHECK(b.data() == place);
  CHECK(b.try_reserve(16 * kib + 1));
  CHECK(b.capacity() == 32 * kib);
}

TEST_CASE("it holds max_bytes and not one more, and says so", "[fast_buffer]") {
  fixture pool;
  writer b(*pool, {.max_bytes = 1000});
  CHECK(b.max_size() == 1000);
  b.append(text_of(999));
  b.push_back('x');
  CHECK(b.size() == 1000);
  const auto full = std::string(b.view());
  CHECK(length_error_of([&] { b.push_back('y'); }) ==
        "tarn: fast_buffer size 1001 must be at most max_bytes, 1000; it fits once 1 of the 1000 "
        "bytes of content are consumed or taken");
  CHECK(length_error_of([&] { b.append("seven b"); }) ==
        "tarn: fast_buffer size 1007 must be at most max_bytes, 1000; it fits once 7 of the 1000 "
        "bytes of content are consumed or taken");
  CHECK_FALSE(b.try_append("x"));
  CHECK_FALSE(b.try_reserve(1001));
  CHECK_THROWS_AS(b.reserve(1001), std::length_error);
  CHECK_THROWS_AS(b.resize_uninitialized(1001), std::length_error);
  CHECK_THROWS_AS(static_cast<void>(b.prepare(1)), std::length_error);
  CHECK_THROWS_AS(b.reserve(static_cast<std::size_t>(-1)), std::length_error);
  CHECK_THROWS_AS(static_cast<void>(b.prepare(static_cast<std::size_t>(-1))), std::length_error);
  CHECK(b.view() == full);
  CHECK(b.capacity() == 1000);
  // Consumed bytes make room, even if they are few: the buffer can't grow here.
  b.consume(10);
  b.append("0123456789");
  CHECK(b.view() == full.substr(10) + "0123456789");
  CHECK_THROWS_AS(b.push_back('y'), std::length_error);
  // A size that is larger than any memory.
  writer endless(*pool);
  endless.append("x");
  CHECK_THROWS_AS(endless.reserve(static_cast<std::size_t>(-1)), std::length_error);
  const volatile auto most = static_cast<std::size_t>(-1);  // hidden from the compiler
  CHECK_THROWS_AS(endless.append(std::span(endless.data(), most)), std::length_error);
  CHECK_FALSE(endless.try_append(std::span(endless.data(), most)));
  CHECK(endless.view() == "x");
}

TEST_CASE("clear keeps the block, unless it is larger than what is to be kept", "[fast_buffer]") {
  fixture pool;
  writer b(*pool, {.keep_bytes = 4 * kib});
  b.append(text_of(4000));
  const auto* const place = b.data();
  b.clear();
  CHECK(b.empty());
  CHECK(b.data() == place);
  CHECK(b.capacity() == 4 * kib);
  b.append(text_of(4097));
  b.clear();
  CHECK(b.capacity() == 0);
  CHECK(pool->occupancy().in_use() == 0);
  b.append("again");
  CHECK(b.view() == "again");
}

TEST_CASE("shrinking moves to the smallest tier that fits", "[fast_buffer]") {
  fixture pool;
  writer b(*pool);
  b.append(text_of(100));
  b.reserve(100 * kib);
  b.shrink_to_fit();
  CHECK(b.capacity() == 128);
  CHECK(b.view() == text_of(100));
  const auto* const place = b.data();
  b.shrink_to_fit();
  CHECK(b.data() == place);
  b.consume(50);
  b.shrink_to_fit();  // the same tier: not worth a move
  CHECK(b.data() == place + 50);
  b.clear();
  b.shrink_to_fit();
  CHECK(b.capacity() == 0);
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("bytes in the object itself come first, and last", "[fast_buffer]") {
  fixture pool;
  using local = test::writer_of<policy, 64>;
  local b(*pool);
  CHECK(b.capacity() == 64);
  b.append(text_of(64));
  CHECK(pool->occupancy().in_use() == 0);
  local moved(std::move(b));
  CHECK(b.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(moved.view() == text_of(64));
  CHECK(pool->occupancy().in_use() == 0);
  moved.push_back('x');
  CHECK(moved.view() == text_of(64) + "x");
  CHECK(moved.capacity() == 128);
  CHECK(pool->occupancy().in_use() == 1);
  const auto* const place = moved.data();
  b = std::move(moved);
  CHECK(b.data() == place);  // a block is not copied
  CHECK(moved.capacity() == 64);
  b.consume(1);
  b.shrink_to_fit();
  CHECK(b.capacity() == 64);
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(b.view() == text_of(64).substr(1) + "x");
  b.consume(3);
  moved = std::move(b);
  CHECK(moved.view() == text_of(64).substr(4) + "x");
  local bounded(*pool, {.max_bytes = 10});
  bounded.append("0123456789");
  CHECK_THROWS_AS(bounded.push_back('x'), std::length_error);
}

TEMPLATE_LIST_TEST_CASE("a writer that is used again and again takes nothing from the heap",
                        "[fast_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto work = [&] {
    for (int i = 0; i != 10; ++i) {
      test::writer_of<TestType> b(*pool);
      for (int k = 0; k != 300; ++k)
        b.append("sixteen bytes...");
      b.append_varint(300);
      const auto out = b.detach();
      test::policy_writer_of<TestType> other(*pool);
      other.append("sixteen bytes...");
    }
  };
  work();
  CHECK(test::heap_calls_of(work) == 0);
}

TEST_CASE("numbers count what was written, not what is there", "[fast_buffer]") {
  fixture pool;
  writer b(*pool);
  b.append(text_of(100));
  b.consume(60);
  b.append(text_of(20));
  CHECK(b.numbers().bytes == 120);
  CHECK(b.numbers().peak_bytes == 100);
  CHECK(b.numbers().growths == 1);
  b.clear();
  b.append(text_of(10));
  b.resize_uninitialized(4);
  CHECK(b.numbers().bytes == 130);
  writer moved(std::move(b));
  CHECK(moved.numbers().bytes == 130);
  CHECK(b.numbers().bytes == 0);  // NOLINT(bugprone-use-after-move): that is what is tested
  const auto out = moved.detach();
  CHECK(moved.numbers().bytes == 130);
  moved.append(text_of(200));
  CHECK(moved.numbers().bytes == 330);
  CHECK(moved.numbers().peak_bytes == 200);
  CHECK(moved.numbers().growths == 2);
}
