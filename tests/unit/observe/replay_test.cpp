// SPDX-License-Identifier: MIT
//
// replay: it performs the log, in an order that the load could have had, and measures it.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/operations/replay.hpp>
#include <tarn/policy/runtime_tiers.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

/// A log of `threads` threads that give a third of their blocks to others, put blocks of others,
/// and keep one.
[[nodiscard]] tarn::operation_log handover(std::size_t threads, std::size_t times) {
  tarn::operation_recorder recorder({.max_bytes = 1 << 22});
  tarn::byte_pool<std::mutex> pool;
  const auto watching = recorder.watch(pool);
  struct inbox {
    std::mutex lock;
    std::vector<tarn::byte_pool<std::mutex>::buffer> buffers;
  };
  std::vector<inbox> inboxes(threads);
  std::vector<tarn::byte_pool<std::mutex>::buffer> kept(threads);
  test::run_together(threads, [&](std::size_t self) {
    std::mt19937 random(static_cast<unsigned>(self));
    for (std::size_t i = 0; i != times; ++i) {
      auto b = pool.get(random() % 3000);
      if (random() % 3 != 0) continue;
      auto& to = inboxes[random() % threads];
      const std::lock_guard hold(to.lock);
      to.buffers.push_back(std::move(b));
      const auto at = random() % to.buffers.size();
      if (random() % 4 != 0) to.buffers[at].reset();
    }
    kept[self] = pool.get(77);
    auto& mine = inboxes[self];
    const std::lock_guard hold(mine.lock);
    mine.buffers.clear();
  });
  return recorder.log();
}

/// A pool that records the calls of a replay, without memory.
struct listening_pool {
  using lock_type = std::mutex;
  using stats_type = tarn::no_stats;

  struct call {
    bool is_get;
    std::size_t size;
    std::thread::id thread;
    const void* block;
  };

  void* try_allocate(std::size_t size) {
    const std::lock_guard hold(lock);
    auto* const block = &memory[next++];
    calls.push_back({true, size, std::this_thread::get_id(), block});
    return block;
  }
  void deallocate(void* block, std::size_t size) {
    const std::lock_guard hold(lock);
    calls.push_back({false, size, std::this_thread::get_id(), block});
  }
  [[nodiscard]] static std::size_t capacity_for(std::size_t size) { return size < 16 ? 16 : size; }
  [[nodiscard]] static tarn::power_of_two_tiers<> tiers() { return {}; }
  [[nodiscard]] static std::string name() { return "listening"; }
  [[nodiscard]] static tarn::occupancy occupancy() {
    tarn::occupancy o;
    o.tiers.resize(1);
    return o;
  }

  std::mutex lock;
  std::vector<call> calls;
  std::vector<std::byte> memory = std::vector<std::byte>(100'000);
  std::size_t next = 0;
};

}  // namespace

TEST_CASE("on one thread a replay does the log in its order", "[replay]") {
  const auto log = handover(3, 500);
  listening_pool pool;
  const auto result = tarn::replay(log, pool);
  const auto all = log.all();
  REQUIRE(pool.calls.size() >= all.size());
  std::vector<const void*> blocks;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i != all.size(); ++i) {
    const auto& c = pool.calls[i];
    wrong += c.is_get != all[i].is_get || c.size != all[i].size;
    if (all[i].is_get) {
      blocks.push_back(c.block);
    } else {
      wrong += c.block != blocks[all[i].ticket];
    }
  }
  CHECK(wrong == 0);
  CHECK(result.gets == log.gets());
  CHECK(result.operations == all.size());
  CHECK(result.threads == 1);
  CHECK(pool.calls.size() == 2 * log.gets());  // the blocks that were out at the end came back
}

TEST_CASE("on threads each does its own part in its order, and a put comes after its get",
          "[replay]") {
  const auto log = handover(4, 1000);
  REQUIRE(log.threads() == 4);
  std::size_t handed_over = 0;
  std::vector<std::uint32_t> getters;
  for (const auto& o : log.all()) {
    if (o.is_get) getters.push_back(o.thread);
    handed_over += getters[o.ticket] != o.thread;
  }
  CHECK(handed_over > 100);
  for (int turn = 0; turn != 5; ++turn) {
    listening_pool pool;
    const auto result = tarn::replay_on_threads(log, pool);
    CHECK(result.threads == 4);
    CHECK(result.gets == log.gets());
    std::map<const void*, int> out;
    std::map<std::thread::id, std::vector<std::pair<bool, std::size_t>>> parts;
    std::size_t wrong = 0;
    for (const auto& c : pool.calls) {
      parts[c.thread].emplace_back(c.is_get, c.size);
      wrong += c.is_get ? out[c.block]++ != 0 : --out[c.block] != 0;
    }
    for (const auto& [block, count] : out)
      wrong += count != 0;
    parts.erase(std::this_thread::get_id());  // gave back the rest
    std::vector<std::vector<std::pair<bool, std::size_t>>> expected(4);
    for (const auto& o : log.all())
      expected[o.thread].emplace_back(o.is_get, o.size);
    CHECK(parts.size() == 4);
    for (const auto& [thread, part] : parts)
      wrong += std::count(expected.begin(), expected.end(), part) != 1;
    CHECK(wrong == 0);
  }
}

