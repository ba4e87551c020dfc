// SPDX-License-Identifier: MIT
//
// Caches of processors under load: threads that move, that are interrupted, that come by the
// thousand, and others that seal the caches all the time.

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/per_cpu.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/owner_pattern.hpp"
#include "support/processors.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

using counting = test::policies<tarn::per_cpu<>, tarn::counting_stats>;
using fixture = test::byte_fixture<counting>;

constexpr std::size_t workers = 8;
constexpr unsigned rounds = test::with_tsan || test::with_asan ? 1 : 3;

// Gets, puts, and hands blocks to other threads, in single and bulk calls, on all processors.
template <class Pool>
class load {
 public:
  explicit load(Pool& pool) : pool_(pool) {}

  void run(std::size_t me, const std::atomic<bool>& stop) {
    std::mt19937 random(static_cast<unsigned>(me) + 1);
    const auto processors = test::usable_processors();
    std::vector<held> mine;
    while (!stop.load(std::memory_order::relaxed)) {
      const auto choice = random() % 1000;
      if (choice < 2 && !processors.empty()) {
        test::run_on(processors[random() % processors.size()]);
      } else if (choice < 450 && mine.size() < 60) {
        get(mine, 1 + random() % (choice < 20 ? 100'000 : 3000), me);
      } else if (choice < 470 && mine.size() < 60) {
        get_many(mine, std::size_t{64} << random() % 6, me);
      } else if (choice < 490) {
        swap(mine, random);
      } else if (choice < 500) {
        put_many(mine);
      } else if (!mine.empty()) {
        put(mine);
      }
    }
    while (!mine.empty())
      put(mine);
  }
  void put_rest() {
    for (auto& rest : handed_)
      while (!rest.blocks.empty())
        put(rest.blocks);
  }
  [[nodiscard]] std::size_t torn() const { return torn_; }

 private:
  struct held {
    void* block;
    std::size_t size;
    std::size_t owner;
  };
  struct list {
    std::mutex lock;
    std::vector<held> blocks;
  };

  void get(std::vector<held>& mine, std::size_t size, std::size_t me) {
    void* const block = pool_.try_allocate(size);
    if (block == nullptr) return;
    test::sign(block, size, me);
    mine.push_back({block, size, me});
  }
  void get_many(std::vector<held>& mine, std::size_t size, std::size_t me) {
    void* blocks[20];
    if (!pool_.try_allocate_bulk(size, blocks)) return;
    for (auto* const b : blocks) {
      test::sign(b, size, me);
      mine.push_back({b, size, me});
    }
  }
  void check(const held& h) { torn_ += !test::is_signed(h.block, h.size, h.owner); }
  void put(std::vector<held>& mine) {
    const auto h = mine.back();
    mine.pop_back();
    check(h);
    pool_.deallocate(h.block, h.size);
  }
  void put_many(std::vector<held>& mine) {
    std::vector<void*> same;
    const auto size = mine.empty() ? 0 : mine.back().size;
    while (!mine.empty() && mine.back().size == size) {
      check(mine.back());
      same.push_back(mine.back().block);
      mine.pop_back();
    }
    if (!same.empty()) pool_.deallocate_bulk(same, size);
  }
  // Exchanges some blocks with what another thread left.
  void swap(std::vector<held>& mine, std::mt19937& random) {
    auto& other = handed_[random() % workers];
    const std::lock_guard hold(other.lock);
    mine.swap(other.blocks);
  }

  Pool& pool_;
  list handed_[workers];
  std::atomic<std::size_t> torn_{0};
};

// The counters of all tiers, which may never fall; in use is never negative.
class reader {
 public:
  template <class Pool>
  void look(const Pool& pool) {
    const auto now = pool.snapshot();
    last_.resize(now.tiers.size());
    for (std::size_t i = 0; i != now.tiers.size(); ++i) {
      const auto& t = now.tiers[i];
      wrong_ += t.gets < t.puts || t.in_use > 1'000'000;
      wrong_ += t.gets < last_[i].gets || t.puts < last_[i].puts || t.misses < last_[i].misses;
      last_[i] = {t.gets, t.puts, t.misses};
    }
  }
  [[nodiscard]] std::size_t wrong() const { return wrong_; }

 private:
  struct numbers {
    std::uint64_t gets = 0, puts = 0, misses = 0;
  };
  std::vector<numbers> last_;
  std::size_t wrong_ = 0;
};

// Sends signals to the calling thread's siblings, about a thousand a second to each.
class interrupter {
 public:
  interrupter() {
    struct sigaction act = {};
    act.sa_handler = [](int) { arrived.fetch_add(1, std::memory_order::relaxed); };
    act.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &act, &before_);
  }
  ~interrupter() { sigaction(SIGUSR1, &before_, nullptr); }
  void add(pthread_t thread) {
    const std::lock_guard hold(lock_);
    threads_.push_back(thread);
  }
  void remove(pthread_t thread) {
    const std::lock_guard hold(lock_);
    std::erase_if(threads_, [&](pthread_t t) { return pthread_equal(t, thread) != 0; });
  }
  void run(const std::atomic<bool>& stop) {
    while (!stop.load(std::memory_order::relaxed)) {
      {
        const std::lock_guard hold(lock_);
        for (const auto t : threads_)
          pthread_kill(t, SIGUSR1);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  static inline std::atomic<std::size_t> arrived{0};

 private:
  std::mutex lock_;
  std::vector<pthread_t> threads_;
  struct sigaction before_ = {};
};

// Runs the load beside `action(i)`, called `times` times. Returns: faults seen.
template <class Pool, class Action>
std::size_t beside_load(Pool& pool, unsigned times, Action&& action) {
  load<Pool> all(pool);
  reader numbers;
  interrupter signals;
  std::atomic<bool> stop{false};
  std::thread sender([&] { signals.run(stop); });
  test::run_together(workers + 2, [&](std::size_t me) {
    if (me < workers) {
      signals.add(pthread_self());
      all.run(me, stop);
      signals.remove(pthread_self());
    } else if (me == workers) {
      while (!stop)
        numbers.look(pool);
    } else {
      for (unsigned i = 0; i != times; ++i)
        action(i);
      stop = true;
    }
  });
  sender.join();
  all.put_rest();
  return all.torn() + numbers.wrong();
}

}  // namespace

TEST_CASE("no block is lost and no counter falls while threads move and are interrupted",
          "[per_cpu]") {
  for (unsigned round = 0; round != rounds; ++round) {
    fixture pool;
    const auto faults = beside_load(*pool, 60, [&](unsigned i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (i % 10 == 9) pool->trim();
    });
    CHECK(faults == 0);
    CHECK(pool.imbalance() == "");
    CHECK(pool->occupancy().in_use() == 0);
    pool->trim();
    CHECK(pool.source.live_bytes() == 0);
  }
  CHECK(interrupter::arrived > 0);
}

TEST_CASE("caches that are sealed all the time lose no block", "[per_cpu]") {
  for (unsigned round = 0; round != rounds; ++round) {
    fixture pool;
    const auto faults = beside_load(*pool, 2000, [&](unsigned i) {
      switch (i % 6) {
        case 0:
          pool->trim();
          break;
        case 1:
          pool->drain();
          break;
        case 2:
          pool->maintain(tarn::time_span::of_seconds(i));
          break;
        case 3:
          pool->resize(i % 5, i * 37 % 600);
          break;
        case 4:
          pool->prewarm(i % 5, 20);
          break;
        default:
          std::this_thread::yield();
      }
    });
    CHECK(faults == 0);
    CHECK(pool.imbalance() == "");
    pool->trim();
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEST_CASE("several threads may seal the caches at the same time", "[per_cpu]") {
  fixture pool;
  std::atomic<std::size_t> torn{0};
  test::run_together(workers, [&](std::size_t me) {
    for (unsigned i = 0; i != 400; ++i) {
      void* out[10];
      if (!pool->try_allocate_bulk(500, out)) continue;
      for (auto* const b : out)
        test::sign(b, 500, me);
      (me + i) % 3 == 0 ? pool->drain() : static_cast<void>(pool->trim());
      for (auto* const b : out) {
        torn += !test::is_signed(b, 500, me);
        pool->deallocate(b, 500);
      }
    }
  });
  CHECK(torn == 0);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("a pool may close and end while threads that move put back", "[per_cpu]") {
  const auto processors = test::usable_processors();
  for (unsigned round = 0; round != 100 * rounds; ++round) {
    fixture pool;
    std::vector<std::vector<fixture::buffer>> out(workers);
    for (auto& mine : out) {
      for (std::size_t i = 0; i != 100; ++i) {
        mine.push_back(pool->get(1 + i * 50));
        test::sign(mine.back().data(), mine.back().size(), i);
      }
    }
    std::atomic<std::size_t> torn{0};
    test::run_together(workers + 1, [&](std::size_t me) {
      if (me == workers) {
        if (round % 2 == 0) pool->close();
        return pool.end_pool();
      }
      for (std::size_t i = 0; i != 100; ++i) {
        if (i % 20 == 0) test::run_on(processors[(me + i / 20 + round) % processors.size()]);
        auto& b = out[me][i];
        torn += !test::is_signed(b.data(), b.size(), i);
        b.reset();
      }
    });
    CHECK(torn == 0);
    CHECK(pool.source.live_bytes() == 0);
    CHECK(pool.source.faults() == 0);
  }
}

TEST_CASE("a thousand threads leave no more idle memory than two", "[per_cpu]") {
  if (test::with_tsan || test::with_asan) return;
  constexpr std::size_t all = 40'000;
  const auto processors = test::usable_processors();
  const auto idle_after = [&](std::size_t threads) {
    tarn::byte_pool<tarn::per_cpu<>> pool;
    std::counting_semaphore<2> turns(2);  // as many as work at a time, else more blocks are out
    std::atomic<std::size_t> done{0};
    std::atomic<bool> may_end{false};
    std::vector<std::thread> running;
    for (std::size_t t = 0; t != threads; ++t) {
      running.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(t));
        std::vector<std::pair<void*, std::size_t>> out;
        turns.acquire();
        for (std::size_t i = 0; i != all / threads; ++i) {
          const std::size_t size = 1 + random() % 30'000;
          out.emplace_back(pool.allocate(size), size);
          if (out.size() < 20) continue;
          // Two threads also move as often as many do, so that they fill the caches of all.
          test::run_on(processors[random() % processors.size()]);
          for (const auto& [block, bytes] : out)
            pool.deallocate(block, bytes);
          out.clear();
        }
        for (const auto& [block, bytes] : out)
          pool.deallocate(block, bytes);
        turns.release();
        ++done;
        while (!may_end)
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
      });
    }
    while (done != threads)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto bytes = pool.occupancy().slab_bytes;
    may_end = true;
    for (auto& t : running)
      t.join();
    return bytes;
  };
  const auto two = idle_after(2);
  const auto thousand = idle_after(1000);
  INFO(two << " bytes after 2 threads, " << thousand << " after 1000");
  // How much it is depends on who meets whom (1.0 to 1.3 times, 1.6 where threads choose by their
  // own numbers). A cache per thread would keep some hundred times as much.
  constexpr double most = 3;
  CHECK(static_cast<double>(thousand) <= most * static_cast<double>(two));
}

TEST_CASE("a child forked while threads are in the caches finds them whole", "[per_cpu]") {
  if (test::with_tsan || test::with_asan) return;  // see lifetime/fork_test.cpp
  tarn::byte_pool<tarn::per_cpu<>> pool;
  std::vector<test::child_end> ends;
  const auto faults = beside_load(pool, 40, [&](unsigned) {
    ends.push_back(test::in_child([&] {
      if (!test::imbalance(pool).empty()) return 1;
      void* out[50];
      if (!pool.try_allocate_bulk(500, out)) return 2;
      for (auto* const b : out)
        test::sign(b, 500, 99);
      for (auto* const b : out) {
        if (!test::is_signed(b, 500, 99)) return 3;
        pool.deallocate(b, 500);
      }
      pool.drain();
      for (const auto& t : pool.occupancy().tiers) {
        if (t.idle_in_threads != 0 || t.idle != t.idle_pinned) return 4;
      }
      return test::imbalance(pool).empty() ? 0 : 5;
    }));
  });
  CHECK(faults == 0);
  for (const auto& end : ends) {
    INFO("signal " << end.signal << ": " << end.said);
    CHECK(end.code == 0);
  }
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("all of this holds under load in a process without restartable sequences",
          "[without_rseq]") {
  if (test::with_tsan || test::runs_without_rseq()) return;
  CHECK(test::without_rseq("[per_cpu]") == 0);
}
