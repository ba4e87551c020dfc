// SPDX-License-Identifier: MIT
//
// The stats policy of a fast_buffer: a user's recorder is told of blocks and contents, and
// recording_stats records them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/value/size_buckets.hpp>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"

namespace {

using test::text_of;

/// A lock that tells whether it is held.
struct watched_lock {
  void lock() noexcept { is_held = true; }
  bool try_lock() noexcept { return !std::exchange(is_held, true); }
  void unlock() noexcept { is_held = false; }

  static inline bool is_held = false;
};

/// What the recorders were told, in order. The policy counts nothing else.
struct told_stats {
  static constexpr bool counts = false;

  template <class Counter>
  struct recorder {
    void on_get(std::uint32_t tier, std::size_t size) noexcept { note("get", tier, size); }
    void on_put(std::uint32_t tier) noexcept { note("put", tier, 0); }
    void on_oversize(std::size_t size) noexcept { note("oversize", 0, size); }
    void on_content(std::size_t size) noexcept { note("content", 0, size); }

    static void note(const char* what, std::uint32_t tier, std::size_t size) {
      if (watched_lock::is_held) log += "LOCKED ";
      log += std::string(what) + ' ' + std::to_string(tier) + ' ' + std::to_string(size) + "; ";
    }
  };
  static inline std::string log;
};
std::string told() { return std::exchange(told_stats::log, ""); }

using told_writer = tarn::basic_fast_buffer<tarn::no_lock, told_stats>;
using user_stats = test::some_of<test::locks, std::tuple<test::byte_stats>>;
using recording = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;

template <class Writer>
auto asked_and_returned(const Writer& b) {
  std::pair<std::uint64_t, std::uint64_t> sums;
  b.for_each_recorder([&](const auto& r) {
    sums.first += r.asked.read();
    sums.second += r.returned.read();
  });
  return sums;
}

template <class Writer>
void end_content(Writer& b) {
  if constexpr (tarn::is_concurrent_v<typename Writer::lock_type>) {
    static_cast<void>(b.take());
  } else {
    static_cast<void>(b.detach());
  }
}

static_assert(sizeof(tarn::basic_fast_buffer<tarn::no_lock, test::byte_stats>) ==
              sizeof(tarn::fast_buffer) + 24);
template <class B>
concept has_history = requires(const B& b) { b.history(); };
static_assert(has_history<tarn::basic_fast_buffer<tarn::no_lock, tarn::recording_stats>>);
static_assert(has_history<tarn::basic_concurrent_fast_buffer<std::mutex, tarn::recording_stats>>);
static_assert(!has_history<tarn::fast_buffer> && !has_history<tarn::concurrent_fast_buffer>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("a user's recorder is told of each block, under every lock",
                        "[fast_buffer]", user_stats) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::policy_writer_of<TestType> b(*pool);
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(0, 0));
  b.append(text_of(100));  // 128 B
  b.append(text_of(20));
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(100, 0));
  b.append(text_of(9));  // 256 B
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(229, 1));
  CHECK(b.try_append(text_of(5 << 20)));  // above the last tier
  const std::uint64_t sum = 229 + 129 + (5 << 20);
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(sum, 2));
  end_content(b);
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(sum, 2));
  b.append("a");
  end_content(b);
  CHECK(asked_and_returned(b) == std::pair<std::uint64_t, std::uint64_t>(sum + 1, 3));
}

TEST_CASE("a recorder is told of each way in which a block or a content goes", "[fast_buffer]") {
  tarn::byte_pool<> pool;
  told();
  {
    told_writer b(pool, {.keep_bytes = 128});
    CHECK(told() == "");
    b.append(text_of(100));
    CHECK(told() == "get 0 100; ");
    b.clear();
    b.clear();
    CHECK(told() == "content 0 100; ");
    b.append(text_of(200));
    CHECK(told() == "get 1 200; put 0 0; ");
    b.prepend(text_of(100));
    CHECK(told() == "get 2 300; put 1 0; ");
    b.consume(250);
    b.shrink_to_fit();
    CHECK(told() == "get 0 50; put 2 0; ");
    auto out = b.detach();
    CHECK(told() == "content 0 50; put 0 0; ");
    b.append(text_of(3));
    told();
    b.attach(pool.get(1000));
    CHECK(told() == "content 0 3; get 3 1000; put 0 0; ");
    CHECK(b.detach_shared().size() == 1000);
    CHECK(told() == "content 0 1000; put 3 0; ");
    b.append(text_of(129));
    b.clear();
    CHECK(told() == "get 1 129; content 0 129; put 1 0; ");
    b.append(text_of(128));
    told();
    const auto front = b.split_to(128);
    CHECK(told() == "put 0 0; ");
    b.append("12");
    told_writer other(std::move(b));
    CHECK(told() == "get 0 2; ");
    b = told_writer(pool);
    CHECK(told() == "");
    b.append("1");
    told();
    b = std::move(other);
    CHECK(told() == "content 0 1; put 0 0; ");
  }
  CHECK(told() == "content 0 2; put 0 0; ");
}