TEST_CASE("a put waits for a get that takes its time on another thread", "[replay]") {
  struct slow_pool : listening_pool {
    void* try_allocate(std::size_t size) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return listening_pool::try_allocate(size);
    }
  };
  tarn::operation_recorder recorder;
  std::byte blocks[3];
  for (auto& block : blocks)
    recorder.add_get(&block, 10);
  std::thread([&] {
    for (auto& block : blocks)
      recorder.add_put(&block);
    recorder.add_get(&blocks[0], 20);
  }).join();
  recorder.add_put(&blocks[0]);
  slow_pool pool;
  static_cast<void>(tarn::replay_on_threads(recorder.log(), pool));
  REQUIRE(pool.calls.size() == 8);
  std::vector<std::thread::id> putters;
  for (const auto& c : pool.calls) {
    if (!c.is_get) putters.push_back(c.thread);
  }
  const auto getter = pool.calls[0].thread;
  REQUIRE(putters.size() == 4);
  CHECK(putters[0] != getter);
  CHECK((putters[0] == putters[1] && putters[1] == putters[2]));
  CHECK(putters[3] == getter);
}

TEMPLATE_LIST_TEST_CASE("a replay's sums do not depend on threads, and agree with the pool's",
                        "[replay]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const auto log = handover(3, 300);
  std::uint64_t requested = 0;
  std::uint64_t held = 0;
  std::uint64_t most = 0;
  for (const auto& o : log.all()) {
    if (o.is_get) requested += o.size;
    o.is_get ? held += o.size : held -= o.size;
    most = std::max(most, held);
  }
  const auto check = [&](auto&& play) {
    test::byte_fixture<TestType> f;
    const tarn::replay_result result = play(*f);
    CHECK(result.operations == log.operations());
    CHECK(result.gets == log.gets());
    CHECK(result.failed == 0);
    CHECK(result.oversize == 0);
    CHECK(result.requested == requested);
    CHECK(result.most_requested == most);
    CHECK(result.most_reserved >= most);
    CHECK(result.duration.count() > 0);
    if constexpr (TestType::stats::counts) {
      const auto total = result.difference.total();
      CHECK(total.gets == log.gets());
      CHECK(total.puts == log.gets());
      CHECK(result.hits() + result.misses() == log.gets());
      CHECK(result.difference.bytes().reserved == result.reserved);
    }
    if constexpr (std::is_same_v<typename TestType::stats, tarn::recording_stats>) {
      CHECK(result.difference.bytes().requested == requested);
    }
    return result.wasted();
  };
  const auto one = check([&](auto& pool) { return tarn::replay(log, pool); });
  if constexpr (test::is_concurrent<TestType>) {
    CHECK(one == check([&](auto& pool) { return tarn::replay_on_threads(log, pool); }));
  }
}

