// SPDX-License-Identifier: MIT
//
// synk's pools: their calls in terms of tarn, and their tests.
//
//   GetUnsizedBytesPool()   default_unsized_pool(), or an unsized_pool of one's own
//   Get(), Put(b)           get(), append(b, ...), and the end of the buffer's scope
//   GetSizedBytesPool()     byte_pool<..., traits<page_tiers>>, with 2 KiB to 2 MiB as in its code:
//                           traits<power_of_two_tiers<2048, 2 MiB>>
//   GetSized(n)             get(n)
//   GetAtLeast(n)           get_at_least(n)
//   the large pool          options{.large_cache_bytes = ...}
//   slots of a tier         options{.max_objects_by_tier = tier_bounds::halving(256, 8)}
//   its statistics          to_synk(pool.snapshot())
//   weak references         trim(), maintain(now): idle memory goes on request

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

using synk_tiers = tarn::power_of_two_tiers<2 * kib, 2 * mib>;
template <class Lock = tarn::thread_cached<>>
using sized_pool = tarn::byte_pool<Lock, tarn::counting_stats,
                                   tarn::traits<synk_tiers, tarn::no_check, test::failing_source>>;

}  // namespace

TEST_CASE("synk: the same memory comes back, sized and unsized", "[seeds]") {
  sized_pool<> sized;
  const auto* first = sized.get(4000).data();
  CHECK(sized.get(4000).data() == first);
  tarn::unsized_pool<> unsized;
  first = unsized.get().data();
  CHECK(unsized.get().data() == first);
  first = tarn::default_unsized_pool().get().data();
  CHECK(tarn::default_unsized_pool().get().data() == first);
}

TEST_CASE("synk: every size fits its tier, and every tier is exact", "[seeds]") {
  sized_pool<> pool;
  CHECK(pool.tiers().count() == 11);
  int wrong = 0;
  for (std::size_t tier = 0; tier != 11; ++tier) {
    const auto n = pool.tiers().size_of(tier);
    wrong += n != 2 * kib << tier;
    wrong += pool.tiers().tier_for(n) != tier;
    if (tier != 0) wrong += pool.tiers().tier_for(n / 2 + 1) != tier;
  }
  for (std::size_t n = 0; n <= 2 * mib; ++n) {
    wrong += pool.tiers().size_of(pool.tiers().tier_for(n)) < n;
  }
  CHECK(wrong == 0);
  CHECK(tarn::page_tiers::count() == 11);  // as in its README: 4 KiB to 4 MiB
  CHECK(tarn::page_tiers::size_of(10) == 4 * mib);
}

TEST_CASE("synk: an exact match has the whole capacity, a smaller request the whole tier",
          "[seeds]") {
  sized_pool<> pool;
  auto exact = pool.get(4096);
  CHECK(exact.size() == 4096);
  CHECK(exact.capacity() == 4096);
  CHECK(pool.get(3000).size() == 3000);
  CHECK(pool.get(3000).capacity() == 4096);
  CHECK(pool.get_at_least(3000).size() == 4096);
  CHECK(pool.get(0).capacity() == 2048);  // owns the smallest tier
}

