// SPDX-License-Identifier: MIT
#pragma once

// A load on one pool: threads that move between processors and are interrupted, beside a thread
// that reads the counters and one that does what the test is about.

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/value/time_span.hpp>

#include "support/conservation.hpp"
#include "support/owner_pattern.hpp"
#include "support/processors.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace test {

inline constexpr std::size_t workers = 8;
inline constexpr unsigned load_rounds = with_tsan || with_asan ? 1 : 3;

// Gets, puts, and hands blocks to other threads, in single and bulk calls, on all processors.
template <class Pool>
class moving_load {
 public:
  explicit moving_load(Pool& pool) : pool_(pool) {}

  void run(std::size_t me, const std::atomic<bool>& stop) {
    std::mt19937 random(static_cast<unsigned>(me) + 1);
    const auto processors = usable_processors();
    std::vector<held> mine;
    while (!stop.load(std::memory_order::relaxed)) {
      const auto choice = random() % 1000;
      if (choice < 2 && !processors.empty()) {
        run_on(processors[random() % processors.size()]);
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
    sign(block, size, me);
    mine.push_back({block, size, me});
  }
  void get_many(std::vector<held>& mine, std::size_t size, std::size_t me) {
    void* blocks[20];
    if (!pool_.try_allocate_bulk(size, blocks)) return;
    for (auto* const b : blocks) {
      sign(b, size, me);
      mine.push_back({b, size, me});
    }
  }
  void check(const held& h) { torn_ += !is_signed(h.block, h.size, h.owner); }
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
class counter_reader {
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
  moving_load<Pool> all(pool);
  counter_reader numbers;
  interrupter signals;
  std::atomic<bool> stop{false};
  std::thread sender([&] { signals.run(stop); });
  run_together(workers + 2, [&](std::size_t me) {
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

// One of the things that empty, bound or fill a pool, chosen by `i`.
template <class Pool>
void disturb(Pool& pool, unsigned i) {
  switch (i % 6) {
    case 0:
      pool.trim();
      break;
    case 1:
      pool.drain();
      break;
    case 2:
      pool.maintain(tarn::time_span::of_seconds(i));
      break;
    case 3:
      pool.resize(i % 5, i * 37 % 600);
      break;
    case 4:
      pool.prewarm(i % 5, 20);
      break;
    default:
      std::this_thread::yield();
  }
}

// In a fork's child: whether the pool works and loses no block. Returns: 0, or what is wrong.
template <class Pool>
int check_in_child(Pool& pool) {
  if (!imbalance(pool).empty()) return 1;
  void* out[50];
  if (!pool.try_allocate_bulk(500, out)) return 2;
  for (auto* const b : out)
    sign(b, 500, 99);
  for (auto* const b : out) {
    if (!is_signed(b, 500, 99)) return 3;
    pool.deallocate(b, 500);
  }
  pool.drain();
  for (const auto& t : pool.occupancy().tiers) {
    if (t.idle_in_threads != 0 || t.idle != t.idle_pinned) return 4;
  }
  return imbalance(pool).empty() ? 0 : 5;
}

}  // namespace test