TEST_CASE("what a pool has nothing for is counted, and its put goes nowhere", "[replay]") {
  const auto log = handover(3, 300);
  tarn::byte_pool<std::mutex> small({.limit_bytes = 70'000});
  const auto result = tarn::replay_on_threads(log, small);
  CHECK(result.failed > 0);
  CHECK(result.gets + result.failed == log.gets());
  CHECK(result.difference.total().gets == result.gets);
  CHECK(small.occupancy().in_use() == 0);
  tarn::byte_pool<std::mutex> closed;
  closed.close();
  CHECK(tarn::replay_on_threads(log, closed).failed == log.gets());
}

TEST_CASE("requests above the last tier are served, and have no waste", "[replay]") {
  tarn::operation_recorder recorder;
  std::byte blocks[2];
  recorder.add_get(&blocks[0], 3 << 20);
  recorder.add_get(&blocks[1], 100);
  tarn::byte_pool<std::mutex> pool;
  const auto result = tarn::replay_on_threads(recorder.log(), pool);
  CHECK(result.oversize == 1);
  CHECK(result.requested == 100);
  CHECK(result.reserved == 128);
  CHECK(result.most_requested == (3 << 20) + 100);
  CHECK(result.most_reserved == (3 << 20) + 128);
  CHECK(result.difference.large.gets == 1);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("blocks count as large as they lie in memory", "[replay]") {
  tarn::operation_recorder recorder;
  std::byte block{};
  recorder.add_get(&block, 90);
  using odd = tarn::byte_pool<std::mutex, tarn::counting_stats, tarn::traits<tarn::runtime_tiers>>;
  odd pool({}, tarn::runtime_tiers{100, 5000});
  CHECK(tarn::replay(recorder.log(), pool).reserved == 128);
}

TEST_CASE("objects and messages are replayed, as large as they are", "[replay]") {
  const auto log = handover(2, 200);
  const auto check = [&](auto& pool, std::size_t object) {
    const auto result = tarn::replay_on_threads(log, pool);
    CHECK(result.gets == log.gets());
    CHECK(result.difference.total().gets == log.gets());
    CHECK(result.reserved == log.gets() * tarn::detail::stride_for(object));
    CHECK(result.requested <= log.gets() * object);
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(tarn::replay(log, pool).gets == log.gets());
  };
  tarn::object_pool<std::array<char, 100>> kept;
  tarn::built_pool<std::array<char, 30>> built;
  tarn::message_pool<> messages;
  check(kept, 100);
  check(built, 30);
  check(messages, messages.occupancy().tiers[0].size_bytes);
}

TEST_CASE("a factory that throws is a get that failed", "[replay]") {
  struct moody {
    moody() {
      static std::atomic<int> made{0};
      if (++made % 2 == 0) throw std::runtime_error("not now");
    }
  };
  const auto log = handover(2, 50);
  tarn::built_pool<moody, std::mutex> pool;
  const auto result = tarn::replay_on_threads(log, pool);
  CHECK(result.failed == log.gets() / 2);
  CHECK(result.gets == log.gets() - result.failed);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("pauses are those of the log times the pace", "[replay]") {
  constexpr auto millisecond = std::int64_t{1'000'000};
  tarn::operation_recorder recorder;
  std::byte block{};
  recorder.add_get(&block, 10);
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  std::thread([&] { recorder.add_put(&block); }).join();
  const auto log = recorder.log();
  const auto recorded = static_cast<std::int64_t>(log.all().back().time);
  REQUIRE(recorded >= 40 * millisecond);
  tarn::byte_pool<> pool;
  // On a busy machine a single replay may take long, but not each of many.
  const auto fastest = [&](const auto& replay_once) {
    auto least = replay_once().duration.count();
    for (int i = 0; i != 100 && least >= 40 * millisecond; ++i)
      least = std::min(least, replay_once().duration.count());
    return least;
  };
  CHECK(fastest([&] { return tarn::replay(log, pool); }) < 40 * millisecond);
  CHECK(tarn::replay_on_threads(log, pool, {.pace = 1}).duration.count() >= recorded);
  CHECK(tarn::replay(log, pool, {.pace = 1}).duration.count() >= recorded);
  CHECK(tarn::replay(log, pool, {.pace = 2}).duration.count() >= 2 * recorded);
  CHECK(tarn::replay(log, pool, {.pace = 0.5}).duration.count() >= recorded / 2);

  CHECK_THROWS_WITH(tarn::replay(log, pool, {.pace = -1}),
                    "tarn: pace of a replay -1.000000 must be from 0 to 1000000.000000");
  CHECK_THROWS_AS(tarn::replay(log, pool, {.pace = 2e6}), std::invalid_argument);
  CHECK_THROWS_AS(tarn::replay(log, pool, {.pace = std::numeric_limits<double>::quiet_NaN()}),
                  std::invalid_argument);
}

TEST_CASE("first bytes are touched if that is wanted", "[replay]") {
  tarn::operation_recorder recorder;
  std::byte blocks[2];
  recorder.add_get(&blocks[0], 100);
  recorder.add_get(&blocks[1], 3);
  const auto log = recorder.log();
  const auto touched = [&](std::size_t bytes) {
    struct showing_pool : listening_pool {
      void* try_allocate(std::size_t size) {
        calls.push_back({true, size, {}, &memory[next]});
        return &memory[std::exchange(next, next + 200)];
      }
    } pool;
    tarn::replay(log, pool, {.touched_bytes = bytes});
    std::pair<int, int> count;
    for (std::size_t i = 0; i != 200; ++i) {
      count.first += pool.memory[i] != std::byte{0};
      count.second += pool.memory[200 + i] != std::byte{0};
    }
    return count;
  };
  CHECK(touched(0) == std::pair(0, 0));
  CHECK(touched(1) == std::pair(1, 1));
  CHECK(touched(64) == std::pair(64, 3));
  CHECK(touched(4096) == std::pair(100, 3));
}

TEST_CASE("an empty log is nothing to do", "[replay]") {
  tarn::byte_pool<> pool;
  const tarn::operation_log log;
  CHECK(tarn::replay(log, pool).gets == 0);
  CHECK(tarn::replay_on_threads(log, pool).gets == 0);
  CHECK(tarn::replay_on_threads(log, pool, {.pace = 1}).threads == 0);
}

TEST_CASE("a result prints itself, with what the log lacks", "[replay]") {
  tarn::operation_recorder recorder({.max_blocks = 2});
  std::byte blocks[4];
  recorder.add_put(&blocks[3]);
  for (auto& block : blocks)
    recorder.add_get(&block, 100);
  tarn::byte_pool<> pool;
  auto result = tarn::replay(recorder.log(), pool);
  CHECK(result.dropped == 2);
  CHECK(result.unseen_puts == 1);
  result.duration = tarn::time_span::of_nanoseconds(5'600);
  std::ostringstream text;
  text << result;
  CHECK(text.str() ==
        "2 operations on 1 thread, 0 failed, 56 bytes of waste (21.9 %), at once 200 bytes in "
        "blocks of 256, 0 hits, 2 misses, 5 us; the recorder dropped 2 later operations; without 1 "
        "puts of older blocks");
}
