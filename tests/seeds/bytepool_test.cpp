// SPDX-License-Identifier: MIT
//
// bytepool: its calls in terms of tarn, and its tests.
//
//   NewPools(SizePowerOfTwo())   byte_pool<> pool;
//   NewPools(SizeStream())       byte_pool<..., traits<stream_tiers>>
//   NewPools([]int{...})         byte_pool<..., traits<runtime_tiers>> pool({}, {1024, 128});
//   Get(n), Put(b)               get(n), and the end of the buffer's scope
//   GetAvailableSizes()          pool.tiers()
//   GetPoolStats()               pool.snapshot(), with recording_stats for recent_lengths
//   GetDiscardedCount()          snapshot().large.gets + .puts for sizes above the last tier
//   Alloc(size)                  prewarm(tier, n)
//   NewPool(fn)                  object_pool<T, ..., object_traits<keep_objects<Fn, Reset>>>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"

namespace {

using recording_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats>;
template <class Tiers>
using pool_with =
    tarn::byte_pool<std::mutex, tarn::recording_stats, tarn::traits<Tiers, tarn::checked>>;

using lengths = std::vector<std::size_t>;

template <class Table>
lengths sizes_of(const Table& tiers) {
  lengths all;
  for (std::size_t i = 0; i != tiers.count(); ++i)
    all.push_back(tiers.size_of(i));
  return all;
}

std::uint64_t misuses(const auto& pool, tarn::misuse kind) {
  return pool.snapshot().misuses[static_cast<std::size_t>(kind)];
}

}  // namespace

TEST_CASE("bytepool: the ready ladders have the seed's sizes", "[seeds]") {
  tarn::byte_pool<> powers;
  CHECK(powers.tiers().count() == 15);
  CHECK(sizes_of(powers.tiers()).front() == 128);
  CHECK(sizes_of(powers.tiers()).back() == 2097152);
  pool_with<tarn::stream_tiers> stream;
  CHECK(sizes_of(stream.tiers()) == lengths{1024, 4096, 16384, 32768, 65536, 131072, 262144});
  // The newer table, without 256 KiB.
  pool_with<tarn::fixed_tiers<1024, 4096, 16384, 32768, 65536, 131072>> newer;
  CHECK(newer.tiers().count() == 6);
}

TEST_CASE("bytepool: tiers of one's own are sorted, deduplicated and validated", "[seeds]") {
  pool_with<tarn::runtime_tiers> pool({}, {1024, 128, 128});
  CHECK(sizes_of(pool.tiers()) == lengths{128, 1024});  // the seed reports 128 twice
  CHECK(pool.snapshot().tiers.size() == 2);
  CHECK(pool.snapshot().recent_lengths.empty());
  CHECK_THROWS_AS(pool_with<tarn::runtime_tiers>({}, tarn::runtime_tiers(lengths{})),
                  std::invalid_argument);
  CHECK_THROWS_AS(pool_with<tarn::runtime_tiers>({}, {0, 128}), std::invalid_argument);
}

TEST_CASE("bytepool: get gives the asked length on the smallest tier", "[seeds]") {
  tarn::byte_pool<> pool;
  for (const std::size_t n : {1u, 128u, 129u, 1000u, 4096u, 2097152u}) {
    auto b = pool.get(n);
    CHECK(b.size() == n);
    CHECK(b.capacity() == pool.capacity_for(n));
  }
  // Get(0) is nil there and not counted; here zero is a size like any other.
  CHECK(pool.get(0));
  CHECK(pool.snapshot().total().gets == 7);
}

TEST_CASE("bytepool: recent lengths are tracked in order", "[seeds]") {
  recording_pool pool;
  for (const std::size_t n : {100u, 200u, 300u, 150u, 250u})
    pool.put(pool.get(n));
  const auto s = pool.snapshot();
  CHECK(s.recent_lengths == lengths{100, 200, 300, 150, 250});
  CHECK(s.total().gets == 5);
  CHECK(s.total().puts == 5);
}

TEST_CASE("bytepool: the last 256 lengths are kept, 45 to 300 after gets of 1 to 300", "[seeds]") {
  recording_pool pool;
  for (std::size_t n = 1; n <= 300; ++n)
    pool.put(pool.get(n));
  auto s = pool.snapshot();
  REQUIRE(s.recent_lengths.size() == 256);
  lengths expected(256);
  std::iota(expected.begin(), expected.end(), std::size_t{45});
  CHECK(s.recent_lengths == expected);
  CHECK(s.total().gets == 300);

  recording_pool other;
  for (std::size_t n = 1; n <= 260; ++n)
    pool.put(other.get(n));
  s = other.snapshot();
  CHECK(s.recent_lengths.front() == 5);
  CHECK(s.recent_lengths.back() == 260);
}

TEST_CASE("bytepool: a ring of any other size", "[seeds]") {
  tarn::byte_pool<std::mutex, tarn::basic_recording_stats<10>> ten;
  tarn::byte_pool<std::mutex, tarn::basic_recording_stats<1>> one;
  for (std::size_t n = 1; n <= 25; ++n) {
    ten.put(ten.get(n));
    one.put(one.get(n));
  }
  CHECK(ten.snapshot().recent_lengths == lengths{16, 17, 18, 19, 20, 21, 22, 23, 24, 25});
  CHECK(one.snapshot().recent_lengths == lengths{25});
}

