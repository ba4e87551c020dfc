// SPDX-License-Identifier: MIT
//
// Retained memory: after a spike, by a percentage of the peak, and the source's orders to trim.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// The heap, which counts bytes and trims. Copies share the numbers.
class counting_source : public tarn::heap_source {
 public:
  struct numbers {
    std::size_t live = 0, peak = 0, returned = 0, trims = 0;
  };
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    now->live += bytes;
    now->peak = std::max(now->peak, now->live);
    return heap_source::allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    now->live -= bytes;
    now->returned += bytes;
    heap_source::deallocate(p, bytes, alignment);
  }
  void trim() noexcept { ++now->trims; }

  std::shared_ptr<numbers> now = std::make_shared<numbers>();
};

template <class P>
using pool_for =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, counting_source>>;

template <class Pool>
void burst(Pool& pool, std::size_t size, std::size_t count) {
  std::vector<void*> blocks(count);
  pool.allocate_bulk(size, blocks);
  pool.deallocate_bulk(blocks, size);
}

struct held {
  void* block;
  std::size_t size;
};

/// Blocks of a mix of sizes: by bytes 5 % below 4 KiB, 47 % to 32 KiB, 29 % to 256 KiB, 19 % to
/// 2 MiB, each spread evenly over the logarithm.
template <class Pool>
std::vector<held> take_mix(Pool& pool, std::size_t bytes, std::mt19937& random) {
  struct share {
    unsigned percent;
    std::size_t from, to;
  };
  constexpr std::array<share, 4> mix{{{5, 64, 4 * kib},
                                      {47, 4 * kib, 32 * kib},
                                      {29, 32 * kib, 256 * kib},
                                      {19, 256 * kib, 2 * mib}}};
  std::vector<held> out;
  for (const auto& s : mix) {
    const auto doublings = std::log2(static_cast<double>(s.to / s.from));
    for (std::size_t sum = 0; sum < bytes / 100 * s.percent; sum += out.back().size) {
      const auto part = static_cast<double>(random() % 1000) / 1000;
      const auto size = static_cast<double>(s.from) * std::exp2(part * doublings);
      out.push_back({nullptr, static_cast<std::size_t>(size)});
    }
  }
  std::shuffle(out.begin(), out.end(), random);
  for (auto& h : out)
    h.block = pool.allocate(h.size);
  return out;
}

template <class Pool>
void put_all(Pool& pool, std::vector<held>& out, std::mt19937& random) {
  std::shuffle(out.begin(), out.end(), random);
  for (const auto& h : out)
    pool.deallocate(h.block, h.size);
  out.clear();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ten seconds after a spike of a gigabyte its memory is back", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  counting_source source;
  pool_for<TestType> pool({}, {}, source);
  std::mt19937 random(20250611);
  auto working = take_mix(pool, 64 * mib, random);
  const auto before = source.now->live;
  constexpr auto bytes = (test::slowdown == 1 ? 1024 : 256) * mib;
  auto spike = take_mix(pool, bytes, random);
  CHECK(source.now->live > bytes);
  put_all(pool, spike, random);
  for (int s = 1; s <= 10; ++s) {
    // A part of the working set is replaced meanwhile.
    for (std::size_t i = 0; i != working.size() / 4; ++i) {
      auto& h = working[random() % working.size()];
      pool.deallocate(h.block, h.size);
      h.block = pool.allocate(h.size);
    }
    pool.maintain(std::chrono::seconds(100 + s));
  }
  CHECK(source.now->live <= before + before / 10);
  CHECK(source.now->trims >= 5);  // the source trimmed the heap while memory came back
  CHECK(pool.occupancy().idle_bytes() <= source.now->live);
  CHECK(test::imbalance(pool) == "");
  put_all(pool, working, random);
}

