// SPDX-License-Identifier: MIT
//
// Fast buffers on a pool that refuses what growth wants: they take what it has, they move content
// over consumed bytes, and only then they fail. Requests, refusals and moved bytes are counted.

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/builder.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

using test::text_of;
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
using policy = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
using fixture = test::byte_fixture<policy>;
using writer = test::writer_of<policy>;

// Blocks above 4 KiB have any size.
using tiers = tarn::power_of_two_tiers<128, 4096>;
template <class P>
using fine_fixture = test::byte_fixture<P, tiers>;
template <class P, std::size_t InlineBytes = 0>
using fine_writer =
    tarn::basic_fast_buffer<tarn::no_lock, typename P::stats,
                            tarn::fast_buffer_traits<test::byte_pool_for<P, tiers>, InlineBytes>>;
template <class P>
using fine_shared_writer =
    tarn::basic_concurrent_fast_buffer<typename P::lock, typename P::stats,
                                       tarn::fast_buffer_traits<test::byte_pool_for<P, tiers>>>;

template <class Pool>
[[nodiscard]] std::uint64_t refusals_of(const Pool& pool) {
  std::uint64_t sum = 0;
  const auto now = pool.occupancy();
  for (const auto n : now.refusals)
    sum += n;
  return sum;
}

template <class Action>
[[nodiscard]] std::string error_of(Action&& action) {
  try {
    action();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

// Appends single bytes until the pool refuses. Returns: how many fitted.
template <class Writer>
std::size_t fill(Writer& b) {
  std::size_t n = 0;
  while (b.try_append("x"))
    ++n;
  return n;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("where doubling is refused, a fast buffer takes a part of it",
                        "[fast_buffer]", test::every_policy) {
  INFO(test::name_of<TestType>());
  fine_fixture<TestType> pool({.limit_bytes = 270 * kib});
  fine_writer<TestType> b(*pool);
  b.append(text_of(100 * kib));
  b.push_back('x');  // 200 KiB would be above the limit; 170 KiB are left
  CHECK(b.view() == text_of(100 * kib) + "x");
  CHECK(b.capacity() >= 135 * kib);
  CHECK(b.capacity() <= 170 * kib);
  // 100 KiB are left, so the block cannot become larger, and this is the one refusal.
  CHECK(refusals_of(*pool) == 0);
  b.append(text_of(b.room()));
  const auto full = std::string(b.view());
  const auto needed = std::to_string(full.size() + 1);
  const auto error = error_of([&] { b.push_back('y'); });
  CHECK(error.find("has nothing for " + needed + " bytes: ") != std::string::npos);
  CHECK(error.find("limit_bytes 276480") != std::string::npos);
  CHECK(refusals_of(*pool) == 1);
  CHECK_FALSE(b.try_append("y"));
  CHECK_FALSE(b.try_reserve(full.size() + 1));
  CHECK(refusals_of(*pool) == 3);
  CHECK(b.view() == full);
  CHECK(b.capacity() == full.size());
  if constexpr (TestType::stats::counts) CHECK(b.numbers().peak_bytes == full.size());
}

TEMPLATE_LIST_TEST_CASE("a concurrent one takes a part of what growth wants as well",
                        "[fast_buffer]", test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  fine_fixture<TestType> pool({.limit_bytes = 270 * kib});
  fine_shared_writer<TestType> b(*pool);
  b.append(text_of(100 * kib));
  b.append("x");
  CHECK(refusals_of(*pool) == 0);
  const auto more = fill(b);
  CHECK(more >= 35 * kib - 1);
  CHECK(refusals_of(*pool) == 1);
  CHECK_THROWS_AS(b.append("x"), tarn::pool_exhausted);
  CHECK(refusals_of(*pool) == 2);
  CHECK(b.size() == 100 * kib + 1 + more);
  CHECK(b.take().view() == text_of(100 * kib) + "x" + std::string(more, 'x'));
  b.append(text_of(100));
  CHECK(b.take().view() == text_of(100));
}

TEST_CASE("content that grows to the limit moves O(1) bytes for each", "[fast_buffer]") {
  for (const std::size_t limit : {1000 * kib, 1001 * kib + 17, 1400 * kib, 1537 * kib}) {
    for (const std::size_t taken : {std::size_t{0}, 100 * kib, 333 * kib}) {
      INFO(limit << " taken " << taken);
      fine_fixture<policy> pool({.limit_bytes = limit});
      fine_writer<policy> b(*pool);
      const auto other = pool->get(taken);
      std::size_t moved = 0;
      for (;;) {
        const auto* const before = b.data();
        const auto size = b.size();
        if (!b.try_append("x")) break;
        if (b.data() != before) moved += size;
      }
      const auto held = b.size();
      CHECK(moved <= 3 * held);
      CHECK(2 * held >= limit - taken - 70 * kib);  // two of them are as much as there is
      CHECK(b.numbers().growths <= 16);
      fine_shared_writer<policy> shared(*pool);
      b.clear();
      b.shrink_to_fit();
      CHECK(fill(shared) >= held - 64 * kib);
      CHECK(shared.numbers().growths <= 16);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("a first block that is not to be had is one of the size that is needed",
                        "[fast_buffer]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.limit_bytes = 2 * mib});
  tarn::size_hint hint(7 * mib);
  test::writer_of<TestType> b(*pool, {.initial_bytes = 5 * mib});
  b.append("text");
  CHECK(b.view() == "text");
  CHECK(b.capacity() == 128);
  test::writer_of<TestType> hinted(*pool, {.hint = &hint});
  CHECK(hinted.try_append("text"));
  CHECK(hinted.capacity() == 128);
  test::writer_of<TestType, 64> local(*pool, {.initial_bytes = 5 * mib});
  local.append(text_of(65));
  CHECK(local.capacity() == 128);
  CHECK(local.view() == text_of(65));
  test::policy_writer_of<TestType> own(*pool, {.initial_bytes = 5 * mib});
  own.append("text");
  CHECK(own.size() == 4);
  CHECK(refusals_of(*pool) == 0);
}

TEMPLATE_LIST_TEST_CASE("builders begin with what the pool has", "[fast_buffer]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = test::byte_pool_for<TestType>;
  test::byte_fixture<TestType> pool({.capacity = 1});
  const auto taken = pool->get(256);  // the only block of the size with which builders begin
  tarn::basic_string_builder<pool_type> text(*pool);
  text.append("text").append(42);
  CHECK(text.view() == "text42");
  CHECK(text.capacity() == 128);
  text.reset();
  tarn::basic_key_builder<pool_type> key(*pool);
  key.add("user").add(42);
  CHECK(key.view() == "user:42");
  CHECK(refusals_of(*pool) == 0);
  const std::string before(key.view());
  CHECK_THROWS_AS(key.add(text_of(200)), tarn::pool_exhausted);
  CHECK(key.view() == before);
  CHECK(refusals_of(*pool) == 1);
}

TEMPLATE_LIST_TEST_CASE("what the consumed bytes have room for needs no larger block",
                        "[fast_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const bool is_bounded : {false, true}) {
    for (const bool by_source : {false, true}) {
      INFO("bounded " << is_bounded << " by source " << by_source);
      const auto limit = by_source ? tarn::options{}.limit_bytes : 96 * kib;
      test::byte_fixture<TestType> pool({.limit_bytes = limit});
      test::writer_of<TestType> b(*pool);
      if (is_bounded) b = test::writer_of<TestType>(*pool, {.max_bytes = 64 * kib});
      b.reserve(64 * kib);
      if (by_source) pool.source.fail_from(1);
      b.append(text_of(64 * kib));
      std::string same(b.view());
      b.consume(100);  // far less than half of the rest
      same.erase(0, 100);
      b.append(text_of(60));
      same += text_of(60);
      CHECK(b.view() == same);
      REQUIRE(b.try_append(text_of(40)));
      same += text_of(40);
      CHECK(b.view() == same);
      CHECK(refusals_of(*pool) == 0);
      if (is_bounded) {
        CHECK_THROWS_AS(b.append("x"), std::length_error);
      } else {
        CHECK_THROWS_AS(b.append("x"), tarn::pool_exhausted);
        CHECK_FALSE(b.try_append("x"));
        CHECK(refusals_of(*pool) == 2);
      }
      CHECK(b.view() == same);
      pool.source.never_fail();
    }
  }
}

TEST_CASE("a buffer that the pool refuses to enlarge asks it rarely", "[fast_buffer]") {
  constexpr std::size_t turns = 5000;
  for (const bool is_bounded : {false, true}) {
    for (const std::size_t free : {std::size_t{16}, std::size_t{64}, std::size_t{1000}}) {
      INFO("bounded " << is_bounded << " free " << free);
      fixture pool;
      writer b(*pool);
      if (is_bounded) b = writer(*pool, {.max_bytes = 4 * kib});
      b.reserve(4 * kib);
      pool.source.fail_from(1);
      static_cast<void>(pool->try_get(4 * mib));  // takes all idle slabs from the pool
      const auto refused = refusals_of(*pool);
      b.append(text_of(4 * kib - free));
      const auto failures = pool.source.failures();
      std::size_t moved = 0;
      std::size_t slides = 0;
      for (std::size_t i = 0; i != turns; ++i) {
        b.consume(16);
        const auto* const before = b.data();
        const auto size = b.size();
        b.append("sixteen bytes...");
        if (b.data() == before) continue;
        moved += size;
        ++slides;
      }
      CHECK(b.capacity() == 4 * kib);
      // What is free behind the content is all that can be used between two moves.
      CHECK(moved <= (turns * 16 / free + 1) * 4 * kib);
      // A request asks the source a few times.
      CHECK(pool.source.failures() - failures <= 4 * (slides / 255 + 1));
      CHECK(refusals_of(*pool) == refused);
      // With memory again it grows, at the latest after the pause.
      pool.source.never_fail();
      for (std::size_t i = 0; i != turns && b.data() != nullptr; ++i) {
        b.consume(16);
        b.append("sixteen bytes...");
      }
      if (free < 1000) CHECK(b.numbers().growths == 2);
    }
  }
}

TEST_CASE("appends that fail again and again ask the pool once each", "[fast_buffer]") {
  fine_fixture<policy> pool;
  fine_writer<policy> b(*pool);
  fine_shared_writer<policy> shared(*pool);
  b.append(text_of(50 * kib));
  shared.append(text_of(50 * kib));
  pool.source.fail_from(1);
  CHECK_FALSE(b.try_append("x"));
  CHECK_FALSE(shared.try_append("x"));
  const auto failures = pool.source.failures();
  const auto refused = refusals_of(*pool);
  for (int i = 0; i != 200; ++i) {
    REQUIRE_FALSE(b.try_append("x"));
    REQUIRE_FALSE(shared.try_append("x"));
  }
  CHECK(refusals_of(*pool) - refused == 400);
  CHECK(pool.source.failures() - failures <= 2 * 400);
  pool.source.never_fail();
  b.append("x");
  shared.append("x");
  CHECK(b.size() == 50 * kib + 1);
}

TEST_CASE("shrinking that is refused is no refusal of a request", "[fast_buffer]") {
  fixture pool({.capacity = 1});
  const auto taken = pool->get(100);
  writer b(*pool, {.initial_bytes = 1000});
  b.append("text");
  b.shrink_to_fit();
  CHECK(b.capacity() == 1024);
  CHECK(refusals_of(*pool) == 0);
}

TEST_CASE("every value of every option is valid, in every combination", "[fast_buffer]") {
  constexpr std::size_t values[] = {0,
                                    1,
                                    100,
                                    128,
                                    5000,
                                    3 * mib,
                                    std::size_t{1} << 43,
                                    tarn::detail::max_size - 1,
                                    tarn::detail::max_size,
                                    tarn::detail::max_size + 1,
                                    SIZE_MAX - 1,
                                    SIZE_MAX};
  // Without a limit the source is asked for such sizes too; asan takes that for a mistake.
  for (const bool is_limited : {true, false}) {
    if (!is_limited && test::with_asan) continue;
    fixture pool;
    fixture limited({.limit_bytes = 2 * mib});
    auto& from = is_limited ? *limited : *pool;
    for (const auto initial : values) {
      for (const auto most : values) {
        for (const std::size_t keep : {std::size_t{0}, std::size_t{200}, SIZE_MAX}) {
          for (const bool is_hint : {false, true}) {
            // Sizes that a system with overcommit may grant are of no use here.
            if (!is_limited && initial == std::size_t{1} << 43) continue;
            INFO("initial " << initial << " most " << most << " keep " << keep << " " << is_hint);
            tarn::size_hint hint(initial);
            tarn::fast_buffer_options o{
                .initial_bytes = initial, .max_bytes = most, .keep_bytes = keep};
            if (is_hint) o.initial_bytes = 0, o.hint = &hint;
            const auto try_out = [&](auto& b, auto&& size) {
              for (int round = 0; round != 3; ++round) {
                const auto n = most < 300 ? most : std::size_t{300};
                if (n != 0) b.append(text_of(n));
                REQUIRE(size() == n);
                if (n == most) {
                  CHECK_THROWS_AS(b.append("x"), std::length_error);
                  CHECK_FALSE(b.try_append("x"));
                }
                const auto got = [&] {
                  if constexpr (requires { b.take(); }) {
                    return b.take();
                  } else {
                    CHECK_THROWS_AS(b.reserve(SIZE_MAX), std::length_error);
                    CHECK_FALSE(b.try_reserve(SIZE_MAX));
                    CHECK_THROWS_AS(b.resize_uninitialized(SIZE_MAX), std::length_error);
                    CHECK_THROWS_AS(static_cast<void>(b.prepare(SIZE_MAX - n)), std::length_error);
                    CHECK(b.view() == text_of(n));
                    b.consume(n / 2);
                    b.append(text_of(n / 2));
                    CHECK(b.size() == n);
                    b.clear();
                    CHECK((b.capacity() <= (keep > 64 ? keep : 64) || keep >= most));
                    if (n != 0) b.append(text_of(n));
                    return b.detach();
                  }
                }();
                CHECK(got.view() == text_of(n));
              }
            };
            writer plain(from, o);
            try_out(plain, [&] { return plain.size(); });
            test::writer_of<policy, 64> local(from, o);
            try_out(local, [&] { return local.size(); });
            test::policy_writer_of<policy> shared(from, o);
            try_out(shared, [&] { return shared.size(); });
          }
        }
      }
    }
    CHECK(refusals_of(from) == 0);
  }
}

TEST_CASE("a size that is too large is named, with its limit and what helps", "[fast_buffer]") {
  fixture pool;
  writer b(*pool, {.max_bytes = 1000});
  test::policy_writer_of<policy> shared(*pool, {.max_bytes = 1000});
  b.append(text_of(990));
  shared.append(text_of(990));
  const std::string held =
      "tarn: fast_buffer size 1020 must be at most max_bytes, 1000; it fits once 20 of the 990 "
      "bytes of content are consumed or taken";
  CHECK(error_of([&] { b.append(text_of(30)); }) == held);
  CHECK(error_of([&] { shared.append(text_of(30)); }) == held);
  const std::string never =
      "tarn: fast_buffer size 1991 must be at most max_bytes, 1000; only a larger max_bytes helps";
  CHECK(error_of([&] { b.append(text_of(1001)); }) == never);
  CHECK(error_of([&] { shared.append(text_of(1001)); }) == never);
  const auto most = std::to_string(SIZE_MAX);
  CHECK(error_of([&] { static_cast<void>(b.prepare(SIZE_MAX)); }) ==
        "tarn: fast_buffer size " + most +
            " must be at most max_bytes, 1000; only a larger max_bytes helps");
  writer endless(*pool);
  CHECK(error_of([&] { endless.reserve(SIZE_MAX); }) == "tarn: fast_buffer size " + most +
                                                            " must be at most max_bytes, " +
                                                            std::to_string(PTRDIFF_MAX));
}

TEST_CASE("two pieces whose sizes no block could have are a length error", "[fast_buffer]") {
  fixture pool;
  writer b(*pool);
  test::policy_writer_of<policy> shared(*pool);
  const std::byte some{};
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}, SIZE_MAX / 2, SIZE_MAX}) {
    for (const std::size_t second : {SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX}) {
      INFO(first << " and " << second);
      const std::span one(&some, first);
      const std::span two(&some, second);
      CHECK_THROWS_AS(b.append(one, two), std::length_error);
      CHECK_THROWS_AS(b.append(two, one), std::length_error);
      CHECK_THROWS_AS(shared.append(one, two), std::length_error);
      CHECK_THROWS_AS(shared.append(two, one), std::length_error);
      CHECK_FALSE(shared.try_append(one, two));
      CHECK_FALSE(shared.try_append(two, one));
    }
  }
  CHECK(b.empty());
  CHECK(shared.empty());
  CHECK(refusals_of(*pool) == 0);
}