TEST_CASE("bytepool: minimum, maximum and average of what was asked for", "[seeds]") {
  recording_pool pool;
  for (const std::size_t n : {64u, 128u, 256u, 512u, 1024u, 2048u, 4096u})
    pool.put(pool.get(n));
  const auto recent = pool.snapshot().recent_lengths;
  CHECK(*std::min_element(recent.begin(), recent.end()) == 64);
  CHECK(*std::max_element(recent.begin(), recent.end()) == 4096);
  CHECK(std::accumulate(recent.begin(), recent.end(), std::size_t{0}) / recent.size() == 1161);
}

TEST_CASE("bytepool: an oversize request is counted once, and its return once", "[seeds]") {
  // The seed: discarded 2 after one get and one put of 1000 with tiers up to 512.
  pool_with<tarn::fixed_tiers<128, 256, 512>> pool;
  {
    auto b = pool.get(1000);
    CHECK(b.size() == 1000);
    CHECK(pool.snapshot().large.gets == 1);
    CHECK(pool.snapshot().large.puts == 0);
  }
  {
    auto b = pool.get(100);
  }
  const auto s = pool.snapshot();
  CHECK(s.large.gets == 1);
  CHECK(s.large.puts == 1);
  CHECK(s.total().gets == 1);
  CHECK(s.total().puts == 1);
  CHECK(s.tiers[0].gets == 1);
  CHECK(s.recent_lengths == lengths{1000, 100});  // recorded before the oversize test
}

TEST_CASE("bytepool: interior, shortened and foreign returns are told apart", "[seeds]") {
  // Golden trace: Get(100), Put(interior), Put(prefix), Put(foreign of 300).
  pool_with<tarn::fixed_tiers<128, 256, 512>> pool;
  auto* const p = static_cast<std::byte*>(pool.allocate(100));
  pool.deallocate(p + 10, 90);  // the seed loses this block silently
  CHECK(misuses(pool, tarn::misuse::interior) == 1);
  CHECK(pool.occupancy().in_use() == 1);
  std::array<std::byte, 300> foreign;
  pool.deallocate(foreign.data(), foreign.size());
  CHECK(misuses(pool, tarn::misuse::foreign) == 1);
  pool.deallocate(p, 100);
  pool.deallocate(p, 100);
  CHECK(misuses(pool, tarn::misuse::double_put) == 1);
  const auto s = pool.snapshot();
  CHECK(s.tiers[0].gets == 1);
  CHECK(s.tiers[0].puts == 1);
  CHECK(s.total().in_use == 0);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("bytepool: the balance of gets and puts shows what is out", "[seeds]") {
  recording_pool pool;
  std::vector<tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats>::buffer> out;
  const auto balance = [&] {
    const auto t = pool.snapshot().total();
    return std::pair(t.gets, t.puts);
  };
  for (int i = 0; i != 10; ++i)
    out.push_back(pool.get(1024));
  CHECK(balance() == std::pair<std::uint64_t, std::uint64_t>(10, 0));
  out.resize(5);
  CHECK(balance() == std::pair<std::uint64_t, std::uint64_t>(10, 5));
  out.clear();
  CHECK(balance() == std::pair<std::uint64_t, std::uint64_t>(10, 10));
}

TEST_CASE("bytepool: ten threads of fifty gets", "[seeds]") {
  recording_pool pool;
  std::vector<std::thread> threads;
  for (int t = 0; t != 10; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i != 50; ++i) {
        auto b = pool.get(static_cast<std::size_t>(t * 100 + i + 1));
        b[0] = std::byte{1};
      }
    });
  }
  for (auto& t : threads)
    t.join();
  const auto s = pool.snapshot();
  CHECK(s.total().gets == 500);
  CHECK(s.total().puts == 500);
  CHECK(s.recent_lengths.size() == 256);
  CHECK(std::count(s.recent_lengths.begin(), s.recent_lengths.end(), std::size_t{0}) == 0);
}

TEST_CASE("bytepool: prewarming is what Alloc wanted to be", "[seeds]") {
  recording_pool pool;
  for (std::size_t tier = 0; tier != pool.tiers().count(); ++tier)
    pool.prewarm(tier, 2);
  CHECK(pool.snapshot().total().gets == 0);  // the seed counts this in its statistics
  for (std::size_t tier = 0; tier != pool.tiers().count(); ++tier) {
    auto one = pool.get(pool.tiers().size_of(tier));
    auto two = pool.get(pool.tiers().size_of(tier));
  }
  CHECK(pool.snapshot().total().misses == 0);
  CHECK_THROWS_AS(pool.prewarm(15, 1), std::invalid_argument);
}

TEST_CASE("bytepool: the contents of the last user show only where nothing zeroes", "[seeds]") {
  tarn::byte_pool<std::mutex> zeroing({.zeroing = tarn::zeroing::on_put});
  {
    auto b = zeroing.get(100);
    std::memset(b.data(), 42, b.capacity());
  }
  auto b = zeroing.get_at_least(100);
  CHECK(std::count(b.begin(), b.end(), std::byte{0}) == 128);
}

TEST_CASE("bytepool: a typed pool", "[seeds]") {
  struct request {
    std::string path;
    int code = 0;
    void reset() noexcept {
      path.clear();
      code = 0;
    }
  };
  tarn::object_pool<request> pool;
  const request* first = nullptr;
  {
    auto r = pool.get();
    r->path = "/index";
    r->code = 200;
    first = r.get();
  }
  auto r = pool.get();
  CHECK(r.get() == first);
  CHECK(r->path.empty());
  CHECK(r->code == 0);
}
