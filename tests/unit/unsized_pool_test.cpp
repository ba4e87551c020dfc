// SPDX-License-Identifier: MIT

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/observe/event_log.hpp>
#include <tarn/observe/monitor.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class P>
using pool_of =
    tarn::unsized_pool<typename P::lock, typename P::stats, tarn::no_check, test::failing_source>;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

}  // namespace

TEMPLATE_LIST_TEST_CASE("an unsized buffer starts empty with room for 4 KiB, and comes back",
                        "[unsized_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_of<TestType> pool({}, source);
    const std::byte* first = nullptr;
    {
      auto b = pool.get();
      CHECK(b);
      CHECK(b.empty());
      CHECK(b.capacity() == 4 * kib);
      first = b.data();
      pool.append(b, "hello");
      CHECK(b.view() == "hello");
      CHECK(b.data() == first);
      pool.put(std::move(b));
      CHECK_FALSE(b);  // NOLINT(bugprone-use-after-move): that is what is tested
      pool.put(std::move(b));
    }
    auto again = pool.try_get();
    CHECK(again.data() == first);
    CHECK(again.empty());  // the text of its last user is not visible
    CHECK(pool.sized().occupancy().in_use() == 1);
    again.reset();
    CHECK(test::imbalance(pool.sized(), source) == "");
  }
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("an unsized buffer grows by doubling and keeps its content",
                        "[unsized_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_of<TestType> pool({}, source);
    auto b = pool.get();
    std::string expected;
    int moves = 0;
    const std::byte* place = b.data();
    for (int i = 0; i != 5000; ++i) {
      const auto piece = "piece " + std::to_string(i) + ";";
      expected += piece;
      pool.append(b, piece);
      moves += b.data() != place;
      place = b.data();
    }
    CHECK(b.view() == expected);
    CHECK(b.capacity() == 64 * kib);
    CHECK(moves == 4);  // 8, 16, 32, 64 KiB
    pool.reserve(b, 65 * kib);
    CHECK(b.capacity() == 128 * kib);
    CHECK(b.view() == expected);
    pool.reserve(b, 1);  // smaller: no effect
    CHECK(b.capacity() == 128 * kib);
    // A grown block comes back to its own tier: a small request does not get it.
    b.reset();
    CHECK(pool.get().capacity() == 4 * kib);
    CHECK(test::imbalance(pool.sized(), source) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("an unsized pool keeps up to 16 MiB and no more", "[unsized_pool]") {
  test::failing_source source;
  {
    tarn::unsized_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::no_check,
                       test::failing_source>
        pool({}, source);
    auto b = pool.get();
    pool.reserve(b, 16 * mib);
    CHECK(b.capacity() == 16 * mib);
    const auto* const kept = b.data();
    b.reset();
    pool.reserve(b, 16 * mib);  // an empty handle can be reserved as well
    CHECK(b.data() == kept);
    const auto blocks = source.live_blocks();
    pool.reserve(b, 16 * mib + 1);
    CHECK(b.capacity() >= 32 * mib);
    CHECK(source.live_blocks() == blocks + 1);
    b.reset();
    CHECK(source.live_blocks() == blocks);  // a larger block goes back at once
    CHECK(pool.sized().snapshot().large.gets == 1);
    CHECK(pool.sized().snapshot().large.puts == 1);
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("appending to an empty handle gets a buffer first", "[unsized_pool]") {
  tarn::unsized_pool<> pool;
  tarn::unsized_pool<>::buffer b;
  pool.append(b, "");
  CHECK(b.empty());
  pool.append(b, "abc");
  CHECK(b.view() == "abc");
  CHECK(b.capacity() == 4 * kib);
  auto large = tarn::unsized_pool<>::buffer();
  pool.append(large, std::string(10000, 'z'));
  CHECK(large.size() == 10000);
  CHECK(large.capacity() == 16 * kib);
  CHECK(large[9999] == std::byte{'z'});
}

TEST_CASE("a buffer may be appended to itself, across a growth", "[unsized_pool]") {
  // A returned block is zeroed at once, so a block that was left too early shows.
  tarn::unsized_pool<> pool({.zeroing = tarn::zeroing::on_put});
  auto b = pool.get();
  pool.append(b, "0123456789");
  std::string expected = "0123456789";
  while (expected.size() < 40000) {
    pool.append(b, b.view());
    expected += expected;
  }
  CHECK(b.view() == expected);
  pool.append(b, b.view().substr(5, 3));
  CHECK(b.view() == expected + "567");
}

TEST_CASE("a growth that fails leaves the buffer as it was", "[unsized_pool]") {
  test::failing_source source;
  {
    tarn::unsized_pool<std::mutex, tarn::counting_stats, tarn::no_check, test::failing_source> pool(
        {}, source);
    auto b = pool.get();
    pool.append(b, "content");
    const auto* const place = b.data();
    source.fail_from(1);
    CHECK_THROWS_AS(pool.reserve(b, 1 * mib), std::bad_alloc);
    CHECK_THROWS_AS(pool.append(b, std::string(1 * mib, 'x')), std::bad_alloc);
    CHECK_THROWS_AS(pool.reserve(b, static_cast<std::size_t>(-1)), std::length_error);
    const std::span<const std::byte> endless(b.data(), static_cast<std::size_t>(-1) / 2);
    CHECK_THROWS_AS(pool.append(b, endless), std::length_error);
    CHECK(b.data() == place);
    CHECK(b.view() == "content");
    source.never_fail();
    pool.append(b, "; more");
    CHECK(b.view() == "content; more");
    CHECK(test::imbalance(pool.sized(), source) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("the default unsized pool is one, and works", "[unsized_pool]") {
  auto& pool = tarn::default_unsized_pool();
  CHECK(&pool == &tarn::default_unsized_pool());
  CHECK(pool.sized().name() == "default unsized");
  auto b = pool.get();
  pool.append(b, "text");
  CHECK(b.view() == "text");
  CHECK(tarn::default_pool().name() == "default");
}

TEST_CASE("an append needs no more blocks than a reserve", "[unsized_pool]") {
  tarn::unsized_pool<std::mutex> pool(tarn::options{.capacity = 1});
  auto b = pool.get();
  pool.append(b, "begin ");
  const std::string more(5000, 'x');
  pool.append(b, more);  // one block of each tier may exist, and the first is out
  CHECK(b.view() == "begin " + more);
}

TEMPLATE_LIST_TEST_CASE("an unsized buffer with room for what is known is empty, from any get",
                        "[unsized_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::failing_source source;
  {
    pool_of<TestType> pool({}, source);
    for (const std::size_t room :
         {std::size_t{0}, 4 * kib, 4 * kib + 1, 100'000 * std::size_t{1}, 20 * mib}) {
      INFO("room " << room);
      const auto b = pool.get(room);
      CHECK(b.empty());
      CHECK(b.capacity() >= (room > 4 * kib ? room : 4 * kib));
      const auto c = pool.try_get(room);
      CHECK(c.empty());
      CHECK(c.capacity() == b.capacity());
      if constexpr (tarn::can_wait_for_other_threads<typename TestType::lock>) {
        const auto soon = tarn::time_span::of_seconds(1);
        CHECK(pool.get_for(room, soon).capacity() == b.capacity());
        CHECK(pool.get_until(room, {}).capacity() == b.capacity());
        CHECK(pool.get_for(room, soon).empty());
      }
      CHECK(pool.sized().occupancy().in_use() == 2);
    }
    auto b = pool.get(8 * kib);
    const auto* const place = b.data();
    pool.append(b, std::string(8 * kib, 'x'));
    CHECK(b.data() == place);  // it has not grown
    b.reset();
    source.fail_from(1);
    CHECK_THROWS_AS(pool.get(20 * mib), std::bad_alloc);
    CHECK_FALSE(pool.try_get(20 * mib));
    CHECK_THROWS_AS(pool.get(static_cast<std::size_t>(-1)), std::length_error);
    source.never_fail();
    CHECK(test::imbalance(pool.sized(), source) == "");
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("room that was never used is not zeroed as if it had been", "[unsized_pool]") {
  for (const auto how : {tarn::zeroing::on_get, tarn::zeroing::used_prefix}) {
    tarn::unsized_pool<> pool(tarn::options{.zeroing = how});
    auto b = pool.get(8 * kib);
    CHECK(b.empty());
    pool.append(b, std::string(8 * kib, 'x'));
    b.reset();
    b = pool.get(8 * kib);
    CHECK(b.empty());
    b.resize(8 * kib);
    CHECK(b.view() == std::string(8 * kib, '\0'));
  }
}

TEST_CASE("an unsized pool is watched as the byte_pool behind it", "[unsized_pool]") {
  tarn::unsized_pool<std::mutex> pool(tarn::options{.name = "replies", .max_objects = 16});
  tarn::event_log log;
  const auto watching = log.watch(pool);
  tarn::operation_recorder recorder;
  const auto recording = recorder.watch(pool);
  tarn::monitor m(pool, {.grow_below = 0.9, .growth = 1.0});
  std::vector<tarn::unsized_pool<std::mutex>::buffer> out;
  for (int i = 0; i != 300; ++i)
    out.push_back(pool.get());
  out.clear();
  const auto found = m.check();
  REQUIRE(found.size() == pool.sized().tiers().count());
  CHECK(found[0].new_size == 32);
  bool grew = false;
  for (const auto& e : log.events())
    grew = grew || e.kind == tarn::event_kind::grow;
  CHECK(grew);
  CHECK(recorder.operations() >= 600);
}
