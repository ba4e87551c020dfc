// SPDX-License-Identifier: MIT
//
// Exact numbers of scripted sequences.

#include <cstddef>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

// The policies that count.
using counting_policy =
    test::some_of<test::locks,
                  std::tuple<tarn::counting_stats, tarn::recording_stats, test::byte_stats>>;

struct expected {
  std::uint64_t gets;
  std::uint64_t puts;
  std::uint64_t misses;
  std::uint64_t in_use;
};

[[nodiscard]] bool operator==(const tarn::tier_snapshot& t, const expected& e) {
  return t.gets == e.gets && t.puts == e.puts && t.misses == e.misses && t.in_use == e.in_use &&
         t.hits() == e.gets - e.misses;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("gets, puts, hits and misses of a script are exact", "[byte_pool]",
                        counting_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const auto tier = [&](std::size_t size) {
    return pool->snapshot().tiers[pool->tiers().tier_for(size)];
  };
  CHECK(tier(100) == expected{0, 0, 0, 0});
  auto a = pool->get(100);
  CHECK(tier(100) == expected{1, 0, 1, 1});  // never handed out before
  auto b = pool->get(128);
  CHECK(tier(100) == expected{2, 0, 2, 2});
  a.reset();
  CHECK(tier(100) == expected{2, 1, 2, 1});
  a = pool->get(1);
  CHECK(tier(100) == expected{3, 1, 2, 2});  // a hit
  auto c = pool->get(129);
  CHECK(tier(100) == expected{3, 1, 2, 2});
  CHECK(tier(129) == expected{1, 0, 1, 1});
  a.reset();
  b.reset();
  c.reset();
  CHECK(tier(100) == expected{3, 3, 2, 0});
  CHECK(tier(129) == expected{1, 1, 1, 0});
  // Raw calls and bulks count like handles.
  std::vector<void*> raw(5);
  pool->allocate_bulk(100, raw);
  CHECK(tier(100) == expected{8, 3, 5, 5});
  pool->deallocate_bulk(raw, 100);
  CHECK(tier(100) == expected{8, 8, 5, 0});
  // A block that was trimmed away has to be made again: that is another miss.
  pool->trim();
  CHECK(tier(100) == expected{8, 8, 5, 0});
  pool->deallocate(pool->allocate(100), 100);
  CHECK(tier(100) == expected{9, 9, 6, 0});
  // A get that fails is not counted.
  pool.source.fail_from(1);
  CHECK_FALSE(pool->try_get(300'000));
  pool.source.never_fail();
  CHECK(tier(300'000) == expected{0, 0, 0, 0});
}

TEMPLATE_LIST_TEST_CASE("two hundred gets on four prewarmed blocks: 4 hits, 196 misses",
                        "[byte_pool]", counting_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  pool->prewarm(3, 4);
  std::vector<void*> out(200);
  for (auto& b : out)
    b = pool->allocate(1024);
  const auto t = pool->snapshot().tiers[3];
  CHECK(t == expected{200, 0, 196, 200});
  CHECK(t.created == 200);
  CHECK(t.peak_outstanding >= 200);
  for (auto* const b : out)
    pool->deallocate(b, 1024);
  CHECK(pool->snapshot().tiers[3] == expected{200, 200, 196, 0});
}

TEMPLATE_LIST_TEST_CASE("bytepool's 1000 and 100 on tiers to 512: one oversize, one hit-or-miss",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::power_of_two_tiers<128, 512>> pool;
  pool->put(pool->get(1000));
  auto s = pool->snapshot();
  CHECK(s.large.gets == 1);
  CHECK(s.large.puts == 1);
  CHECK(s.large.discarded == 0);  // there is no cache that could have kept the block
  CHECK(s.total().gets == 0);
  pool->put(pool->get(100));
  s = pool->snapshot();
  CHECK(s.tiers[0] == expected{1, 1, 1, 0});
  CHECK(s.tiers[1] == expected{0, 0, 0, 0});
  CHECK(s.tiers[2] == expected{0, 0, 0, 0});
  CHECK(s.large.gets == 1);
}

TEMPLATE_LIST_TEST_CASE("takhin's script on its tiers", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::kafka_tiers> pool({.large_cache_bytes = mib});
  {
    auto b = pool->get(0);
    CHECK(b.size() == 0);
    CHECK(b.capacity() == 512);
    CHECK(pool->snapshot().tiers[0] == expected{1, 0, 1, 1});
  }
  {
    auto b = pool->get(100);
    b.resize(0);  // a shortened length is a normal return
  }
  CHECK(pool->snapshot().tiers[0] == expected{2, 2, 1, 0});
  {
    auto b = pool->get(17 * mib);
    const auto s = pool->snapshot();
    CHECK(s.large.gets == 1);
    CHECK(s.large.in_use == 1);
    CHECK(s.total().gets == 2);
  }
  const auto s = pool->snapshot();
  CHECK(s.large.puts == 1);
  CHECK(s.large.discarded == 1);  // more than the cache may keep
  CHECK(s.large.in_use == 0);
  CHECK(s.total().puts == 2);
}

TEMPLATE_LIST_TEST_CASE("discarded counts what a bound turned away, and nothing else",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_objects = 4});
  std::vector<void*> out(10);
  pool->allocate_bulk(100'000, out);
  CHECK(pool->snapshot().total().discarded == 0);
  for (auto* const b : out)
    pool->deallocate(b, 100'000);
  const auto t = pool->snapshot().tiers[pool->tiers().tier_for(100'000)];
  CHECK(t.discarded == 10 - t.idle);
  CHECK(t.puts == 10);
  pool->trim();
  pool->drain();
  CHECK(pool->snapshot().total().discarded == t.discarded);
}

TEMPLATE_LIST_TEST_CASE("the difference of two snapshots says what happened between them",
                        "[byte_pool]", counting_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.name = "between"});
  auto held = pool->get(500);
  pool->put(pool->get(3 * mib));
  const auto before = pool->snapshot();
  for (int i = 0; i != 7; ++i)
    pool->put(pool->get(500));
  pool->put(pool->get(4 * mib));
  const auto change = pool->snapshot() - before;
  const auto& t = change.tiers[pool->tiers().tier_for(500)];
  CHECK(t == expected{7, 7, 1, 1});  // in use is a state, not a change
  CHECK(t.created == 1);
  CHECK(change.large.gets == 1);
  CHECK(change.large.puts == 1);
  CHECK(change.name == "between");
  const auto nothing = pool->snapshot() - pool->snapshot();
  CHECK(nothing.total().gets == 0);
  CHECK(nothing.total().created == 0);
  // A snapshot is a value: the pool may end.
  CHECK(before.total().in_use == 1);
}

TEMPLATE_LIST_TEST_CASE("occupancy tells the same without any stats policy", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::vector<void*> out(20);
  pool->allocate_bulk(1000, out);
  for (std::size_t i = 0; i != 8; ++i)
    pool->deallocate(out[i], 1000);
  const auto o = pool->occupancy();
  const auto& t = o.tiers[3];
  CHECK(t.size_bytes == 1024);
  CHECK(t.stride_bytes == 1024);
  CHECK(t.created == 20);
  CHECK(t.in_use == 12);
  CHECK(t.idle == 8);
  CHECK(o.idle() == 8);
  CHECK(o.in_use() == 12);
  CHECK(o.idle_bytes() == 8 * 1024);
  CHECK(o.slab_bytes == 65536);
  for (std::size_t i = 8; i != 20; ++i)
    pool->deallocate(out[i], 1000);
}

TEMPLATE_LIST_TEST_CASE("the high-water mark sees blocks that were made ready before",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  if (test::is_lock_free<TestType>) return;
  test::byte_fixture<TestType> pool({.capacity = 100});
  pool->prewarm(0, 100);
  CHECK(pool->occupancy().tiers[0].peak_outstanding <= 1);
  std::vector<void*> out(50);
  pool->allocate_bulk(100, out);
  pool->deallocate_bulk(out, 100);
  CHECK(pool->occupancy().tiers[0].peak_outstanding >= 50);
}
