// SPDX-License-Identifier: MIT
//
// fork at any moment, while other threads work in the same pools.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <tarn/observe/event_log.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

// The heaps of the sanitizers are not prepared for a fork while other threads use them: a child
// that allocates may hang in the heap, with or without pools.
constexpr bool heap_may_hang = test::with_asan || test::with_tsan;
bool is_good(const test::child_end& end) {
  return end.ok() || (heap_may_hang && end.signal == SIGALRM);
}

// With recorders, pools without per-thread caches have shards, too.
using forking_policy =
    test::some_of<test::concurrent_locks, std::tuple<tarn::counting_stats, tarn::recording_stats>>;

using waiting_policy =
    decltype(std::tuple_cat(test::every_concurrent_lock(),
                            std::tuple<test::policies<tarn::per_cpu<>, tarn::counting_stats>>()));

template <class P>
struct world {
  tarn::byte_pool<typename P::lock, typename P::stats> bytes{
      {.max_objects = 300, .large_cache_bytes = 16 << 20}};
  tarn::object_pool<std::string, typename P::lock, typename P::stats> texts;

  // Uses all operations that take a lock or move blocks.
  void work(std::atomic<bool>& stop, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<typename decltype(bytes)::buffer> held;
    std::vector<typename decltype(texts)::handle> words;
    while (!stop.load(std::memory_order::relaxed)) {
      const auto choice = random() % 100;
      if (choice < 60) {
        held.push_back(bytes.get(random() % (choice < 2 ? 3 << 20 : 5000)));
      } else if (choice < 80) {
        words.push_back(texts.get());
        words.back()->assign(30, 'w');
      } else if (choice < 97) {
        if (held.size() > 50) held.erase(held.begin(), held.begin() + 40);
        if (words.size() > 20) words.clear();
      } else if (choice == 97) {
        bytes.trim(100000);
      } else if (choice == 98) {
        texts.drain();
      } else {
        static_cast<void>(bytes.occupancy());
      }
    }
  }

  // The operations that must work in a child. Returns: its exit code.
  int use_in_child() {
    // The state at the fork, before any operation in the child moves a block.
    if (auto wrong = test::imbalance(bytes); !wrong.empty()) return tell("at first", wrong);
    if (auto wrong = test::imbalance(texts); !wrong.empty()) return tell("texts at first", wrong);
    for (std::size_t size : {1u, 100u, 3000u, 70000u, 3000000u}) {
      for (int i = 0; i != 100; ++i) {
        auto b = bytes.get(size);
        std::memset(b.data(), i, b.size());
        auto t = texts.get();
        if (!t->empty()) return tell("texts", "a dirty one");
        t->assign(30, 'c');
      }
    }
    // In a child of a threaded process ThreadSanitizer allows no new thread.
    if (!test::with_tsan) std::thread([this] { auto b = bytes.get(100); }).join();
    bytes.trim();
    texts.drain();
    if (auto wrong = test::imbalance(bytes); !wrong.empty()) return tell("at last", wrong);
    if (auto wrong = test::imbalance(texts); !wrong.empty()) return tell("texts at last", wrong);
    bytes.close();
    texts.close();
    return 0;
  }

