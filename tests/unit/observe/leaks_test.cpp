// SPDX-License-Identifier: MIT
//
// The holders of blocks: by call site, age and size, for every kind of pool and lock.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/leaks.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

using all = tarn::basic_recording_stats<256, 1>;  // every get is followed
using policy = test::some_of<test::locks, std::tuple<all>>;
using sampled_policy = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;

[[nodiscard]] bool is_here(const tarn::call_site& where, unsigned line) {
  return std::string(where.file_name()).find("leaks_test.cpp") != std::string::npos &&
         where.line() == line;
}

/// Whether there is exactly one call site, in this file and in that line.
[[nodiscard]] bool is_only(const tarn::leak_report& report, unsigned line, std::uint64_t blocks,
                           std::uint64_t bytes) {
  return report.sites.size() == 1 && is_here(report.sites[0].where, line) &&
         report.sites[0].samples == blocks && report.sites[0].bytes == bytes &&
         report.samples == blocks;
}

template <class Lock>
using objects = tarn::object_pool<std::vector<int>, Lock, all>;
template <class Lock>
using messages = tarn::message_pool<tarn::message, Lock, all>;

int leaks_reported = 0;
std::string last_leak;

}  // namespace

TEMPLATE_LIST_TEST_CASE("each way to get bytes is known by its own line", "[leaks]", policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  CHECK(pool.live_blocks().empty());
  {
    const unsigned line = __LINE__ + 1;
    const auto b = pool.get(100);
    CHECK(is_only(pool.live_blocks(), line, 1, 100));
  }
  CHECK(pool.live_blocks().empty());
  {
    const unsigned line = __LINE__ + 1;
    const auto b = pool.try_get(200);
    CHECK(is_only(pool.live_blocks(), line, 1, 200));
  }
  {
    const unsigned line = __LINE__ + 1;
    const auto b = pool.get_at_least(300);
    CHECK(is_only(pool.live_blocks(), line, 1, 300));
  }
  {
    const unsigned line = __LINE__ + 1;
    const auto b = pool.try_get_at_least(300);
    CHECK(is_only(pool.live_blocks(), line, 1, 300));
  }
  for (const std::size_t size : {100u, 128u}) {  // the second has a node, which is not reported
    const unsigned line = __LINE__ + 1;
    auto b = pool.get_shared(size);
    auto other = b;
    CHECK(is_only(pool.live_blocks(), line, 1, size));
    b.reset();
    CHECK(is_only(pool.live_blocks(), line, 1, size));
  }
  CHECK(pool.live_blocks().empty());
  {
    const unsigned line = __LINE__ + 1;
    void* const p = pool.allocate(100);
    CHECK(is_only(pool.live_blocks(), line, 1, 100));
    pool.deallocate(p, 100);
  }
  {
    const unsigned line = __LINE__ + 1;
    void* const p = pool.allocate(100, 256);
    CHECK(is_only(pool.live_blocks(), line, 1, 100));
    pool.deallocate(p, 100, 256);
  }
  {
    const unsigned line = __LINE__ + 1;  // no tier is that large
    void* const p = pool.try_allocate(5 << 20);
    CHECK(is_only(pool.live_blocks(), line, 1, 5 << 20));
    pool.deallocate(p, 5 << 20);
  }
  {
    std::vector<void*> raw(300);
    const unsigned line = __LINE__ + 1;
    pool.allocate_bulk(50, raw);
    CHECK(is_only(pool.live_blocks(), line, 300, 300 * 50));
    pool.deallocate_bulk(raw, 50);
  }
  {
    std::vector<typename test::byte_fixture<TestType>::buffer> many(40);
    const unsigned line = __LINE__ + 1;
    pool.get_bulk(60, many);
    CHECK(is_only(pool.live_blocks(), line, 40, 40 * 60));
    pool.put_bulk(many);
  }
  CHECK(pool.live_blocks().empty());
  const auto s = pool.snapshot();
  CHECK(s.samples == s.total().gets + s.large.gets);
  CHECK(s.not_sampled == 0);
}