TEMPLATE_LIST_TEST_CASE("a source is told to give on when much went back, not else", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  counting_source source;
  pool_for<TestType> pool({}, {}, source);
  const auto& now = *source.now;
  pool.trim();
  pool.maintain(100s);
  CHECK(now.trims == 0);
  burst(pool, 64 * kib, 15);
  pool.trim();
  CHECK(now.returned == 15 * 64 * kib);
  CHECK(now.trims == 0);  // less than a megabyte
  burst(pool, 64 * kib, 1);
  pool.trim();
  CHECK(now.trims == 1);
  pool.trim();
  CHECK(now.trims == 1);
  burst(pool, 64 * kib, 32);
  pool.drain();
  CHECK(now.trims == 2);
  burst(pool, 64 * kib, 64);
  pool.maintain(101s);
  CHECK(now.trims == 2);
  pool.maintain(102s);
  CHECK(now.trims == 3);
  burst(pool, 4 * mib, 1);  // passes through to the source
  pool.maintain(103s);
  CHECK(now.trims == 4);
}

TEST_CASE("a source by reference is told as well, and says what it can", "[byte_pool]") {
  counting_source source;
  using reference = tarn::source_ref<counting_source>;
  static_assert(reference::is_purgeable);
  static_assert(!tarn::source_ref<test::failing_source>::is_purgeable);
  tarn::byte_pool<tarn::no_lock, tarn::counting_stats,
                  tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, reference>>
      pool({}, {}, source);
  burst(pool, 64 * kib, 32);
  pool.trim();
  CHECK(source.now->trims == 1);
}

TEMPLATE_LIST_TEST_CASE("idle memory is held to a percentage of the recent peak", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 128 * kib;
  test::byte_fixture<TestType> pool({.decay_interval = tarn::options::no_decay});
  const auto idle = [&] { return pool->occupancy().idle(); };
  CHECK(pool->set_retention_percent(50) == -1);
  burst(*pool, size, 80);
  pool->maintain(100s);  // the peak is 80
  CHECK(idle() == 80);
  pool->maintain(100s + 999ms);
  CHECK(idle() == 80);
  CHECK(pool->maintain(101s) == 45);  // the peak now counts as 70
  CHECK(idle() == 35);
  CHECK(pool->occupancy().tiers[pool->tiers().tier_for(size)].aged == 45);
  // A load that comes again in each interval keeps its peak.
  CHECK(pool->set_retention_percent(100) == 50);
  for (int s = 102; s != 110; ++s) {
    burst(*pool, size, 40);
    pool->maintain(std::chrono::seconds(s));
    CHECK(idle() >= 40);
  }
  const auto asked = pool.source.allocations();
  burst(*pool, size, 40);
  CHECK(pool.source.allocations() == asked);
  // The peak of an idle pool soon fades.
  pool->maintain(200s);
  CHECK(idle() == 40);  // needed since the last tick
  pool->set_retention_percent(50);
  for (int s = 300; s != 310; ++s)
    pool->maintain(std::chrono::seconds(s));
  CHECK(idle() == 0);
  CHECK(pool->set_retention_percent(-1) == 50);
  pool->trim();
  burst(*pool, size, 40);
  pool->maintain(400s);
  pool->maintain(500s);
  CHECK(idle() == 40);
  CHECK(pool.imbalance() == "");
}

TEST_CASE("a retention percentage beside its limits is refused and changes nothing",
          "[byte_pool]") {
  tarn::byte_pool<> pool;
  CHECK(pool.set_retention_percent(0) == -1);
  CHECK_THROWS_WITH(pool.set_retention_percent(-2),
                    "tarn: retention percent -2 must be at least -1");
  CHECK_THROWS_AS(pool.set_retention_percent(1'000'001), std::invalid_argument);
  CHECK(pool.set_retention_percent(1'000'000) == 0);
}

TEMPLATE_LIST_TEST_CASE("a percentage leaves the initial objects, and comes after decay",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<int, typename TestType::lock, typename TestType::stats> pool(
      {.initial_objects = 5});
  pool.set_retention_percent(0);
  pool.maintain(1s);
  pool.maintain(2s);
  CHECK(pool.occupancy().idle() == 5);
  {
    std::vector<typename decltype(pool)::handle> out;
    for (int i = 0; i != 30; ++i)
      out.push_back(pool.get());
  }
  pool.maintain(3s);
  CHECK(pool.occupancy().idle() - pool.occupancy().tiers[0].idle_pinned <= 64);
  pool.maintain(4s);
  const auto t = pool.occupancy().tiers[0];
  CHECK(t.idle - t.idle_pinned == 5);
}
