// SPDX-License-Identifier: MIT
//
// Portask's memory package: its calls in terms of tarn, and its tests.
//
//   NewPool(PoolConfig{Name, ObjectSize, InitialObjects, MaxObjects, ...})
//                          byte_pool<..., traits<fixed_tiers<ObjectSize>>> pool({.name = ...,
//                          ...});
//   pool.Get(), GetBytes() auto b = pool.get(ObjectSize);
//   pool.Put(b)            the end of b's scope, or pool.put(std::move(b))
//   pool.Resize(n)         pool.resize(0, n), both ways
//   Clear, ResetAndDrain, Close    clear(), reset_and_drain(), close()
//   GetStats()             to_portask(pool.snapshot(), clock)
//   Factory                object_pool<T, ..., object_traits<keep_objects<Factory, Reset>>>
//   GetGlobalPool(size)    global_pools(sized_pools_options::portask()), in watching_test.cpp
//   GetBuffer(n), PutBuffer(b)    default_pool().get(n), which does not zero
//   NewBufferPool()        byte_pool<..., traits<small_tiers>>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"

namespace {

template <std::size_t Size, class Lock = tarn::thread_cached<>>
using fixed_pool =
    tarn::byte_pool<Lock, tarn::counting_stats, tarn::traits<tarn::fixed_tiers<Size>>>;

struct packet {
  int value = 0;
};
struct makes_42 {
  packet operator()() const { return {42}; }
};
struct leaves_as_is {
  void operator()(packet&) const noexcept {}
};
using packet_pool =
    tarn::object_pool<packet, std::mutex, tarn::counting_stats,
                      tarn::object_traits<tarn::keep_objects<makes_42, leaves_as_is>>>;

}  // namespace

TEST_CASE("portask: get and put of a 1 KiB pool", "[seeds]") {
  fixed_pool<1024> pool({.name = "test-pool", .initial_objects = 10, .max_objects = 100});
  auto b = pool.get(1024);
  REQUIRE(b);
  CHECK(b.size() == 1024);
  const auto* const first = b.data();
  pool.put(std::move(b));
  auto again = pool.get(1024);
  CHECK(again.data() == first);
  CHECK(pool.snapshot().name == "test-pool");
  CHECK(pool.snapshot().tiers[0].size_bytes == 1024);
}

TEST_CASE("portask: buffers are zeroed on get where the pool says so", "[seeds]") {
  fixed_pool<1024> pool({.zeroing = tarn::zeroing::on_get});
  {
    auto b = pool.get(1024);
    std::memset(b.data(), 0xFF, b.size());
  }
  auto b = pool.get(1024);
  CHECK(std::count(b.begin(), b.end(), std::byte{0}) == 1024);
}

