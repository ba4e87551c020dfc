// SPDX-License-Identifier: MIT
//
// Go-CacheX's memory pools: their calls in terms of tarn, and their tests. The objects of its typed
// pools are tested, field by field, in unit/compat/cachex_test.cpp, and types of a user's own in
// unit/object_pool/typed_test.cpp.
//
//   PoolConfig{InitialSize, MaxSize, CleanupInterval}
//                           options{.initial_objects, .max_objects, .cleanup_interval}
//   recommended settings    options::standard(), high_throughput(), constrained(), for_rate(ops)
//   pool.Get(), Put(x)      pool.get(), and the end of the handle's scope
//   GetWithCapacity(n)      pool.get(n), and at least options::default_capacity, as get() has it
//   PoolStats               to_cachex(pool.snapshot())
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

#include <tarn/builder.hpp>
#include <tarn/compat/cachex.hpp>
#include <tarn/compat/global_pools.hpp>
#include <tarn/compat/seeds.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"

namespace {

using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;

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
  tarn::cache_item_pool<tarn::byte_string, std::mutex> pool(
      {.initial_objects = 2, .max_objects = 4});
  CHECK(stats_of(pool) == pool_stats{2, 2, 0, 0, 0});
  {
    std::vector<tarn::cache_item_pool<tarn::byte_string, std::mutex>::handle> out(7);
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
  tarn::cache_item_pool<> pool(tarn::options::constrained());
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
  tarn::cache_item_pool<> pool(o);
  CHECK(pool.snapshot().constructed == 1000);
  // The recommended settings.
  const auto busy = tarn::options::high_throughput();
  CHECK(busy.initial_objects == 1000u);
  CHECK(busy.max_objects == 10000u);
  CHECK(busy.cleanup_interval == tarn::time_span::of_seconds(60));
}

TEST_CASE("cachex: a buffer pool of 1 KiB and more by request", "[seeds]") {
  tarn::object_pool<bytes> pool({.default_capacity = 1024});
  const std::byte* memory = nullptr;
  {
    auto b = pool.get();
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
    auto l = lists.get();
    CHECK(l->capacity() >= 16);
    l->assign(3, "secret");
  }
  CHECK(lists.get(0)->empty());
  tarn::map_pool<std::string, bytes> maps;
  {
    (*maps.get())["key"] = bytes(3);
  }
  CHECK(maps.get()->empty());
}

TEST_CASE("cachex: the previous user's result is gone from an async result", "[seeds]") {
  // The seed leaves Value, Exists and TTL to the next user.
  tarn::async_result_pool<bytes> pool;
  {
    auto r = pool.get();
    r->value = bytes(3, std::byte{7});
    r->values["a"] = bytes(1);
    r->result = 1;
    r->exists = true;
    r->ttl = 5s;
    r->fail("no", tarn::error_kind::ttl_negative);
  }
  auto r = pool.get();
  CHECK(r->value.empty());
  CHECK(r->values.empty());
  CHECK(r->result == 0);
  CHECK_FALSE(r->exists);
  CHECK(r->ttl.count() == 0);
  CHECK_FALSE(r->has_failed);
  CHECK(r->error.text.empty());
  CHECK(pool.snapshot().constructed == 1);
}

TEST_CASE("cachex: errors and result channels come back to their pools", "[seeds]") {
  tarn::error_pool<> errors;
  const tarn::common_error* first = nullptr;
  {
    auto e = errors.get();
    e->set("no such key", tarn::error_kind::item_not_found);
    CHECK(e->message() == "no such key");
    first = e.get();
  }
  CHECK(errors.get().get() == first);  // there, no caller ever returned one
  CHECK(errors.get()->kind == tarn::error_kind::unknown);

  tarn::result_channel_pool<std::string> channels;
  {
    auto c = channels.get();
    CHECK(c->send("left in it"));
    c->close();  // there, a closed channel from the pool panics on its next use
  }
  auto c = channels.get();
  CHECK_FALSE(c->try_receive());
  CHECK(c->try_send("works"));
  CHECK(channels.snapshot().constructed == 1);
}

TEST_CASE("cachex: a callback is told each operation with its item, and debug shows all",
          "[seeds]") {
  tarn::object_pool<std::string, std::mutex> pool({.name = "texts", .max_objects = 1});
  std::vector<std::string> told;
  pool.set_callback([&](const tarn::operation& o) { told.emplace_back(to_string(o.kind)); });
  {
    auto a = pool.get();
    auto b = pool.get();
  }
  CHECK(told ==
        std::vector<std::string>{"create", "get", "create", "get", "put", "put", "discard"});
  pool.set_callback(nullptr);
  told.clear();
  static_cast<void>(pool.get());
  CHECK(told.empty());

  tarn::event_log log;
  const auto watching = log.watch(pool);
  log.set_sink([&](const tarn::event& e) { told.emplace_back(e.message); });
  static_cast<void>(pool.get());
  CHECK(told.empty());
  log.set_debug(true);
  static_cast<void>(pool.get());
  CHECK(told.size() == 2);  // the get and the put
  log.set_debug(false);
  static_cast<void>(pool.get());
  CHECK(told.size() == 2);
}

TEST_CASE("cachex: the pools of the program are there and valid", "[seeds]") {
  {
    const auto item = tarn::pool_of<tarn::cache_item<>>().get();
    const auto result = tarn::pool_of<tarn::async_result<bytes>>().get();
    const auto buffer = tarn::pool_of<bytes>().get();
    const auto list = tarn::pool_of<std::vector<std::string>>().get();
    const auto map = tarn::pool_of<std::map<std::string, bytes>>().get();
    CHECK(tarn::pools().size() == 5);
    CHECK_FALSE(tarn::pools().validate());  // ValidateGlobalPools: no error
  }
  CHECK_FALSE(tarn::pools().validate(tarn::moment::at_rest));
}

TEST_CASE("cachex: a key is built of its parts, and the builder is used again", "[seeds]") {
  tarn::key_builder key;
  key.add("user").add(42).add("name");
  CHECK(key.view() == "user:42:name");
  key.clear();
  key.add("other");
  CHECK(key.view() == "other");
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
  tarn::cache_item_pool<> pool;
  pool.put(nullptr);
  pool.put(tarn::cache_item_pool<>::handle());
  CHECK(stats_of(pool) == pool_stats{0, 0, 0, 0, 0});
}

TEST_CASE("cachex: a hundred threads of a thousand gets share one pool", "[seeds]") {
  tarn::cache_item_pool<> pool(tarn::options::standard());
  std::atomic<int> dirty{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 100; ++t) {
    threads.emplace_back([&pool, &dirty, t] {
      for (int i = 0; i != 1000; ++i) {
        auto item = pool.get();
        if (!item->key.empty() || item->created_at.count() != 0) ++dirty;
        item->set("key", "value", 5s, tarn::time_span::of_seconds(t + 1));
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
