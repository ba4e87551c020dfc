// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <tarn/fast_buffer.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;

// Blocks whose every byte is written on, so that zeros left out show.
bool is_zero(const tarn::buffer& b) {
  return std::all_of(b.data(), b.data() + b.capacity(), [](auto x) { return x == std::byte{0}; });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("what was written comes out as a buffer, without a copy", "[fast_buffer]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::writer_of<TestType> b(*pool);
  CHECK_FALSE(b.detach());
  b.append(text_of(1000));
  const auto* const place = b.data();
  auto out = b.detach();
  CHECK(out.data() == place);
  CHECK(out.size() == 1000);
  CHECK(out.capacity() == 1024);
  CHECK(out.view() == text_of(1000));
  CHECK(b.empty());
  CHECK(b.capacity() == 0);
  b.append("the next one");
  CHECK(b.view() == "the next one");
  CHECK(out.view() == text_of(1000));
  b.clear();
  CHECK_FALSE(b.detach());  // no byte is written, and the block stays
  CHECK(b.capacity() == 128);
  CHECK(pool->occupancy().in_use() == 2);
}

TEST_CASE("content behind consumed bytes, or in the object, is moved first", "[fast_buffer]") {
  using policy = test::policies<std::mutex, tarn::counting_stats>;
  test::byte_fixture<policy> pool;
  test::writer_of<policy> b(*pool);
  b.append(text_of(300));
  const auto* const block = b.data();
  b.consume(100);
  auto out = b.detach();
  CHECK(out.data() == block);
  CHECK(out.view() == text_of(300).substr(100));
  test::writer_of<policy, 32> local(*pool);
  local.append(text_of(20));
  auto other = local.detach();
  CHECK(other.view() == text_of(20));
  CHECK(other.capacity() == 128);
  CHECK(local.empty());
  CHECK(local.numbers().growths == 0);
}

TEST_CASE("a fast buffer may outlive its pool, but not grow there", "[fast_buffer]") {
  test::failing_source source;
  {
    using pool_type = test::byte_pool_for<test::policies<std::mutex, tarn::counting_stats>>;
    std::optional<pool_type> pool;
    pool.emplace(tarn::options{.name = "early"}, tarn::power_of_two_tiers<>{}, source);
    using writer = tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats,
                                           tarn::fast_buffer_traits<pool_type, 0>>;
    writer b(*pool);
    b.append(text_of(100));
    pool->close();
    b.append(text_of(28));  // there is room
    CHECK_THROWS_AS(b.push_back('x'), tarn::pool_closed);
    CHECK_THROWS_AS(b.reserve(1000), tarn::pool_closed);
    CHECK_FALSE(b.try_append("x"));
    CHECK(b.view() == text_of(100) + text_of(28));
    pool.reset();
    CHECK(b.view() == text_of(100) + text_of(28));
    b.consume(10);
    writer moved(std::move(b));
    const auto out = moved.detach();
    CHECK(out.view() == (text_of(100) + text_of(28)).substr(10));
    CHECK(source.live_bytes() != 0);
  }
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

TEST_CASE("it may come out with several owners", "[fast_buffer]") {
  using policy = test::policies<std::mutex, tarn::counting_stats>;
  test::byte_fixture<policy> pool;
  test::writer_of<policy, 16> b(*pool);
  CHECK_FALSE(b.detach_shared());
  b.append(text_of(1000));
  const auto* const place = b.data();
  {
    const auto first = b.detach_shared();
    const auto second = first;
    CHECK(first.ref_count() == 2);
    CHECK(second.data() == place);
    CHECK(second.view() == text_of(1000));
    CHECK(b.empty());
    b.append("in the object");
    const auto third = b.detach_shared();
    CHECK(third.view() == "in the object");
    CHECK(b.numbers().bytes == 1013);
  }
  CHECK(pool->occupancy().in_use() == 0);
}

TEST_CASE("a pool that zeroes what was used zeroes all that was written", "[fast_buffer]") {
  for (const auto zeroing : {tarn::zeroing::on_put, tarn::zeroing::used_prefix}) {
    tarn::byte_pool<> pool({.zeroing = zeroing});
    const auto next_block_is_zero = [&](std::size_t size) {
      auto block = pool.get(size);
      return is_zero(block);
    };
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(100));
      b.append(text_of(28));  // the block was requested with 100
      b.resize_uninitialized(1);
    }
    CHECK(next_block_is_zero(128));
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(256));
      b.consume(200);
      const auto out = b.detach();
    }
    CHECK(next_block_is_zero(256));
    {
      tarn::fast_buffer b(pool);
      static_cast<void>(b.prepare(512));
      std::fill_n(b.data(), 512, std::byte{1});  // never committed
    }
    CHECK(next_block_is_zero(512));
    {
      tarn::fast_buffer b(pool);
      b.append(text_of(1024));
      b.append("to the next tier");
    }
    CHECK(next_block_is_zero(1024));
    CHECK(next_block_is_zero(2048));
  }
}