TEST_CASE("synk: a MiB serves 512, 256 and 128 KiB and is one again afterwards", "[seeds]") {
  test::failing_source source;
  {
    sized_pool<> pool({}, {}, source);
    const std::byte* base = nullptr;
    {
      base = pool.get(1 * mib).data();
    }
    const auto asked = source.allocations();
    {
      auto a = pool.get(512 * kib);
      auto b = pool.get(256 * kib);
      auto c = pool.get(128 * kib);
      CHECK(source.allocations() == asked);
      // Disjoint, in range, and intact: each is written in full before any is read.
      for (auto* x : {&a, &b, &c}) {
        CHECK(x->data() >= base);
        CHECK(x->data() + x->capacity() <= base + 1 * mib);
        std::memset(x->data(), static_cast<int>(x->size() >> 17), x->size());
      }
      for (const auto* x : {&a, &b, &c}) {
        CHECK(std::count(x->begin(), x->end(), static_cast<std::byte>(x->size() >> 17)) ==
              static_cast<std::ptrdiff_t>(x->size()));
        CHECK(reinterpret_cast<std::uintptr_t>(x->data()) % 64 == 0);
      }
    }
    // The seed's restored front lies over a tail that another owner still holds.
    auto whole = pool.get(1 * mib);
    CHECK(whole.data() == base);
    CHECK(source.allocations() == asked);
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("synk: a front that comes back before its tail does not cover it", "[seeds]") {
  sized_pool<std::mutex> pool;
  {
    auto block = pool.get(1 * mib);
  }
  auto front = pool.get(512 * kib);
  auto tail = pool.get(256 * kib);
  std::memset(tail.data(), 't', tail.size());
  front.reset();
  auto whole = pool.get(1 * mib);  // not that block: a piece of it is out
  std::memset(whole.data(), 'w', whole.size());
  CHECK(std::count(tail.begin(), tail.end(), std::byte{'t'}) == 256 * 1024);
}

TEST_CASE("synk: two small buffers at once are different ones", "[seeds]") {
  sized_pool<> pool;
  auto a = pool.get(2047);
  auto b = pool.get(2047);
  CHECK(a.data() != b.data());
  // Below 2 KiB the seed forces a length of 1500 upon 16 bytes.
  CHECK(pool.get(1500).capacity() >= 1500);
  tarn::unsized_pool<> unsized;
  CHECK(unsized.get().capacity() == 4096);
}

TEST_CASE("synk: a buffer that is too small stays in its tier", "[seeds]") {
  test::failing_source source;
  sized_pool<std::mutex> pool({}, {}, source);
  const auto* const small = [&] {
    auto b = pool.get(64 * kib);
    return b.data();
  }();
  CHECK(pool.get(128 * kib).data() != small);
  CHECK(pool.get(64 * kib).data() == small);
}

TEST_CASE("synk: the slots of the tiers bound what is kept", "[seeds]") {
  // Slots of a tier: max(8, 256 >> i).
  sized_pool<std::mutex> pool({.max_objects_by_tier = tarn::tier_bounds::halving(256, 8)});
  CHECK(pool.occupancy().slab_bytes == 0);  // slots are no memory
  std::vector<sized_pool<std::mutex>::buffer> out;
  for (std::size_t tier = 0; tier != 11; ++tier) {
    const auto slots = std::max<std::size_t>(8, 256 >> tier);
    const auto t = pool.occupancy().tiers[tier];
    CHECK(t.max_idle == slots);
    for (std::size_t i = 0; i != slots + 5; ++i)
      out.push_back(pool.get(t.size_bytes));
  }
  out.clear();
  for (std::size_t tier = 0; tier != 11; ++tier) {
    const auto t = pool.occupancy().tiers[tier];
    CHECK(t.idle_kept() == t.max_idle);
    CHECK(t.discarded == 5);
  }
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("synk: above the last tier the cache gives the best fit, not the first", "[seeds]") {
  test::failing_source source;
  {
    sized_pool<std::mutex> pool({.large_cache_bytes = 128 * mib}, {}, source);
    const std::byte* huge = nullptr;
    const std::byte* large = nullptr;
    {
      auto a = pool.get(100 * mib);
      auto b = pool.get(3 * mib);
      huge = a.data();
      large = b.data();
    }
    auto b = pool.get(2 * mib + 1);
    CHECK(b.data() != huge);  // the seed pins 100 MiB for it
    CHECK(b.data() == large);
    b.reset();
    // 3 MiB returned, then 5 MiB requested: the seed throws the 3 MiB away and miscounts.
    auto c = pool.get(5 * mib);
    CHECK(c.size() == 5 * mib);
    CHECK(c.capacity() < 6 * mib);
    CHECK(pool.get(3 * mib).data() == large);
    CHECK(pool.snapshot().large.reused == 2);
    // Without a cache they go back at once.
    sized_pool<std::mutex> plain({}, {}, source);
    const auto blocks = source.live_blocks();
    {
      auto d = plain.get(3 * mib);
    }
    CHECK(source.live_blocks() == blocks);
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("synk: an unsized buffer never has less than 4 KiB, whatever came back", "[seeds]") {
  tarn::unsized_pool<> pool;
  for (int i = 0; i != 10; ++i) {
    auto b = pool.get();
    CHECK(b.capacity() == 4096);
    CHECK(b.empty());  // a 3-byte write gave a length of 5003 there
    pool.append(b, "abc");
    CHECK(b.size() == 3);
    if (i % 2 == 0) pool.reserve(b, 1 * mib);
  }
  CHECK(test::imbalance(pool.sized()) == "");
}

TEST_CASE("synk: idle memory goes on demand, borrowed memory never", "[seeds]") {
  test::failing_source source;
  {
    sized_pool<> pool({}, {}, source);
    auto held = pool.get(32 * kib);
    std::memset(held.data(), 'h', held.size());
    {
      auto idle = pool.get(1 * mib);
    }
    CHECK(pool.trim() >= 1 * mib);
    CHECK(std::count(held.begin(), held.end(), std::byte{'h'}) == 32 * 1024);
    CHECK(pool.occupancy().idle() == pool.occupancy().tiers[4].idle_pinned);
    CHECK(pool.get(1 * mib));
  }
  CHECK(source.live_bytes() == 0);
}

TEST_CASE("synk: eight threads of ten thousand mixed sizes lose and double nothing", "[seeds]") {
  sized_pool<> pool;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t != 8; ++t) {
    threads.emplace_back([&pool, &wrong, t] {
      std::minstd_rand random(t + 1);
      // Mixes 1 KiB, 2, 4, 32 and 256 KiB, as its benchmark does.
      constexpr std::size_t sizes[] = {1 * kib, 2 * kib, 4 * kib, 32 * kib, 256 * kib};
      for (int i = 0; i != 10'000; ++i) {
        auto b = pool.get(sizes[random() % 5]);
        b[0] = b[b.size() - 1] = static_cast<std::byte>(t);
        if (b[0] != static_cast<std::byte>(t)) ++wrong;
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(wrong == 0);
  CHECK(pool.snapshot().total().gets == 80'000);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("synk: its GetAll workload, a thousand random sizes up to 2 MiB", "[seeds]") {
  test::failing_source source;
  {
    sized_pool<> pool({}, {}, source);
    std::minstd_rand random(1);
    for (int i = 0; i != 1000; ++i) {
      auto b = pool.get(random() % (2 * mib) + 1);
      b[0] = std::byte{1};
    }
    CHECK(pool.snapshot().total().gets == 1000);
    CHECK(source.allocations() <= 11);  // one block out at a time: at most one block per tier
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(source.live_bytes() == 0);
}