TEST_CASE("portask: fifty threads of fifty gets and puts", "[seeds]") {
  fixed_pool<1024> pool({.initial_objects = 10, .max_objects = 100});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 50; ++t) {
    threads.emplace_back([&pool, &wrong, t] {
      for (int i = 0; i != 50; ++i) {
        auto b = pool.get(1024);
        std::memset(b.data(), t, 10);
        if (b[9] != static_cast<std::byte>(t)) ++wrong;
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(wrong == 0);
  const auto s = pool.snapshot().total();
  CHECK(s.gets == 2500);
  CHECK(s.puts == 2500);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("portask: hits and misses add up, prefilled blocks are hits", "[seeds]") {
  // 200 gets, none returned, 4 blocks made ready before: the seed's trace has 4 hits and 196
  // misses.
  fixed_pool<256, std::mutex> pool({.initial_objects = 4, .max_objects = 16});
  std::vector<fixed_pool<256, std::mutex>::buffer> out;
  for (int i = 0; i != 200; ++i)
    out.push_back(pool.get(256));
  const auto s = pool.snapshot().total();
  CHECK(s.hits() == 4);
  CHECK(s.misses == 196);
  CHECK(s.gets == s.hits() + s.misses);
  // The seed has no counts for a user's factory; here kept objects are counted in the same way.
  packet_pool packets({.initial_objects = 1});
  auto one = packets.get();
  auto two = packets.get();
  CHECK(packets.snapshot().total().hits() == 1);
  CHECK(packets.snapshot().total().misses == 1);
  CHECK(packets.snapshot().constructed == 2);
}

TEST_CASE("portask: resize grows and shrinks, and reports what is", "[seeds]") {
  fixed_pool<256, std::mutex> pool({.initial_objects = 64, .max_objects = 64});
  pool.resize(0, 128);
  CHECK(pool.occupancy().idle() == 128);
  pool.resize(0, 32);  // shrinking has no effect in the seed
  // 32 blocks are ready. A ready block in a slab keeps the memory of the slab's other blocks.
  const auto t = pool.occupancy().tiers[0];
  CHECK(t.idle_kept() == 32);
  pool.resize(0, 0);
  CHECK(pool.occupancy().idle() == 0);
  CHECK(pool.occupancy().slab_bytes == 0);
}

TEST_CASE("portask: resizing while others get and put loses nothing and does not wait", "[seeds]") {
  fixed_pool<256> pool({.initial_objects = 8, .max_objects = 64});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&] {
      std::vector<fixed_pool<256>::buffer> held;
      while (!stop) {
        held.push_back(pool.get(256));
        if (held.size() == 40) held.clear();
      }
    });
  }
  for (int i = 0; i != 200; ++i)
    pool.resize(0, i % 2 == 0 ? 128 : 4);
  stop = true;
  for (auto& t : threads)
    t.join();
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("portask: max_objects is a limit", "[seeds]") {
  fixed_pool<256, std::mutex> pool({.max_objects = 16});
  std::vector<fixed_pool<256, std::mutex>::buffer> out(100);
  pool.get_bulk(256, out);
  pool.put_bulk(out);
  const auto t = pool.occupancy().tiers[0];
  CHECK(t.idle_kept() == 16);
  CHECK(t.discarded == 84);
}

TEST_CASE("portask: objects of one's own keep their value without a reset", "[seeds]") {
  packet_pool pool({.initial_objects = 2});
  {
    auto p = pool.get();
    CHECK(p->value == 42);  // the seed's prefill ignores the factory
    p->value = 43;
  }
  CHECK(pool.get()->value == 43);
}

TEST_CASE("portask: reset and drain refills to the initial number, clear does not", "[seeds]") {
  packet_pool pool({.initial_objects = 2});
  auto out = pool.get();
  pool.reset_and_drain();
  CHECK(pool.snapshot().constructed == 4);
  CHECK(pool.occupancy().in_use() == 1);
  pool.clear();
  out.reset();
  CHECK(pool.get()->value == 42);
  pool.close();
  CHECK_THROWS_AS(pool.get(), tarn::pool_closed);  // the seed's pool stays usable by accident
}

TEST_CASE("portask: get_buffer rounds up to a power of two and gives the asked length", "[seeds]") {
  auto& pool = tarn::default_pool();
  for (const std::size_t n : {1u, 100u, 129u, 5000u, 100000u}) {
    auto b = pool.get(n);
    CHECK(b.size() == n);
    CHECK(b.capacity() >= n);
    CHECK((b.capacity() & (b.capacity() - 1)) == 0);
  }
  CHECK_THROWS_AS(pool.get(static_cast<std::size_t>(-5)), std::length_error);  // GetBuffer(-5)
  // A hundred odd capacities made a hundred pools and threads there. Here a put makes no pool.
  const auto before = pool.occupancy().tiers.size();
  for (std::size_t n = 1; n <= 100; ++n)
    pool.put(pool.get(n * 37));
  CHECK(pool.occupancy().tiers.size() == before);
}

TEST_CASE("portask: the buffer pool has twelve tiers and a usage gauge for each", "[seeds]") {
  tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<tarn::small_tiers>>
      pool;
  CHECK(pool.snapshot().tiers.size() == 12);
  std::vector<decltype(pool.get(0))> out;
  for (int i = 0; i != 10; ++i)
    out.push_back(pool.get(64));
  out.push_back(pool.get(128));
  const auto s = pool.snapshot();
  CHECK(s.tiers[1].size_bytes == 64);
  CHECK(s.tiers[1].in_use == 10);
  CHECK(s.tiers[2].in_use == 1);
  out.clear();
  for (const auto& t : pool.snapshot().tiers)
    CHECK(t.in_use == 0);
  // Put(cap 40) then three Get(64) gave capacities 40, 64, 64 there.
  for (int i = 0; i != 3; ++i)
    CHECK(pool.get(i == 0 ? 40 : 64).capacity() == 64);
  CHECK(pool.get(0).capacity() == 32);  // an unused buffer is not lost
  CHECK(pool.get(65537).capacity() >= 65537);
  CHECK(pool.snapshot().large.gets == 1);
}

TEST_CASE("portask: a get has the length that was asked for, never a misleading zero", "[seeds]") {
  // The seed's own caller copied its payload into a buffer of length 0, and sent no bytes.
  tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats, tarn::traits<tarn::small_tiers>>
      pool;
  const std::string payload = "payload";
  auto b = pool.get(payload.size());
  std::memcpy(b.data(), payload.data(), b.size());
  CHECK(b.view() == payload);
}