  static int tell(const char* when, const std::string& what) {
    const auto line = std::string(when) + ": " + what + "\n";
    return write(STDERR_FILENO, line.data(), line.size()) < 0 ? 3 : 4;
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a child forked at any moment can use the pools, and its books balance",
                        "[fork]", forking_policy) {
  INFO(test::name_of<TestType>());
  world<TestType> here;
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t != 2; ++t) {
    workers.emplace_back([&here, &stop, t] { here.work(stop, 17 + t); });
  }
  std::minstd_rand random(4);
  std::vector<test::child_end> ends;
  for (int i = 0; i != (test::slowdown == 1 ? 50 : 15); ++i) {
    // The forking thread holds blocks, and has idle ones.
    auto mine = here.bytes.get(random() % 3000);
    for (auto spin = random() % 20000; spin != 0; --spin) {
      std::atomic_signal_fence(std::memory_order::seq_cst);
    }
    ends.push_back(test::in_child([&] { return here.use_in_child(); }));
    if (!ends.back().ok()) break;
  }
  stop = true;
  for (auto& w : workers)
    w.join();
  for (const auto& end : ends) {
    INFO("code " << end.code << ", signal " << end.signal << ": " << end.said);
    CHECK(is_good(end));
  }
  // The parent continues as if there had been no fork.
  CHECK(test::imbalance(here.bytes) == "");
  CHECK(test::imbalance(here.texts) == "");
  CHECK(here.bytes.occupancy().in_use() == 0);
  for (const auto& t : here.bytes.occupancy().tiers)
    CHECK(t.abandoned == 0);
}

TEST_CASE("a pool without a lock is good in the child of its owner", "[fork]") {
  tarn::byte_pool<tarn::no_lock> pool;
  auto mine = pool.get(100);
  std::memset(mine.data(), 'm', 100);
  const auto end = test::in_child([&] {
    if (mine.view() != std::string(100, 'm')) return 1;
    mine.reset();
    auto again = pool.get(100);
    if (pool.occupancy().in_use() != 1) return 2;
    return test::imbalance(pool).empty() ? 0 : 3;
  });
  INFO(end.said);
  CHECK(end.ok());
  CHECK(mine.view() == std::string(100, 'm'));
}

TEST_CASE("idle blocks of threads that a fork left behind are abandoned, not idle", "[fork]") {
  tarn::byte_pool<> pool;
  std::atomic<int> step{0};
  std::thread other([&] {
    {
      auto b = pool.get(100);
    }  // idle in this thread now
    step = 1;
    while (step != 2)
      std::this_thread::yield();
  });
  while (step != 1)
    std::this_thread::yield();
  const auto end = test::in_child([&] {
    const auto t = pool.snapshot().total();
    if (t.idle != 0 || t.abandoned == 0) return 1;
    if (t.created != t.abandoned + t.in_use + t.retired) return 2;
    auto b = pool.get(100);  // not a block of the other threads
    return pool.snapshot().total().in_use == 1 ? 0 : 3;
  });
  CHECK(end.ok());
  step = 2;
  other.join();
  CHECK(pool.snapshot().total().abandoned == 0);
}

TEST_CASE("a child forked while another thread is being told something does not wait", "[fork]") {
  tarn::byte_pool<> pool;
  const auto parent = getpid();
  std::atomic<bool> inside{false};
  std::atomic<bool> may_go{false};
  std::atomic<int> told{0};
  pool.set_callback([&](const tarn::operation&) {
    ++told;
    inside = true;
    while (getpid() == parent && !may_go)
      std::this_thread::yield();
  });
  std::thread other([&] { auto b = pool.get(100); });
  while (!inside)
    std::this_thread::yield();
  const auto change = [&] {
    const int before = told;
    {
      auto b = pool.get(100);
    }
    if (told - before < 2) return 1;  // observers are called in the child, too
    pool.set_callback(nullptr);       // waits for calls that have begun
    return 0;
  };
  const auto close = [&] {
    pool.close();  // the same
    return 0;
  };
  CHECK(test::in_child(change).ok());
  CHECK(test::in_child(close).ok());
  may_go = true;
  other.join();
}