TEMPLATE_LIST_TEST_CASE("objects and messages are known by the line that got them", "[leaks]",
                        policy) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  {
    objects<lock> pool;
    const unsigned line = __LINE__ + 1;
    auto a = pool.get();
    CHECK(is_only(pool.live_blocks(), line, 1, sizeof(std::vector<int>)));
    a.reset();
    const unsigned second = __LINE__ + 1;
    auto b = pool.try_get(std::size_t{10});
    CHECK(is_only(pool.live_blocks(), second, 1, sizeof(std::vector<int>)));
    b.reset();
    CHECK(pool.live_blocks().empty());
  }
  {
    using built = tarn::object_traits<tarn::build_objects>;
    tarn::object_pool<int, lock, all, built> pool;
    const unsigned line = __LINE__ + 1;
    auto a = pool.make_at(tarn::call_site::current(), 7);
    CHECK(*a == 7);
    CHECK(is_only(pool.live_blocks(), line, 1, sizeof(int)));
    auto b = pool.make(8);
    CHECK(pool.live_blocks().sites.size() == 2);  // followed as well, but the call site is unknown
    a.reset();
    CHECK_FALSE(pool.live_blocks().sites.at(0).where);
  }
  {
    messages<lock> pool({.capacity = 2});
    const unsigned line = __LINE__ + 1;
    auto a = pool.get();
    CHECK(pool.live_blocks().samples == 1);
    CHECK(is_here(pool.live_blocks().sites.at(0).where, line));
    auto shared = messages<lock>::share(std::move(a));
    auto other = shared;
    shared.reset();
    CHECK(pool.live_blocks().samples == 1);
    other.reset();
    CHECK(pool.live_blocks().empty());
    auto quota = pool.consumer(1);
    const unsigned second = __LINE__ + 1;
    auto b = quota.try_get();
    CHECK(is_here(pool.live_blocks().sites.at(0).where, second));
    b.reset();
    const unsigned third = __LINE__ + 1;
    auto c = pool.get_for(tarn::time_span::of_seconds(1));
    CHECK(is_here(pool.live_blocks().sites.at(0).where, third));
  }
}

