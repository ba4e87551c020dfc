// SPDX-License-Identifier: MIT
//
// What a pool reports when it closes while blocks are live.

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/value/closing_report.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"

namespace {

// The handler is a plain function, so what it saw is copied to here.
struct seen_report {
  std::string pool;
  tarn::closing mode{};
  std::uint64_t blocks = 0;
  std::size_t bytes = 0;
  std::vector<tarn::closing_tier> tiers;
  std::uint64_t large_blocks = 0;
  std::size_t large_bytes = 0;
  std::uint64_t nodes = 0;
  std::vector<tarn::live_site> sites;
  std::uint64_t samples = 0;
  std::uint64_t other_sites = 0;
};
std::vector<seen_report> reports;

void keep(const tarn::closing_report& r) noexcept {
  reports.push_back({r.pool,
                     r.mode,
                     r.blocks,
                     r.bytes,
                     {r.tiers.begin(), r.tiers.end()},
                     r.large_blocks,
                     r.large_bytes,
                     r.nodes,
                     {r.sites.begin(), r.sites.end()},
                     r.samples,
                     r.other_sites});
}
std::uint64_t blocks_said = 0;
void count(const tarn::closing_report& r) noexcept { blocks_said = r.blocks; }

// Sets the handler `keep` for one scope.
class listening {
 public:
  listening() : before_(tarn::set_closing_handler(keep)) { reports.clear(); }
  ~listening() { tarn::set_closing_handler(before_); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

 private:
  tarn::closing_handler before_;
};

using every_get = tarn::basic_recording_stats<16, 1>;
template <class P>
using followed = tarn::byte_pool<typename P::lock, every_get>;

template <class Pool>
auto get_at(Pool& pool, std::size_t size, std::uint32_t line) {
  return pool.get(size, tarn::call_site("here.cpp", line));
}

// The text with `_` in place of each age: a test asserts no time.
std::string without_ages(const std::string& text) {
  std::string made;
  std::size_t at = 0;
  for (std::size_t next; (next = text.find("oldest ", at)) != std::string::npos;) {
    made.append(text, at, next + 7 - at).append("_");
    at = text.find(" ms", next);
  }
  return made.append(text, at, std::string::npos);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a report has the blocks and bytes of each tier, and of those above",
                        "[closing]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening heard;
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
      {.name = "frames", .closing = tarn::closing::report});
  const auto a = pool.get(100);
  const auto b = pool.get(128);
  const auto c = pool.get(1000);
  const auto d = pool.get(3 << 20);
  const auto shared = pool.get_shared(2048);  // a block and a node
  {
    const auto idle = pool.get(5000);
  }
  pool.close();
  REQUIRE(reports.size() == 1);
  const auto& r = reports[0];
  CHECK(r.pool == "frames");
  CHECK(r.mode == tarn::closing::report);
  CHECK(r.blocks == 5);
  CHECK(r.bytes == 2 * 128 + 1024 + 2048 + (3 << 20));
  REQUIRE(r.tiers.size() == 3);
  CHECK(r.tiers[0].size_bytes == 128);
  CHECK(r.tiers[0].blocks == 2);
  CHECK(r.tiers[0].bytes() == 256);
  CHECK(r.tiers[1].size_bytes == 1024);
  CHECK(r.tiers[2].size_bytes == 2048);
  CHECK(r.large_blocks == 1);
  CHECK(r.large_bytes == 3 << 20);
  CHECK(r.nodes == 1);
  CHECK(r.other_sites == 0);
  pool.close();
  CHECK(reports.size() == 1);
}

TEMPLATE_LIST_TEST_CASE("memory of others alone is reported as its owners", "[closing]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening heard;
  std::array<std::byte, 100> mine{};
  tarn::byte_pool<typename TestType::lock> pool({.closing = tarn::closing::report});
  auto adopted = pool.adopt(mine, [] {});
  pool.close();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].blocks == 1);
  CHECK(reports[0].bytes == 0);
  CHECK(reports[0].tiers.empty());
}

