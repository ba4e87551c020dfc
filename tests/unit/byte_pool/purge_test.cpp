// SPDX-License-Identifier: MIT
//
// Idle memory that stays without its pages: no purge while it is in use, no page twice, exact
// numbers.

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/tracked.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t page = 4096;

/// Heap memory with a ledger, which may lose its pages.
struct purgeable_source : test::failing_source {
  static constexpr bool is_purgeable = true;
};

/// A source whose memory can't lose pages: the system refuses.
struct locked_source : purgeable_source {
  void* allocate(std::size_t bytes, std::size_t alignment) {
    void* const p = purgeable_source::allocate(bytes, alignment);
    *refused = *refused && mlock(p, bytes) == 0;
    return p;
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    munlock(p, bytes);
    purgeable_source::deallocate(p, bytes, alignment);
  }
  std::shared_ptr<bool> refused = std::make_shared<bool>(true);
};

template <class P, class Source = purgeable_source>
using pool_for = tarn::byte_pool<typename P::lock, typename P::stats,
                                 tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>>;

template <class Pool>
tarn::tier_occupancy tier_of(const Pool& pool, std::size_t size) {
  return pool.occupancy().tiers[pool.tiers().tier_for(size)];
}

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  for (auto* const b : blocks)
    std::memset(b, 0xAB, size);
  pool.deallocate_bulk(blocks, size);
}

