// SPDX-License-Identifier: MIT
//
// Pools whose threads meet at a lock: they get caches of processors, and stay exact.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/failing_heap.hpp"
#include "support/processors.hpp"

namespace {

// A mutex that a test makes look taken, so that one thread meets itself.
struct meeting_lock {
  using native_handle_type = void;
  void lock() {
    ++taken;
    mutex.lock();
  }
  bool try_lock() {
    if (refusals != 0) {
      --refusals;
      return false;
    }
    ++taken;
    return mutex.try_lock();
  }
  void unlock() { mutex.unlock(); }

  static inline std::size_t refusals = 0;
  static inline std::size_t taken = 0;
  std::mutex mutex;
};

struct counted {
  counted() { ++alive; }
  ~counted() { --alive; }
  void reset() { ++resets; }
  int resets = 0;
  static inline int alive = 0;
};

template <class Stats = tarn::counting_stats>
using fixture = test::byte_fixture<test::policies<meeting_lock, Stats>>;

template <class Pool>
void meet(Pool& pool, std::size_t size = 100) {
  for (int i = 0; i != 16; ++i) {
    meeting_lock::refusals = 1;
    void* const block = pool.allocate(size);
    meeting_lock::refusals = 0;
    pool.deallocate(block, size);
  }
}

// The locks that a get and a put of a block that is ready take.
template <class Pool>
std::size_t locks_of_a_hit(Pool& pool) {
  pool.deallocate(pool.allocate(100), 100);
  const auto before = meeting_lock::taken;
  pool.deallocate(pool.allocate(100), 100);
  return meeting_lock::taken - before;
}

template <class Pool>
std::vector<void*> take(Pool& pool, std::size_t count, std::size_t size = 100) {
  std::vector<void*> blocks(count);
  for (auto& b : blocks)
    b = pool.allocate(size);
  return blocks;
}
template <class Pool>
void give(Pool& pool, const std::vector<void*>& blocks, std::size_t size = 100) {
  for (void* const b : blocks)
    pool.deallocate(b, size);
}

template <class Pool>
std::uint64_t ready(const Pool& pool) {
  const auto t = pool.occupancy().tiers[0];
  return t.idle - t.idle_pinned;
}

}  // namespace

TEST_CASE("a hit takes no lock once threads have met often", "[striped]") {
  fixture<> pool;
  CHECK(locks_of_a_hit(*pool) == 2);
  meet(*pool);
  CHECK(locks_of_a_hit(*pool) == 0);
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("a pool that one thread uses goes on with its lock", "[striped]") {
  fixture<> pool;
  give(*pool, take(*pool, 1000));
  CHECK(locks_of_a_hit(*pool) == 2);
}

TEMPLATE_TEST_CASE("gets, puts and misses are exact with caches of processors", "[striped]",
                   tarn::counting_stats, tarn::recording_stats) {
  fixture<TestType> pool;
  meet(*pool);
  const auto before = pool->snapshot();
  give(*pool, take(*pool, 700));
  std::vector<void*> bulk(900);
  pool->allocate_bulk(100, bulk);
  pool->deallocate_bulk(bulk, 100);
  give(*pool, take(*pool, 300));
  const auto now = pool->snapshot() - before;
  CHECK(now.tiers[0].gets == 1900);
  CHECK(now.tiers[0].puts == 1900);
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("trim, drain and clear take the blocks of all processors home", "[striped]") {
  const auto processors = test::usable_processors();
  for (int how = 0; how != 3; ++how) {
    fixture<> pool;
    meet(*pool);
    for (const auto p : processors) {
      test::run_on(p);
      give(*pool, take(*pool, 200));
    }
    how == 0 ? static_cast<void>(pool->trim()) : how == 1 ? pool->drain() : pool->clear();
    CHECK(pool.source.live_bytes() == 0);
    CHECK(pool.imbalance() == "");
    give(*pool, take(*pool, 200));
    CHECK(locks_of_a_hit(*pool) == 0);
  }
}

TEST_CASE("a thread finds what it left on another processor before the pool grows", "[striped]") {
  const auto processors = test::usable_processors();
  fixture<> pool;
  meet(*pool);
  for (int i = 0; i != 20; ++i) {
    test::run_on(processors[static_cast<std::size_t>(i) % processors.size()]);
    give(*pool, take(*pool, 300, 3000), 3000);
  }
  const auto asked = pool.source.allocations();
  for (int i = 0; i != 20; ++i) {
    test::run_on(processors[static_cast<std::size_t>(i) % processors.size()]);
    give(*pool, take(*pool, 300, 3000), 3000);
  }
  CHECK(pool.source.allocations() == asked);
}

TEST_CASE("a pool that closes takes all of it home, and blocks that come later", "[striped]") {
  const auto processors = test::usable_processors();
  fixture<> pool;
  meet(*pool);
  const auto late = take(*pool, 50);
  for (const auto p : processors) {
    test::run_on(p);
    give(*pool, take(*pool, 200));
  }
  pool->close();
  CHECK_THROWS_AS(pool->allocate(100), tarn::pool_closed);
  give(*pool, late);
  CHECK(pool->occupancy().idle() == 0);
  pool.end_pool();
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool.source.faults() == 0);
}

TEST_CASE("a pool with a bound stays exact, so it gets no caches of processors", "[striped]") {
  for (const auto& o : {tarn::options{.max_objects = 10}, tarn::options{.max_bytes = 10 * 128},
                        tarn::options{.limit_bytes = std::size_t{64} << 20}}) {
    fixture<> pool(o);
    meet(*pool);
    CHECK(locks_of_a_hit(*pool) >= 2);
    give(*pool, take(*pool, 100));
    if (!o.limit_bytes) CHECK(ready(*pool) == 10);
  }
}

TEST_CASE("a bound that is set later holds for the caches of processors", "[striped]") {
  const auto processors = test::usable_processors();
  fixture<> pool;
  meet(*pool);
  give(*pool, take(*pool, 600));
  pool->resize(0, 10);
  CHECK(ready(*pool) <= 10);
  for (const auto p : processors) {
    test::run_on(p);
    give(*pool, take(*pool, 100));
    CHECK(ready(*pool) <= 10);
  }
  CHECK(pool.imbalance() == "");
  pool->resize(0, 1000);
  give(*pool, take(*pool, 900));
  CHECK(ready(*pool) <= 1000);
  CHECK(ready(*pool) >= 900);
}

TEST_CASE("a pool without memory for caches of processors goes on without", "[striped]") {
  fixture<> pool;
  give(*pool, take(*pool, 100));
  const auto failed = test::with_failing_heap(0, [&] { meet(*pool); });
  CHECK(failed);
  CHECK(locks_of_a_hit(*pool) == 2);
  meet(*pool);  // it asks again
  CHECK(locks_of_a_hit(*pool) == 0);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("objects keep their state in the caches of processors, and are destroyed once",
          "[striped]") {
  {
    tarn::object_pool<counted, meeting_lock> pool;
    std::vector<typename decltype(pool)::handle> out;
    for (int round = 0; round != 3; ++round) {
      for (int i = 0; i != 40; ++i) {
        meeting_lock::refusals = 1;
        out.push_back(pool.get());
        meeting_lock::refusals = 0;
      }
      out.clear();
    }
    CHECK(counted::alive == 40);
    pool.trim();
    CHECK(counted::alive == 0);
    out.push_back(pool.get());
  }
  CHECK(counted::alive == 0);
}