TEMPLATE_LIST_TEST_CASE("a pool that follows its gets reports the places, most bytes first",
                        "[closing]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening heard;
  {
    followed<TestType> pool({.closing = tarn::closing::report});
    auto gone = get_at(pool, 100'000, 7);
    const auto one = get_at(pool, 100, 1);
    const auto two = get_at(pool, 60, 2);
    const auto more = get_at(pool, 60, 2);
    const auto most = get_at(pool, 3 << 20, 3);
    gone.reset();
    pool.close();
  }
  REQUIRE(reports.size() == 1);
  const auto& r = reports[0];
  CHECK(r.samples == 4);
  CHECK(r.other_sites == 0);
  REQUIRE(r.sites.size() == 3);
  CHECK(r.sites[0].where.line() == 3);
  CHECK(r.sites[0].estimated_bytes == 3 << 20);
  CHECK(r.sites[1].where.line() == 2);
  CHECK(r.sites[1].estimated_blocks == 2);
  CHECK(r.sites[1].estimated_bytes == 120);
  CHECK(r.sites[2].where.line() == 1);
  CHECK(std::string(r.sites[2].where.file_name()) == "here.cpp");
}

TEST_CASE("sixteen places are shown, the others are counted", "[closing]") {
  const listening heard;
  for (const std::uint32_t places : {16u, 17u, 64u, 100u}) {
    INFO(places << " places");
    followed<test::policies<tarn::no_lock, every_get>> pool({.closing = tarn::closing::report});
    std::vector<decltype(pool)::buffer> held;
    for (std::uint32_t i = 1; i <= places; ++i) {
      held.push_back(get_at(pool, i, i));
    }
    reports.clear();
    pool.close();
    REQUIRE(reports.size() == 1);
    const auto& r = reports[0];
    REQUIRE(r.sites.size() == 16);
    CHECK(r.samples == places);
    CHECK(r.other_sites == places - 16);
    for (std::size_t i = 1; i != r.sites.size(); ++i)
      CHECK(r.sites[i - 1].bytes >= r.sites[i].bytes);
    if (places <= 64) CHECK(r.sites[0].bytes == places);
  }
}

TEST_CASE("objects are reported by the size of their type", "[closing]") {
  const listening heard;
  {
    tarn::object_pool<std::array<char, 500>> pool(
        {.name = "arrays", .closing = tarn::closing::report});
    auto out = pool.get();
    pool.close();
  }
  REQUIRE(reports.size() == 1);
  REQUIRE(reports[0].tiers.size() == 1);
  CHECK(reports[0].tiers[0].size_bytes == 500);
  CHECK(reports[0].bytes == 500);
}

TEST_CASE("no handler hears of an orphan, or of a pool with nothing out", "[closing]") {
  const listening heard;
  tarn::buffer out;
  {
    tarn::byte_pool<> pool;
    out = pool.get(100);
  }
  {
    tarn::byte_pool<> pool({.closing = tarn::closing::report});
    const auto passing = pool.get(100);
  }
  CHECK(reports.size() == 0);
}

TEST_CASE("null sets the default handler, which prints each tier and each place", "[closing]") {
  CHECK(tarn::set_closing_handler(count) == tarn::print_closing_report);
  CHECK(tarn::set_closing_handler(nullptr) == count);
  CHECK(tarn::set_closing_handler(nullptr) == tarn::print_closing_report);
  const auto end = test::in_child([] {
    followed<test::policies<tarn::thread_cached<>, every_get>> pool(
        {.name = "frames", .closing = tarn::closing::report});
    const auto a = get_at(pool, 100, 12);
    const auto b = get_at(pool, 3 << 20, 34);
    pool.close();
    return 0;
  });
  CHECK(end.ok());
  CHECK(without_ages(end.said) ==
        "tarn: pool 'frames' was closed with 2 blocks in use\n"
        "  128 bytes: 1 block, 128 bytes\n"
        "  above the last tier: 1 block, 3145728 bytes\n"
        "  together: 3145856 bytes\n"
        "  here.cpp:34: 1 block, 3145728 bytes (1 followed), oldest _ ms\n"
        "  here.cpp:12: 1 block, 100 bytes (1 followed), oldest _ ms\n");
}

TEST_CASE("with abort the handler runs, then the program ends", "[closing]") {
  const auto end = test::in_child([] {
    tarn::set_closing_handler([](const tarn::closing_report& r) noexcept {
      std::fprintf(stderr, "mine: %d", static_cast<int>(r.mode));
    });
    tarn::byte_pool<> pool({.closing = tarn::closing::abort});
    const auto a = pool.get(100);
    pool.close();
    return 0;
  });
  CHECK(end.signal == SIGABRT);
  CHECK(end.said == "mine: 2");
}

TEST_CASE("a handler may give blocks back", "[closing]") {
  static std::vector<tarn::buffer> held;
  const auto before = tarn::set_closing_handler([](const tarn::closing_report& r) noexcept {
    blocks_said = r.blocks;
    held.clear();
  });
  {
    tarn::byte_pool<> pool({.closing = tarn::closing::report});
    for (int i = 0; i != 3; ++i)
      held.push_back(pool.get(100));
    pool.close();
    CHECK(pool.occupancy().in_use() == 0);
  }
  tarn::set_closing_handler(before);
  CHECK(blocks_said == 3);
}

// A thread that waits in a get, and a handler that waits for that thread.
std::atomic<bool> waiter_is_back{false};
std::atomic<bool> handler_met_waiter{false};
void wait_for_waiter(const tarn::closing_report&) noexcept {
  for (int i = 0; i != 10'000 && !waiter_is_back; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  handler_met_waiter = waiter_is_back.load();
}
template <class Pool, class Wait>
bool handler_meets_waiter(Pool& pool, Wait&& wait) {
  waiter_is_back = handler_met_waiter = false;
  const auto before = tarn::set_closing_handler(wait_for_waiter);
  std::thread waiter([&] {
    wait();
    waiter_is_back = true;
  });
  std::this_thread::sleep_for(
      std::chrono::milliseconds(20));  // so that it waits; else it is refused
  pool.close();
  waiter.join();
  tarn::set_closing_handler(before);
  return handler_met_waiter;
}

TEMPLATE_LIST_TEST_CASE("a handler runs after all threads that wait were sent away", "[closing]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  const tarn::options one{.capacity = 1, .closing = tarn::closing::report};
  {
    tarn::byte_pool<typename TestType::lock> pool(one);
    const auto held = pool.get(100);
    CHECK(handler_meets_waiter(
        pool, [&] { static_cast<void>(pool.get_for(100, std::chrono::hours(1))); }));
  }
  {
    tarn::object_pool<std::string, typename TestType::lock> pool(one);
    const auto held = pool.get();
    CHECK(handler_meets_waiter(pool,
                               [&] { static_cast<void>(pool.get_for(std::chrono::hours(1))); }));
  }
  {
    tarn::message_pool<tarn::message, typename TestType::lock> pool(one);
    const auto held = pool.get();
    CHECK(handler_meets_waiter(pool,
                               [&] { static_cast<void>(pool.get_for(std::chrono::hours(1))); }));
  }
  {
    tarn::message_pool<tarn::message, typename TestType::lock> pool(one);
    auto consumer = pool.consumer(1);
    const auto held = consumer.get();
    CHECK(handler_meets_waiter(
        pool, [&] { static_cast<void>(consumer.get_for(std::chrono::hours(1))); }));
  }
}

TEMPLATE_LIST_TEST_CASE("a report needs no heap", "[closing]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const auto before = tarn::set_closing_handler(count);
  blocks_said = 0;
  {
    tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
        {.closing = tarn::closing::report});
    const auto a = pool.get(100);
    const auto b = pool.get(1000);
    test::with_failing_heap(0, [&] { pool.close(); });
  }
  CHECK(blocks_said == 2);
  const auto end = test::in_child([] {
    tarn::set_closing_handler(nullptr);
    followed<TestType> pool({.closing = tarn::closing::report});
    const auto a = get_at(pool, 100, 5);
    test::with_failing_heap(0, [&] { pool.close(); });
    return 0;
  });
  tarn::set_closing_handler(before);
  CHECK(end.ok());
  CHECK(end.said.find("here.cpp:5: 1 block") != std::string::npos);
}
