// SPDX-License-Identifier: MIT
//
// Pools with a cache per processor: what they keep belongs to no thread.

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/processors.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"
#include "support/user_policies.hpp"

namespace {

using counting = test::policies<tarn::per_cpu<>, tarn::counting_stats>;

// Runs `action` on a processor other than that of the caller, if there is one, on a thread that
// stays alive until `may_end`.
struct sleeper {
  template <class Action>
  explicit sleeper(Action&& action) {
    thread_ = std::thread([this, action] {
      test::run_on(test::usable_processors().back());
      action();
      done_ = true;
      while (!may_end_)
        std::this_thread::yield();
    });
    while (!done_)
      std::this_thread::yield();
  }
  ~sleeper() {
    may_end_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::atomic<bool> may_end_{false};
  std::thread thread_;
};

template <class Pool>
void use(Pool& pool, std::size_t size, std::size_t blocks) {
  std::vector<void*> out;
  for (std::size_t i = 0; i != blocks; ++i)
    out.push_back(pool.allocate(size));
  for (auto* const b : out)
    pool.deallocate(b, size);
}

template <class Pool>
std::uint64_t in_caches(const Pool& pool) {
  std::uint64_t blocks = 0;
  for (const auto& t : pool.occupancy().tiers)
    blocks += t.idle_in_threads;
  return blocks;
}

// Ready blocks, in caches or in the depot: what bounds are about.
template <class Pool>
std::uint64_t ready(const Pool& pool) {
  std::uint64_t blocks = 0;
  for (const auto& t : pool.occupancy().tiers)
    blocks += t.idle - t.idle_pinned;
  return blocks;
}

}  // namespace

TEST_CASE("this process has restartable sequences, or is the one without", "[per_cpu]") {
  using tarn::detail::thread_rseq;
  if (test::runs_without_rseq() || test::with_tsan) CHECK(!thread_rseq::works());
  if (!thread_rseq::works()) WARN("no restartable sequences here");
}

TEST_CASE("blocks come from the cache of the processor and are counted exactly", "[per_cpu]") {
  const test::stays_here here;
  test::byte_fixture<counting> pool;
  use(*pool, 100, 700);
  use(*pool, 100, 700);
  use(*pool, 5000, 20);
  auto t = pool->snapshot().total();
  CHECK(t.gets == 1420);
  CHECK(t.puts == 1420);
  CHECK(t.in_use == 0);
  CHECK(t.misses == 720);
  CHECK(t.idle_in_threads != 0);
  void* blocks[300];
  REQUIRE(pool->try_allocate_bulk(100, blocks));
  CHECK(pool->snapshot().total().in_use == 300);
  pool->deallocate_bulk(blocks, 100);
  t = pool->snapshot().total();
  CHECK(t.gets == 1720);
  CHECK(t.puts == 1720);
}

TEST_CASE("a refill and a flush leave a cache half full", "[per_cpu]") {
  if (!test::run_on(test::usable_processors().front())) return;
  tarn::byte_pool<tarn::per_cpu<>> pool({.shard_bytes = 1 << 20});
  // 512 blocks are 64 KiB; the cache also gets a part of what the large tiers can't use.
  constexpr std::size_t limit = 592;
  use(pool, 128, 2000);
  const auto full = in_caches(pool);
  CHECK(full > limit / 2);
  CHECK(full <= limit);
  std::vector<void*> out;
  while (in_caches(pool) != 0)
    out.push_back(pool.allocate(128));
  out.push_back(pool.allocate(128));  // the refill
  const auto half = in_caches(pool);
  CHECK(half >= limit / 2 - 50);
  CHECK(half <= limit / 2);
  for (auto* const b : out)
    pool.deallocate(b, 128);
}

TEST_CASE("drain and trim reach the caches of all processors at once", "[per_cpu]") {
  for (const bool drains : {false, true}) {
    test::byte_fixture<counting> pool;
    sleeper other([&] { use(*pool, 1000, 30); });
    test::run_on(test::usable_processors().front());
    use(*pool, 100, 30);
    CHECK(in_caches(*pool) >= 30);
    drains ? pool->drain() : static_cast<void>(pool->trim());
    CHECK(in_caches(*pool) == 0);
    CHECK(pool.source.live_bytes() == 0);
    // The caches are open again.
    use(*pool, 100, 30);
    CHECK(in_caches(*pool) != 0);
  }
}

TEST_CASE("a closed pool gives up what sleeping threads have put, and later puts go home",
          "[per_cpu]") {
  test::byte_fixture<counting> pool;
  std::vector<void*> out;
  sleeper other([&] {
    use(*pool, 1000, 30);
    for (int i = 0; i != 5; ++i)
      out.push_back(pool->allocate(3000));
  });
  pool->close();
  CHECK(pool->occupancy().idle() == 0);
  CHECK(pool->occupancy().in_use() == 5);
  CHECK(pool->try_allocate(100) == nullptr);
  for (auto* const b : out)
    pool->deallocate(b, 3000);
  CHECK(pool.source.live_bytes() == 0);
}

TEST_CASE("kept objects of sleeping threads are destroyed as the pool closes", "[per_cpu]") {
  static std::atomic<int> alive{0};
  struct counted {
    counted() { ++alive; }
    ~counted() { --alive; }
  };
  tarn::object_pool<counted, tarn::per_cpu<>> pool;
  sleeper other([&] {
    std::vector<typename decltype(pool)::handle> out;
    for (int i = 0; i != 50; ++i)
      out.push_back(pool.get());
  });
  CHECK(alive == 50);
  pool.close();
  CHECK(alive == 0);
}

TEST_CASE("a pool with a capacity has no caches, so that it is exact", "[per_cpu]") {
  test::byte_fixture<counting> pool({.capacity = 10});
  sleeper other([&] { use(*pool, 100, 10); });
  CHECK(in_caches(*pool) == 0);
  std::vector<void*> out;
  for (int i = 0; i != 10; ++i)
    out.push_back(pool->allocate(100));
  CHECK(pool->try_allocate(100) == nullptr);
  for (auto* const b : out)
    pool->deallocate(b, 100);
}

TEST_CASE("a bound holds for the depot and the caches of all processors together", "[per_cpu]") {
  test::byte_fixture<counting> pool({.max_objects = 8 * tarn::detail::possible_processors()});
  sleeper other([&] { use(*pool, 100, 300); });
  use(*pool, 100, 300);
  CHECK(in_caches(*pool) > 0);
  CHECK(ready(*pool) <= 8 * tarn::detail::possible_processors());
  pool->resize(0, 10);
  CHECK(ready(*pool) <= 10);
  use(*pool, 100, 300);
  CHECK(ready(*pool) <= 10);
  pool->resize(0, 0);
  CHECK(ready(*pool) == 0);
  use(*pool, 100, 300);
  CHECK(ready(*pool) == 0);
}

TEST_CASE("a bulk get that fails leaves the blocks where they were, in the cache and at home",
          "[per_cpu]") {
  const test::stays_here here;
  test::byte_fixture<counting> pool;
  use(*pool, 1000, 40);
  const auto cached = in_caches(*pool);
  REQUIRE(cached != 0);
  const auto idle = pool->occupancy().idle();
  pool.source.fail_from(1);
  std::vector<void*> many(200);
  CHECK_FALSE(pool->try_allocate_bulk(1000, many));
  CHECK(in_caches(*pool) == cached);
  CHECK(pool->occupancy().idle() == idle);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("blocks in caches do not count as memory that is missing", "[per_cpu]") {
  // The source has memory for one slab only. Another tier gets it although it idles in a cache.
  test::byte_fixture<counting> pool({.limit_bytes = 64 << 10});
  sleeper other([&] { use(*pool, 1000, 30); });
  void* const b = pool->try_allocate(5000);
  CHECK(b != nullptr);
  pool->deallocate(b, 5000);
}

TEST_CASE("a tick takes home what lies in caches, so that it ages", "[per_cpu]") {
  test::byte_fixture<counting> pool({.decay_interval = tarn::time_span::of_seconds(1)});
  sleeper other([&] { use(*pool, 1000, 60); });
  pool->maintain(tarn::time_span::of_seconds(0));
  CHECK(in_caches(*pool) == 0);
  for (int i = 1; i != 40; ++i)
    pool->maintain(tarn::time_span::of_seconds(i));
  CHECK(pool.source.live_bytes() <= 64 << 10);
}

TEST_CASE("pools that are watched, that zero and that check work beside the hit path",
          "[per_cpu]") {
  tarn::byte_pool<tarn::per_cpu<>> watched;
  std::atomic<int> told{0};
  use(watched, 100, 10);
  watched.set_callback([&](const tarn::operation&) { ++told; });
  use(watched, 100, 10);
  CHECK(told >= 20);
  watched.set_callback(nullptr);
  const int before = told;
  use(watched, 100, 10);
  CHECK(told == before);

  tarn::byte_pool<tarn::per_cpu<>> zeroing({.zeroing = tarn::zeroing::on_get});
  for (int i = 0; i != 3; ++i) {
    auto b = zeroing.get(100);
    CHECK(std::all_of(b.data(), b.data() + 100, [](std::byte x) { return x == std::byte{0}; }));
    std::memset(b.data(), 1, 100);
  }
  test::byte_fixture<counting, tarn::power_of_two_tiers<>, tarn::checked> checking;
  use(*checking, 100, 1000);
  CHECK(checking.imbalance() == "");
}

TEMPLATE_TEST_CASE("each thread has a recorder of its own, and none loses a request", "[per_cpu]",
                   test::byte_stats, tarn::recording_stats) {
  tarn::byte_pool<tarn::per_cpu<>, TestType> pool;
  test::run_together(4, [&](std::size_t) {
    for (int i = 0; i != 5000; ++i) {
      void* const b = pool.allocate(100);
      pool.deallocate(b, 100);
    }
  });
  CHECK(pool.snapshot().total().gets == 20000);
  CHECK(pool.snapshot().total().in_use == 0);
  std::size_t recorders = 0;
  pool.for_each_recorder([&](const auto&) { ++recorders; });
  CHECK(recorders > 1);
  if constexpr (std::is_same_v<TestType, test::byte_stats>) {
    std::uint64_t asked = 0;
    pool.for_each_recorder([&](const auto& r) { asked += r.asked.read(); });
    CHECK(asked == 2'000'000);
  }
}

TEST_CASE("the child of a fork has the blocks of all caches", "[per_cpu]") {
  tarn::byte_pool<tarn::per_cpu<>> pool;
  sleeper other([&] { use(pool, 1000, 30); });
  const auto idle = pool.occupancy().idle();
  const auto end = test::in_child([&] {
    const auto t = pool.snapshot().total();
    if (t.idle != idle || t.abandoned != 0) return 1;
    if (tarn::detail::thread_rseq::works() && test::run_on(test::usable_processors().back())) {
      use(pool, 1000, 10);
      if (pool.snapshot().total().created != t.created) return 2;  // it used these blocks
    }
    pool.drain();
    if (pool.occupancy().idle() != 0) return 3;
    use(pool, 1000, 10);
    if (in_caches(pool) == 0) return 4;
    pool.close();
    return pool.occupancy().idle() == 0 ? 0 : 5;
  });
  CHECK(end.code == 0);
  CHECK(pool.occupancy().idle() == idle);
}

TEST_CASE("a thread that is stepped through a get and a put comes to their end", "[per_cpu]") {
  if (test::with_asan || test::with_tsan) return;  // millions of instructions
  tarn::byte_pool<tarn::per_cpu<>> pool;
  use(pool, 100, 10);
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    raise(SIGSTOP);
    for (int i = 0; i != 3; ++i)
      use(pool, 100, 2);
    _exit(pool.snapshot().total().in_use == 0 ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  std::size_t steps = 0;
  while (WIFSTOPPED(status) && steps != 2'000'000) {
    ++steps;
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    if (waitpid(child, &status, 0) != child) break;
  }
  if (WIFSTOPPED(status)) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  INFO(steps << " steps");
  CHECK(WIFEXITED(status));
  CHECK((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
}

TEST_CASE("all of this holds in a process without restartable sequences", "[without_rseq]") {
  if (test::with_tsan || test::runs_without_rseq()) return;  // it has none anyway
  CHECK(test::without_rseq("[per_cpu]") == 0);
}