bool is_filled(const void* p, std::size_t size, unsigned char with) {
  const std::span bytes(static_cast<const unsigned char*>(p), size);
  return std::all_of(bytes.begin(), bytes.end(), [&](unsigned char b) { return b == with; });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("blocks of pages are purged one by one, and those that are out are not",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const std::size_t size : {4 * kib, 8 * kib, 64 * kib, 512 * kib}) {
    INFO(size);
    purgeable_source source;
    {
      pool_for<TestType> pool({}, {}, source);
      CHECK(pool.purge() == 0);
      void* const held = pool.allocate(size);
      std::memset(held, 0xCD, size);
      burst(pool, size, 10);
      const auto bytes = source.live_bytes();
      CHECK(pool.purge() == 10 * size);
      auto t = tier_of(pool, size);
      CHECK(t.idle == 10);
      CHECK(t.idle_purged == 10);
      CHECK(t.purged == 10);
      CHECK(t.purged_bytes == 10 * size);
      CHECK(t.aged + t.trimmed + t.discarded == 0);
      CHECK(source.live_bytes() == bytes);  // all memory stays
      CHECK(is_filled(held, size, 0xCD));

      CHECK(pool.purge() == 0);  // no page is purged twice
      CHECK(tier_of(pool, size).purged == 10);

      const auto asked = source.allocations();
      void* const got = pool.allocate(size);
      CHECK(source.allocations() == asked);
      CHECK(is_filled(got, size, 0));
      // A cache may have taken several blocks at once.
      t = tier_of(pool, size);
      const auto taken = 10 - t.idle_purged;
      CHECK(taken >= 1);
      CHECK(taken <= 1 + t.idle_in_threads + (t.idle - t.idle_in_threads - t.idle_pinned));
      std::memset(got, 0xEF, size);
      pool.deallocate(got, size);
      CHECK(pool.purge() == taken * size);
      t = tier_of(pool, size);
      CHECK(t.idle_purged == 10);
      CHECK(t.purged == 10 + taken);
      CHECK(t.purged_bytes == (10 + taken) * size);
      CHECK(is_filled(held, size, 0xCD));
      CHECK(test::imbalance(pool, source) == "");
      pool.deallocate(held, size);
      CHECK(pool.trim() == source.peak_bytes());
      CHECK(tier_of(pool, size).idle_purged == 0);
    }
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("smaller blocks are purged by whole slabs, and no page of them twice",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 512;
  constexpr std::size_t per_slab = 128;
  purgeable_source source;
  {
    pool_for<TestType> pool({}, {}, source);
    std::vector<void*> out(2 * per_slab);
    for (auto& b : out) {
      b = pool.allocate(size);
      std::memset(b, 0xCD, size);
    }
    CHECK(source.live_blocks() == 2);
    void* const held = out.back();
    out.pop_back();
    std::shuffle(out.begin(), out.end(), std::mt19937(1));
    for (auto* const b : out)
      pool.deallocate(b, size);
    CHECK(pool.purge() == 64 * kib);  // the slab with a block in use is not touched
    CHECK(tier_of(pool, size).idle_purged == per_slab);
    CHECK(tier_of(pool, size).purged == per_slab);
    CHECK(is_filled(held, size, 0xCD));
    CHECK(pool.purge() == 0);

    pool.deallocate(held, size);
    CHECK(pool.purge() == 64 * kib);
    CHECK(tier_of(pool, size).idle_purged == 2 * per_slab);
    CHECK(tier_of(pool, size).idle == 2 * per_slab);
    CHECK(source.live_blocks() == 2);

    // Some blocks get their pages again, lowest first; then only those have pages.
    pool.prewarm(pool.tiers().tier_for(size), 9);
    CHECK(tier_of(pool, size).idle_purged == 2 * per_slab - 9);
    CHECK(pool.purge() == 2 * page);  // nine blocks of 512 reach into two pages
    CHECK(tier_of(pool, size).idle_purged == 2 * per_slab);
    CHECK(tier_of(pool, size).purged == 2 * per_slab + 9);
    CHECK(tier_of(pool, size).purged_bytes == 128 * kib + 2 * page);
    CHECK(pool.purge() == 0);
    CHECK(test::imbalance(pool, source) == "");
  }
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("what ages stays without its pages, if the pool is told so", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::idle_memory::purge, tarn::idle_memory::reclaimable}) {
    constexpr std::size_t size = 128 * kib;
    purgeable_source source;
    {
      pool_for<TestType> pool({.idle_memory = how}, {}, source);
      burst(pool, 1000, 100);  // first, so that these blocks have slabs of their own
      burst(pool, size, 8);
      const auto held = source.live_bytes();
      CHECK(pool.maintain(100s) == 0);
      CHECK(pool.maintain(101s) == 4 + 100);
      CHECK(tier_of(pool, size).idle_purged == 4);
      CHECK(tier_of(pool, 1000).idle_purged == 100);
      pool.maintain(102s);
      CHECK(tier_of(pool, size).idle_purged == 6);
      for (int s = 103; s != 110; ++s)
        pool.maintain(std::chrono::seconds(s));
      CHECK(tier_of(pool, size).idle_purged == 8);
      CHECK(tier_of(pool, size).purged == 8);
      CHECK(tier_of(pool, size).purged_bytes == 8 * size);
      CHECK(tier_of(pool, size).aged == 0);
      CHECK(tier_of(pool, size).idle == 8);
      CHECK(source.live_bytes() == held);

      const auto asked = source.allocations();
      burst(pool, size, 8);
      CHECK(source.allocations() == asked);
      CHECK(tier_of(pool, size).idle_purged == 0);
      CHECK(test::imbalance(pool, source) == "");
      pool.trim();
      CHECK(source.live_bytes() == 0);
      CHECK(tier_of(pool, 1000).idle_purged == 0);
    }
    CHECK(source.faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a source that does not say it can lose pages gets its memory back",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.idle_memory = tarn::idle_memory::purge});
  burst(*pool, 128 * kib, 8);
  pool->maintain(100s);
  CHECK(pool->maintain(101s) == 4);
  CHECK(pool.source.live_bytes() == 4 * 128 * kib);
  CHECK(tier_of(*pool, 128 * kib).aged == 4);
  CHECK(pool->purge() == 4 * 128 * kib);
  CHECK(pool.source.live_bytes() == 0);
  CHECK(tier_of(*pool, 128 * kib).purged == 0);
  CHECK(tier_of(*pool, 128 * kib).trimmed == 4);
}

TEMPLATE_LIST_TEST_CASE("what the system refuses to drop is not counted", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  locked_source source;
  pool_for<TestType, locked_source> pool({}, {}, source);
  burst(pool, 8 * kib, 8);
  burst(pool, 512, 100);
  if (!*source.refused) return;                    // this process may lock no memory
  if (test::with_asan || test::with_tsan) return;  // their mlock has no effect
  CHECK(pool.purge() == 0);
  CHECK(pool.snapshot().total().purged == 0);
  CHECK(pool.snapshot().total().idle_purged == 0);
  CHECK(pool.snapshot().total().idle == 108);
  CHECK(test::imbalance(pool, source) == "");
}

TEMPLATE_LIST_TEST_CASE("zeroed memory stays zero without its pages", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::idle_memory::purge, tarn::idle_memory::reclaimable}) {
    for (const auto zeroing : {tarn::zeroing::on_get, tarn::zeroing::on_put,
                               tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
      purgeable_source source;
      pool_for<TestType> pool({.decay_interval = 1s, .idle_memory = how, .zeroing = zeroing}, {},
                              source);
      for (int round = 0; round != 4; ++round) {
        for (const std::size_t size : {600u, 4096u, 100'000u}) {
          std::vector<typename pool_for<TestType>::buffer> out;
          for (int i = 0; i != 20; ++i) {
            out.push_back(pool.get(size));
            CHECK(is_filled(out.back().data(), size, 0));
            std::memset(out.back().data(), 0xAB, size);
          }
        }
        pool.maintain(std::chrono::seconds(10 * round));
        pool.maintain(std::chrono::seconds(10 * round + 5));
        if (round == 2) static_cast<void>(pool.purge());
      }
      CHECK(pool.snapshot().total().purged != 0);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("kept objects are destroyed before their pages go", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::tracked::start();
  {
    tarn::object_pool<test::tracked, typename TestType::lock, typename TestType::stats> pool(
        {.idle_memory = tarn::idle_memory::purge});
    {
      auto one = pool.get();
      auto other = pool.get();
      one->value = 7;
    }
    CHECK(test::tracked::alive() == 2);
    static_cast<void>(pool.purge());
    CHECK(test::tracked::alive() == 0);
    CHECK(pool.occupancy().tiers[0].idle == 2);
    CHECK(pool.get()->value == 0);
    pool.maintain(1s);
    pool.maintain(2s);
    CHECK(test::tracked::alive() == 0);
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(test::tracked::faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("gets, puts, purges and trims in any order lose nothing", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t most_idle : {std::size_t{5}, std::size_t{1} << 20}) {
    purgeable_source source;
    {
      pool_for<TestType> pool({.max_objects = most_idle, .idle_memory = tarn::idle_memory::purge},
                              {}, source);
      struct held {
        void* block;
        std::size_t size;
      };
      std::vector<held> out;
      std::mt19937 random(20250608);
      std::size_t torn = 0;
      std::string wrong;
      for (int i = 0; i != 6000 / test::slowdown && wrong.empty(); ++i) {
        if (out.size() < 100 && random() % 2 == 0) {
          const std::size_t size = std::size_t{1} << (7 + random() % 13);
          out.push_back({pool.allocate(size), size});
          test::sign(out.back().block, size, 1);
        } else if (!out.empty()) {
          std::swap(out[random() % out.size()], out.back());
          torn += !test::is_signed(out.back().block, out.back().size, 1);
          pool.deallocate(out.back().block, out.back().size);
          out.pop_back();
        }
        if (i % 97 == 0) static_cast<void>(pool.purge());
        if (i % 61 == 0) pool.maintain(std::chrono::seconds(i));
        if (i % 501 == 0) pool.trim(random() % (1000 * kib));
        if (i % 31 != 0) continue;
        wrong = test::imbalance(pool, source);
        for (const auto& t : pool.occupancy().tiers) {
          if (t.idle_purged > t.idle_pinned) wrong = "more purged than parked";
          if (t.purged < t.idle_purged) wrong = "more purged now than ever";
        }
      }
      CHECK(wrong == "");
      CHECK(torn == 0);
      CHECK(pool.snapshot().total().purged != 0);
      for (const auto& h : out)
        pool.deallocate(h.block, h.size);
      pool.trim();
      CHECK(source.live_bytes() == 0);
      CHECK(pool.snapshot().total().idle_purged == 0);
    }
    CHECK(source.faults() == 0);
  }
}

TEST_CASE("slabs are larger where idle memory stays, if nothing else is said", "[byte_pool]") {
  const auto slab_of = []<class Pool>(Pool&& pool) {
    pool.put(pool.get(100));
    return pool.occupancy().slab_bytes;
  };
  constexpr std::size_t mib = 1024 * kib;
  for (const auto how : {tarn::idle_memory::purge, tarn::idle_memory::reclaimable}) {
    CHECK(slab_of(tarn::byte_pool<>({.idle_memory = how})) == mib);
    CHECK(slab_of(tarn::byte_pool<>({.slab_bytes = 128 * kib, .idle_memory = how})) == 128 * kib);
    CHECK(slab_of(tarn::byte_pool<>({.limit_bytes = 10 * mib, .idle_memory = how})) == 64 * kib);
    using policy = test::policies<std::mutex, tarn::counting_stats>;
    test::byte_fixture<policy> can_not({.idle_memory = how});
    CHECK(slab_of(*can_not) == 64 * kib);
  }
  CHECK(slab_of(tarn::byte_pool<>()) == 64 * kib);
}

TEST_CASE("what becomes of idle memory is checked", "[byte_pool]") {
  tarn::options o;
  o.idle_memory = static_cast<tarn::idle_memory>(3);
  CHECK_THROWS_WITH(tarn::validate(o), "tarn: idle_memory 3 must be at most 2");
}