TEST_CASE("a concurrent one tells its recorder the same, and holds no lock then", "[fast_buffer]") {
  told();
  {
    tarn::byte_pool<> pool;
    tarn::basic_concurrent_fast_buffer<watched_lock, told_stats> b(pool);
    b.append(text_of(100));
    b.append(text_of(100));
    CHECK(told() == "get 0 100; get 1 200; put 0 0; ");
    CHECK(b.take().size() == 200);
    CHECK_FALSE(b.take());
    CHECK(told() == "content 0 200; put 1 0; ");
    b.append("123");
    CHECK(told() == "get 0 3; ");
  }
  CHECK(told() == "content 0 3; put 0 0; ");
}

TEST_CASE("content in the object itself is no block", "[fast_buffer]") {
  told();
  {
    tarn::byte_pool<> pool;
    tarn::basic_fast_buffer<tarn::no_lock, told_stats,
                            tarn::fast_buffer_traits<tarn::byte_pool<>, 64>>
        b(pool);
    b.append(text_of(64));
    CHECK(told() == "");
    b.append("1");
    CHECK(told() == "get 0 65; ");
    b.consume(60);
    b.shrink_to_fit();
    CHECK(told() == "put 0 0; ");
    auto moved = std::move(b);
    CHECK(moved.detach().size() == 5);
    CHECK(told() == "get 0 5; content 0 5; put 0 0; ");
    moved.append("1234");
  }
  CHECK(told() == "content 0 4; ");
}

TEST_CASE("the tier of a block is that of its own pool, also when the buffer's pool is gone",
          "[fast_buffer]") {
  using pool_type = tarn::byte_pool_of<tarn::runtime_tiers>;
  using writer =
      tarn::basic_fast_buffer<tarn::no_lock, told_stats, tarn::fast_buffer_traits<pool_type>>;
  pool_type large({}, tarn::runtime_tiers({64, 128, 1024}));
  told();
  auto small_pool = std::make_unique<pool_type>(tarn::options{}, tarn::runtime_tiers({512}));
  writer b(*small_pool);
  b.append("123");
  small_pool.reset();
  b.attach(large.get(1000));
  CHECK(told() == "get 0 3; content 0 3; get 2 1000; put 0 0; ");
  b.clear();
  told();
}

TEMPLATE_LIST_TEST_CASE("recording_stats records the sizes of contents, and growths by tier",
                        "[fast_buffer]", recording) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  test::policy_writer_of<TestType> b(*pool);
  std::vector<std::size_t> sizes;
  CHECK(b.history().recent_sizes.empty());
  CHECK(b.history().blocks.empty());
  for (std::size_t i = 1; i <= 300; ++i) {
    b.append(text_of(i));
    CHECK(b.history().recent_sizes == sizes);
    end_content(b);
    sizes.push_back(i);
    if (sizes.size() > 256) sizes.erase(sizes.begin());
  }
  const auto seen = b.history();
  CHECK(seen.recent_sizes == sizes);
  REQUIRE(seen.size_histogram.size() == tarn::size_buckets::count);
  CHECK(std::accumulate(seen.size_histogram.begin(), seen.size_histogram.end(), std::uint64_t{0}) ==
        300);
  CHECK(seen.size_histogram[tarn::size_buckets::bucket_of(64)] == 16);
  CHECK(seen.blocks == std::vector<std::uint64_t>{128, 128, 44});
  CHECK(seen.large_blocks == 0);
  CHECK(b.numbers().growths == 300);

  for (std::size_t i = 0; i != 4; ++i)
    b.append(text_of(1 << 20));
  CHECK(b.history().blocks ==
        std::vector<std::uint64_t>{128, 128, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(b.history().large_blocks == 1);
}

TEST_CASE("what was recorded moves with the buffer", "[fast_buffer]") {
  using writer = tarn::basic_fast_buffer<tarn::no_lock, tarn::basic_recording_stats<2>>;
  writer a;
  for (const std::size_t size : {1u, 2u, 3u}) {
    a.append(text_of(size));
    a.clear();
  }
  a.append("12");
  writer b(std::move(a));
  CHECK(b.history().recent_sizes == std::vector<std::size_t>{2, 3});
  CHECK(b.history().blocks == std::vector<std::uint64_t>{1});
  b.clear();
  CHECK(b.history().recent_sizes == std::vector<std::size_t>{3, 2});
  CHECK(a.history().recent_sizes.empty());  // NOLINT(bugprone-use-after-move): that is tested
  a = std::move(b);
  CHECK(a.history().recent_sizes == std::vector<std::size_t>{3, 2});
}