TEMPLATE_LIST_TEST_CASE("blocks of one line are one entry, and the most bytes come first",
                        "[leaks]", policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  std::vector<typename test::byte_fixture<TestType>::buffer> held;
  for (int i = 0; i != 10; ++i)
    held.push_back(pool.get(10));
  for (int i = 0; i != 3; ++i)
    held.push_back(pool.get(1000));
  auto report = pool.live_blocks();
  REQUIRE(report.sites.size() == 2);
  CHECK(report.sites[0].bytes == 3000);
  CHECK(report.sites[0].samples == 3);
  CHECK(report.sites[1].bytes == 100);
  CHECK(report.sites[1].estimated_blocks == 10);
  CHECK(report.in_use == 13);
  CHECK(report.sites[0].oldest.count() >= 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  CHECK(pool.live_blocks().sites[0].oldest >= std::chrono::milliseconds(3));
  std::ostringstream text;
  text << report;
  CHECK(text.str().find("13 blocks in use, 13 of them followed") != std::string::npos);
  CHECK(text.str().find("leaks_test.cpp:") != std::string::npos);
  CHECK(text.str().find(": 3 blocks, 3000 bytes, oldest ") != std::string::npos);
}

TEMPLATE_LIST_TEST_CASE("a block that another thread puts is forgotten; a closed pool's as well",
                        "[leaks]", policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  auto b = pool.get(100);
  auto c = pool.get(100);
  if (test::is_concurrent<TestType>) {
    std::thread([&] { b.reset(); }).join();
  } else {
    b.reset();
  }
  CHECK(pool.live_blocks().samples == 1);
  pool.close();
  CHECK(pool.live_blocks().samples == 1);
  c.reset();
  CHECK(pool.live_blocks().empty());
}

TEMPLATE_LIST_TEST_CASE("a get whose factory throws is neither followed nor asked for", "[leaks]",
                        policy) {
  INFO(test::name_of<TestType>());
  bool fails = false;
  const auto factory = [&fails]() -> std::vector<int> {
    if (fails) throw 1;
    return {};
  };
  using kept = tarn::object_traits<tarn::keep_objects<decltype(factory)>>;
  tarn::object_pool<std::vector<int>, typename TestType::lock, all, kept> pool({}, {factory});
  auto held = pool.get();
  fails = true;
  CHECK_THROWS_AS(pool.get(), int);
  CHECK(pool.live_blocks().samples == 1);
  const auto s = pool.snapshot();
  CHECK(s.tiers[0].gets == 1);
  CHECK(s.tiers[0].requested_bytes == sizeof(std::vector<int>));
}

TEMPLATE_LIST_TEST_CASE("a full table counts what found no place", "[leaks]", policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  std::vector<void*> raw(5000);
  for (auto& p : raw)
    p = pool.allocate(16);
  const auto report = pool.live_blocks();
  CHECK(report.samples + report.not_sampled == 5000);
  CHECK(report.samples > 1500);
  CHECK(report.in_use == 5000);
  for (auto* const p : raw)
    pool.deallocate(p, 16);
  CHECK(pool.live_blocks().empty());
  for (auto& p : raw)
    p = nullptr;
  CHECK(pool.snapshot().tiers[0].most_in_use == 5000);
}

TEMPLATE_LIST_TEST_CASE("a scope fails with the report of what was taken in it", "[leaks]",
                        policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  auto before = pool.get(10);
  {
    tarn::leak_scope scope(pool);
    pool.put(pool.get(100));
    CHECK_NOTHROW(scope.check());
  }
  tarn::leak_scope scope(pool);
  before.reset();  // hides no block
  const unsigned line = __LINE__ + 1;
  auto leaked = pool.get(77);
  std::string text;
  try {
    scope.check();
  } catch (const tarn::leak_found& e) {
    text = e.what();
    CHECK(is_only(e.report(), line, 1, 77));
  }
  CHECK(text.find("leaks_test.cpp:" + std::to_string(line) + ": 1 block, 77 bytes") !=
        std::string::npos);
}

TEST_CASE("a scope that is not checked tells the handler, unless something is thrown", "[leaks]") {
  tarn::byte_pool<tarn::no_lock, all> pool;
  const auto old = tarn::set_leak_handler([](const tarn::leak_report& r) noexcept {
    ++leaks_reported;
    last_leak = to_string(r);
  });
  {
    const tarn::leak_scope scope(pool);
    pool.put(pool.get(1));
  }
  CHECK(leaks_reported == 0);
  auto held = pool.get(0);
  {
    const tarn::leak_scope scope(pool);
    held = pool.get(5);
  }
  CHECK(leaks_reported == 1);
  CHECK(last_leak.find("5 bytes") != std::string::npos);
  {
    tarn::leak_scope scope(pool);
    held = pool.get(5);
    scope.dismiss();
  }
  try {
    const tarn::leak_scope scope(pool);
    held = pool.get(5);
    throw 1;
  } catch (int) {
  }
  CHECK(leaks_reported == 1);
  tarn::set_leak_handler(old);
}

TEST_CASE("with few samples a scope still sees that more is in use", "[leaks]") {
  tarn::byte_pool<tarn::thread_cached<>, tarn::basic_recording_stats<256, 1u << 30>> pool;
  tarn::leak_scope scope(pool);
  const auto held = pool.get(100);
  CHECK_THROWS_AS(scope.check(), tarn::leak_found);
}

TEMPLATE_LIST_TEST_CASE("one in 128 stands for 128", "[leaks]", sampled_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  std::vector<void*> raw(128 * 100);
  for (auto& p : raw)
    p = pool.allocate(100);
  const auto report = pool.live_blocks();
  REQUIRE(report.sites.size() == 1);
  // One of each 128 in each block of requests; the first and the last may miss theirs.
  CHECK(report.sites[0].samples >= 98);
  CHECK(report.sites[0].samples <= 101);
  CHECK(report.sites[0].estimated_blocks == report.sites[0].samples * 128);
  CHECK(report.sites[0].estimated_bytes == report.sites[0].estimated_blocks * 100);
  for (auto* const p : raw)
    pool.deallocate(p, 100);
  CHECK(pool.live_blocks().empty());
  const auto s = pool.snapshot();
  std::uint64_t out = 0;
  for (const auto n : s.lifetimes)
    out += n;
  CHECK(out + 512 > report.sites[0].estimated_blocks);  // one in four of them is timed
  CHECK(out < report.sites[0].estimated_blocks + 512);
  CHECK(s.tiers[0].requested_bytes == 128u * 100 * 100);
  CHECK(s.tiers[0].most_in_use <= 128 * 100);
  CHECK(s.tiers[0].most_in_use >= 128 * 100 - 4 * 256);
}
