// SPDX-License-Identifier: MIT
//
// Caches of processors that pools under one lock get when threads meet, and places that pools under
// `lock_free` get: more threads than processors, and others that empty, bound and close the pool
// all the time.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/spin_lock.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/moving_load.hpp"
#include "support/owner_pattern.hpp"
#include "support/processors.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

// Looks taken each third time, so that the pools of all tests get caches of processors at once.
struct busy_lock {
  using native_handle_type = void;
  void lock() { mutex.lock(); }
  bool try_lock() {
    static thread_local unsigned turn = 0;
    return ++turn % 3 != 0 && mutex.try_lock();
  }
  void unlock() { mutex.unlock(); }
  std::mutex mutex;
};

template <class Lock>
using fixture = test::byte_fixture<test::policies<Lock, tarn::counting_stats>>;

}  // namespace

TEMPLATE_TEST_CASE("no block is lost and no counter falls while threads meet, move and wait",
                   "[striped]", std::mutex, tarn::spin_lock, busy_lock, tarn::lock_free) {
  for (unsigned round = 0; round != test::load_rounds; ++round) {
    fixture<TestType> pool;
    const auto faults = test::beside_load(*pool, 60, [&](unsigned i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (i % 10 == 9) pool->trim();
    });
    CHECK(faults == 0);
    CHECK(pool.imbalance() == "");
    CHECK(pool->occupancy().in_use() == 0);
    pool->trim();
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_TEST_CASE("caches of processors that are emptied and bounded all the time lose no block",
                   "[striped]", std::mutex, tarn::spin_lock, busy_lock, tarn::lock_free) {
  for (unsigned round = 0; round != test::load_rounds; ++round) {
    fixture<TestType> pool;
    const auto faults =
        test::beside_load(*pool, 1000, [&](unsigned i) { test::disturb(*pool, i); });
    CHECK(faults == 0);
    CHECK(pool.imbalance() == "");
    pool->trim();
    CHECK(pool.source.live_bytes() == 0);
  }
}

TEMPLATE_TEST_CASE("a pool may close and end while threads that meet put back", "[striped]",
                   std::mutex, busy_lock, tarn::lock_free) {
  const auto processors = test::usable_processors();
  for (unsigned round = 0; round != 60 * test::load_rounds; ++round) {
    fixture<TestType> pool;
    std::vector<std::vector<typename fixture<TestType>::buffer>> out(test::workers);
    for (auto& mine : out) {
      for (std::size_t i = 0; i != 60; ++i) {
        mine.push_back(pool->get(1 + i * 50));
        test::sign(mine.back().data(), mine.back().size(), i);
      }
    }
    std::atomic<std::size_t> torn{0};
    test::run_together(test::workers + 1, [&](std::size_t me) {
      if (me == test::workers) {
        if (round % 2 == 0) pool->close();
        return pool.end_pool();
      }
      for (std::size_t i = 0; i != 60; ++i) {
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

TEST_CASE("a child forked while threads are in the caches of processors finds them whole",
          "[striped]") {
  if (test::with_tsan || test::with_asan) return;  // see lifetime/fork_test.cpp
  tarn::byte_pool<busy_lock> pool;
  std::vector<test::child_end> ends;
  const auto faults = test::beside_load(pool, 40, [&](unsigned) {
    ends.push_back(test::in_child([&] { return test::check_in_child(pool); }));
  });
  CHECK(faults == 0);
  for (const auto& end : ends) {
    INFO("signal " << end.signal << ": " << end.said);
    CHECK(end.code == 0);
  }
  CHECK(test::imbalance(pool) == "");
}