TEMPLATE_LIST_TEST_CASE("a child forked at any moment can use what watches its pools", "[fork]",
                        forking_policy) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
      {.large_cache_bytes = 16 << 20});
  tarn::operation_recorder recorder;
  tarn::event_log log(20);
  std::atomic<std::uint64_t> told{0};
  log.set_sink([&](const tarn::event&) { ++told; });
  auto recording = recorder.watch(pool);
  auto logging = log.watch(pool);
  log.set_debug(true);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int t = 0; t != 2; ++t) {
    workers.emplace_back([&] {
      while (!stop) {
        {
          auto b = pool.get(100);
        }
        {
          auto b = pool.get(3 << 20);
        }
        pool.purge();
        static_cast<void>(tarn::operation_recorder().watch(pool));
      }
    });
  }
  std::minstd_rand random(5);
  for (int i = 0; i != 30; ++i) {
    for (auto spin = random() % 20000; spin != 0; --spin) {
      std::atomic_signal_fence(std::memory_order::seq_cst);
    }
    const auto end = test::in_child([&] {
      const auto before = told.load();
      const auto total = log.total();
      {
        auto b = pool.get(3 << 20);
      }
      if (told == before || log.total() == total) return 1;
      if (recorder.log().all().size() != recorder.operations()) return 2;
      if (log.events().empty()) return 3;
      if (i % 2 == 0) recording.reset();
      pool.close();
      return 0;
    });
    INFO("code " << end.code << ", signal " << end.signal << ": " << end.said);
    CHECK(is_good(end));
    if (!end.ok()) break;
  }
  stop = true;
  for (auto& w : workers)
    w.join();
}

TEMPLATE_LIST_TEST_CASE("large blocks that another thread was giving up are not kept in a child",
                        "[fork]", forking_policy) {
  INFO(test::name_of<TestType>());
  using ms = std::chrono::milliseconds;
  constexpr std::size_t size = 3 << 20;
  tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(
      {.large_cache_bytes = 2 * size, .cleanup_interval = ms(10)});
  {
    auto one = pool.get(size);
    auto two = pool.get(size);
  }
  std::atomic<bool> inside{false};
  std::atomic<bool> may_go{false};
  const auto parent = getpid();
  pool.set_callback([&](const tarn::operation& o) {
    if (o.kind != tarn::operation_kind::cleanup || getpid() != parent) return;
    inside = true;
    while (!may_go)
      std::this_thread::yield();
  });
  static_cast<void>(pool.maintain(ms(0)));
  std::thread other([&] { static_cast<void>(pool.maintain(ms(10))); });
  while (!inside)
    std::this_thread::yield();
  CHECK(pool.snapshot().large.kept == 2);
  const auto end = test::in_child([&] {
    if (pool.snapshot().large.kept != 0 || pool.snapshot().large.kept_bytes != 0) return 1;
    {
      auto one = pool.get(size);
      auto two = pool.get(size);
    }
    return pool.snapshot().large.kept == 2 ? 0 : 2;
  });
  CHECK(end.code == 0);
  may_go = true;
  other.join();
  CHECK(pool.snapshot().large.kept == 0);
}

TEMPLATE_LIST_TEST_CASE("in the child no thread of the parent waits any more", "[fork]",
                        waiting_policy) {
  INFO(test::name_of<TestType>());
  for (const bool limited : {false, true}) {
    tarn::options o;
    limited ? o.limit_bytes = 64 << 10 : o.capacity = 1;
    tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool(o);
    auto mine = pool.get(limited ? 60000 : 100);
    bool got = false;
    {
      std::jthread waiter(
          [&] { got = static_cast<bool>(pool.get_for(100, std::chrono::minutes(1))); });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const auto end = test::in_child([&] {
        mine.reset();
        if (!pool.try_get(100)) return 1;  // it is not for those who wait
        {
          const auto again = pool.get(100);
          if (!limited && pool.get_for(100, std::chrono::milliseconds(1))) return 2;
        }
        if (!pool.get_for(100, std::chrono::milliseconds(1))) return 3;
        if (!test::imbalance(pool).empty()) return 4;
        pool.close();
        return 0;
      });
      INFO("code " << end.code << ", signal " << end.signal << ": " << end.said);
      CHECK(is_good(end));
      mine.reset();
    }
    CHECK(got);
    CHECK(test::imbalance(pool) == "");
  }
}
