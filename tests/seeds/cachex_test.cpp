// SPDX-License-Identifier: MIT
//
// Go-CacheX's memory pools: their calls in terms of tarn, and their tests. The objects of its typed
// pools are tested, field by field, in unit/object_pool/typed_test.cpp.
//
//   PoolConfig{InitialSize, MaxSize, CleanupInterval}
//                           options{.initial_objects, .max_objects, .cleanup_interval}
//   recommended settings    options::standard(), high_throughput(), constrained(), for_rate(ops)
//   pool.Get(), Put(x)      pool.get(), and the end of the handle's scope
//   GetWithCapacity(n)      pool.get(n); 0 means options::default_capacity
//   PoolStats               snapshot(): CurrentSize = idle, TotalCreated = constructed,
//                           TotalRetrieved = gets, TotalReturned = puts, TotalDiscarded = discarded
//   OptimizedBufferPool     byte_pool<..., traits<cache_tiers>>
//   cleanup of unused items pool.maintain(now), regularly

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tarn/compat/seeds.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"

namespace {

using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;

struct cache_item {
  std::string key;
  bytes value;
  std::chrono::nanoseconds ttl{0};
  std::int64_t created_at = 0;
  std::int64_t accessed_at = 0;
  void reset() noexcept {
    key.clear();
    value.clear();
    ttl = {};
    created_at = accessed_at = 0;
  }
};

struct pool_stats {
  std::uint64_t current, created, retrieved, returned, discarded;
  bool operator==(const pool_stats&) const = default;
};

// The seed's five numbers, as `to_cachex` has them.
template <class Pool>
pool_stats stats_of(const Pool& pool) {
  const auto s = tarn::to_cachex(pool.snapshot());
  return {s.current_size, s.total_created, s.total_retrieved, s.total_returned, s.total_discarded};
}

}  // namespace

TEST_CASE("cachex: created, retrieved, returned and discarded move as the README says", "[seeds]") {
  tarn::object_pool<cache_item, std::mutex> pool({.initial_objects = 2, .max_objects = 4});
  CHECK(stats_of(pool) == pool_stats{2, 2, 0, 0, 0});
  {
    std::vector<tarn::object_pool<cache_item, std::mutex>::handle> out(7);
    pool.get_bulk(out);
    CHECK(stats_of(pool) == pool_stats{0, 7, 7, 0, 0});
  }
  CHECK(stats_of(pool) == pool_stats{4, 7, 7, 7, 3});  // above MaxSize: discarded
  {
    auto again = pool.get();
  }
  CHECK(stats_of(pool) == pool_stats{4, 7, 8, 8, 3});
  // The seed's reuse rate grows beyond 1; a hit rate does not.
  const auto s = pool.snapshot();
  CHECK(s.total().puts > s.constructed);
  CHECK(static_cast<double>(s.total().hits()) / static_cast<double>(s.total().gets) <= 1.0);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("cachex: unused items go after the cleanup interval", "[seeds]") {
  tarn::object_pool<cache_item> pool(tarn::options::constrained());
  CHECK(stats_of(pool).current == 100);
  static_cast<void>(pool.maintain(0s));
  static_cast<void>(pool.maintain(29s));
  CHECK(stats_of(pool).current == 100);
  CHECK(pool.maintain(30s) == 100);
  CHECK(stats_of(pool).current == 0);
}

TEST_CASE("cachex: the sizing rule, ten seconds' worth at first and twice that kept", "[seeds]") {
  const auto o = tarn::options::for_rate(100);
  CHECK(o.initial_objects == 1000u);
  CHECK(o.max_objects == 2000u);
  tarn::object_pool<cache_item> pool(o);
  CHECK(pool.snapshot().constructed == 1000);
}

TEST_CASE("cachex: a buffer pool of 1 KiB and more by request", "[seeds]") {
  tarn::object_pool<bytes> pool({.default_capacity = 1024});
  const std::byte* memory = nullptr;
  {
    auto b = pool.get(0);
    CHECK(b->empty());
    CHECK(b->capacity() >= 1024);
    b->resize(500);
    memory = b->data();
  }
  {
    auto b = pool.get(512);
    CHECK(b->empty());
    b->resize(1);
    CHECK(b->data() == memory);  // the seed never reuses
  }
  CHECK(pool.get(2048)->capacity() >= 2048);
  CHECK(pool.get(100)->capacity() >= 100);
}

TEST_CASE("cachex: string lists and maps come back empty", "[seeds]") {
  tarn::object_pool<std::vector<std::string>> lists({.default_capacity = 16});
  {
    auto l = lists.get(0);
    CHECK(l->capacity() >= 16);
    l->assign(3, "secret");
  }
  CHECK(lists.get(0)->empty());
  tarn::object_pool<std::map<std::string, bytes>> maps;
  {
    (*maps.get())["key"] = bytes(3);
  }
  CHECK(maps.get()->empty());
}

TEST_CASE("cachex: the previous user's result is gone from an async result", "[seeds]") {
  // The seed leaves Value, Exists and TTL to the next user.
  struct async_result {
    bytes value;
    std::map<std::string, bytes> values;
    std::int64_t result = 0;
    bool exists = false;
    std::chrono::nanoseconds ttl{0};
    std::optional<std::string> error;
  };
  tarn::object_pool<async_result> pool;  // reset by assignment, which includes all fields
  {
    auto r = pool.get();
    r->value = bytes(3, std::byte{7});
    r->values["a"] = bytes(1);
    r->result = 1;
    r->exists = true;
    r->ttl = 5s;
    r->error = "no";
  }
  auto r = pool.get();
  CHECK(r->value.empty());
  CHECK(r->values.empty());
  CHECK(r->result == 0);
  CHECK_FALSE(r->exists);
  CHECK(r->ttl.count() == 0);
  CHECK_FALSE(r->error);
  CHECK(pool.snapshot().constructed == 1);
}

TEST_CASE("cachex: tiered buffers are as large as asked for", "[seeds]") {
  // Get(512 / 4096 / 16384 / 100000) gave capacities 512, 4096, 16384 and 16384 there.
  tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<tarn::cache_tiers>>
      pool;
  CHECK(pool.get(512).capacity() == 512);
  CHECK(pool.get(513).capacity() == 4096);
  CHECK(pool.get(4096).capacity() == 4096);
  CHECK(pool.get(16384).capacity() == 16384);
  CHECK(pool.get(100000).capacity() >= 100000);
  CHECK(pool.get(4096).capacity() == 4096);  // and still after a put; 1024 there
}

TEST_CASE("cachex: a copied value is that value", "[seeds]") {
  // Above 1024 bytes the seed's copy is zeros.
  tarn::byte_pool<> pool;
  for (const std::size_t n : {900u, 2000u, 8192u}) {
    const bytes value(n, std::byte{7});
    auto copy = pool.get(value.size());
    std::memcpy(copy.data(), value.data(), value.size());
    CHECK(std::equal(copy.begin(), copy.end(), value.begin(), value.end()));
    CHECK(copy.capacity() >= n);
  }
}

TEST_CASE("cachex: nothing happens to an empty handle", "[seeds]") {
  tarn::object_pool<cache_item> pool;
  pool.put(nullptr);
  pool.put(tarn::object_pool<cache_item>::handle());
  CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0});
}

TEST_CASE("cachex: a hundred threads of a thousand gets share one pool", "[seeds]") {
  tarn::object_pool<cache_item> pool(tarn::options::standard());
  std::atomic<int> dirty{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 100; ++t) {
    threads.emplace_back([&pool, &dirty, t] {
      for (int i = 0; i != 1000; ++i) {
        auto item = pool.get();
        if (!item->key.empty() || item->created_at != 0) ++dirty;
        item->key = "key";
        item->created_at = t + 1;
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(dirty == 0);
  const auto s = stats_of(pool);
  CHECK(s.retrieved == 100'000);
  CHECK(s.returned == 100'000);
  CHECK(test::imbalance(pool) == "");
}
