// SPDX-License-Identifier: MIT
//
// Larger idle blocks are carved for smaller requests, and reunited later.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// Every byte that is out, with its owner: an independent record of the pool's work.
class shadow_map {
 public:
  static constexpr std::size_t sample = 61;  // every byte of several MiB would take too long
  struct piece {
    std::byte* begin;
    std::size_t bytes;
    std::byte pattern;
  };

  /// Returns: whether the new piece overlaps no piece that is out.
  [[nodiscard]] bool add(void* block, std::size_t bytes) {
    auto* const begin = static_cast<std::byte*>(block);
    bool fits = true;
    for (const auto& p : out_) {
      if (begin < p.begin + p.bytes && p.begin < begin + bytes) fits = false;
    }
    const auto pattern = static_cast<std::byte>(++count_ * 37 + 1);
    for (std::size_t i = 0; i < bytes; i += sample)
      begin[i] = pattern;
    begin[bytes - 1] = pattern;
    out_.push_back({begin, bytes, pattern});
    return fits;
  }
  [[nodiscard]] bool empty() const { return out_.empty(); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

  /// Takes a piece out. `intact`: whether no other owner wrote to it.
  [[nodiscard]] piece remove(std::size_t index, bool& intact) {
    const piece p = out_[index];
    out_[index] = out_.back();
    out_.pop_back();
    for (std::size_t i = 0; i < p.bytes; i += sample)
      intact = intact && p.begin[i] == p.pattern;
    intact = intact && p.begin[p.bytes - 1] == p.pattern;
    return p;
  }

 private:
  std::vector<piece> out_;
  unsigned count_ = 0;
};

// Random gets and puts, with trims in between; sizes of all tiers and a little above.
template <class Pool>
void walk(Pool& pool, const test::failing_source& source, std::span<const std::size_t> sizes,
          unsigned steps, unsigned seed) {
  std::mt19937 random(seed);
  shadow_map shadow;
  bool disjoint = true;
  bool intact = true;
  bool aligned = true;
  bool balanced = true;
  std::size_t out_bytes = 0;
  const auto put_one = [&] {
    const auto p = shadow.remove(random() % shadow.size(), intact);
    out_bytes -= p.bytes;
    pool.deallocate(p.begin, p.bytes);
  };
  for (unsigned i = 0; i != steps; ++i) {
    const auto dice = random() % 64;
    if (dice == 0) {
      pool.trim(random() % 2 * mib);
    } else if (dice == 1) {
      pool.drain();
    } else if (dice % 2 == 0 && out_bytes < 12 * mib) {
      const auto tier_size = sizes[random() % sizes.size()];
      const auto size = tier_size - random() % (tier_size / 4 + 1);
      void* const p = pool.allocate(size);
      const auto capacity = pool.capacity_for(size);
      const std::size_t alignment = capacity >= 64 ? 64 : 16;
      aligned = aligned && reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
      disjoint = shadow.add(p, capacity) && disjoint;
      out_bytes += capacity;
    } else if (!shadow.empty()) {
      put_one();
    }
    if (i % 256 == 0) balanced = balanced && test::imbalance(pool, source).empty();
  }
  while (!shadow.empty())
    put_one();
  CHECK(disjoint);
  CHECK(intact);
  CHECK(aligned);
  CHECK(balanced);
  CHECK(test::imbalance(pool, source) == "");
  pool.trim();
  CHECK(pool.occupancy().idle() == 0);
  CHECK(source.live_bytes() == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("one idle MiB serves 512, 256 and 128 KiB and is whole again afterwards",
                        "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  void* const whole = pool->allocate(mib);
  pool->deallocate(whole, mib);
  const auto asked = pool.source.allocations();

  void* const half = pool->allocate(512 * kib);
  void* const quarter = pool->allocate(256 * kib);
  void* const eighth = pool->allocate(128 * kib);
  CHECK(pool.source.allocations() == asked);
  CHECK(pool.imbalance() == "");
  shadow_map shadow;
  CHECK(shadow.add(half, 512 * kib));
  CHECK(shadow.add(quarter, 256 * kib));
  CHECK(shadow.add(eighth, 128 * kib));
  for (auto* const p : {half, quarter, eighth}) {
    CHECK(static_cast<std::byte*>(p) >= static_cast<std::byte*>(whole));
    CHECK(static_cast<std::byte*>(p) < static_cast<std::byte*>(whole) + mib);
    CHECK(pool->owns(p));
  }

  SECTION("in the order they were taken") {
    pool->deallocate(half, 512 * kib);
    pool->deallocate(quarter, 256 * kib);
    pool->deallocate(eighth, 128 * kib);
  }
  SECTION("in the opposite order") {
    pool->deallocate(eighth, 128 * kib);
    pool->deallocate(quarter, 256 * kib);
    pool->deallocate(half, 512 * kib);
  }
  CHECK(pool.imbalance() == "");
  void* const again = pool->allocate(mib);
  CHECK(again == whole);
  CHECK(pool.source.allocations() == asked);
  CHECK(pool.imbalance() == "");
  pool->deallocate(again, mib);
}

TEMPLATE_LIST_TEST_CASE("a carved block is not whole while one of its pieces is out", "[byte_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  void* const whole = pool->allocate(mib);
  pool->deallocate(whole, mib);
  void* const piece = pool->allocate(256 * kib);
  void* const other = pool->allocate(256 * kib);
  pool->deallocate(other, 256 * kib);

  void* const elsewhere = pool->allocate(mib);
  shadow_map shadow;
  CHECK(shadow.add(elsewhere, mib));
  CHECK(shadow.add(piece, 256 * kib));
  CHECK(pool.imbalance() == "");
  pool->deallocate(piece, 256 * kib);
  pool->deallocate(elsewhere, mib);
}

TEMPLATE_LIST_TEST_CASE("a small request carves no block of more than eight times its slab",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  pool->deallocate(pool->allocate(2 * mib), 2 * mib);
  const auto asked = pool.source.allocations();
  void* const small = pool->allocate(100);
  CHECK(pool.source.allocations() == asked + 1);
  void* const large = pool->allocate(2 * mib);
  CHECK(pool.source.allocations() == asked + 1);
  pool->deallocate(small, 100);
  pool->deallocate(large, 2 * mib);
}

TEMPLATE_LIST_TEST_CASE("random gets and puts of carved memory never overlap", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  const std::size_t sizes[] = {16 * kib, 64 * kib, 128 * kib, 256 * kib, 512 * kib, mib, 2 * mib};
  walk(*pool, pool.source, sizes, 2000, 20240601);
}

TEMPLATE_LIST_TEST_CASE("blocks that are no multiple of a slab are carved without harm",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using tiers = tarn::fixed_tiers<1000, 24 * kib, 32 * kib, 40 * kib, 100 * kib, 150 * kib,
                                  333 * kib, mib, 1500 * kib>;
  test::byte_fixture<TestType, tiers> pool;

  // Pieces of 100 KiB out of one MiB share units of the address map with their neighbours.
  pool->deallocate(pool->allocate(mib), mib);
  std::vector<void*> pieces(10);
  for (auto& p : pieces)
    p = pool->allocate(100 * kib);
  for (auto* const p : pieces)
    pool->deallocate(p, 100 * kib);
  void* const small = pool->allocate(32 * kib);
  CHECK(pool.imbalance() == "");
  pool->deallocate(small, 32 * kib);
  CHECK(pool.imbalance() == "");
  pool->trim();
  CHECK(pool.source.live_bytes() == 0);

  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i != tiers::count(); ++i)
    sizes.push_back(tiers::size_of(i));
  walk(*pool, pool.source, sizes, 2000, 20240602);
}

TEMPLATE_LIST_TEST_CASE("larger slabs are carved as well", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.slab_bytes = 256 * kib});
  const std::size_t sizes[] = {128, 4 * kib, 64 * kib, 128 * kib, 256 * kib, 512 * kib, 2 * mib};
  walk(*pool, pool.source, sizes, 2000, 20240603);
}

TEMPLATE_LIST_TEST_CASE("a tier whose blocks are missed while carved is carved less, until a tick",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto a_minute = tarn::time_span::of_seconds(60);
  test::byte_fixture<TestType> pool({.cleanup_interval = a_minute});
  pool->maintain(tarn::time_span::of_seconds(0));
  pool->deallocate(pool->allocate(mib), mib);
  const auto in_turns = [&](int times) {
    const auto retired_before = pool->occupancy().tiers[13].retired;
    for (int i = 0; i != times; ++i) {
      pool->deallocate(pool->allocate(256 * kib), 256 * kib);
      pool->deallocate(pool->allocate(mib), mib);
    }
    return pool->occupancy().tiers[13].retired - retired_before;
  };
  // At first the one block serves both sizes in turns.
  CHECK(in_turns(10) == 10);
  CHECK(pool.source.live_bytes() == mib);
  // Later both tiers have their own memory, and no block moves between them any more.
  static_cast<void>(in_turns(100));
  CHECK(in_turns(1000) == 0);
  CHECK(pool.source.live_bytes() == mib + 256 * kib);
  CHECK(pool.imbalance() == "");
  // Memory that was not needed for a while goes back, and the pool may carve again.
  pool->maintain(tarn::time_span::of_seconds(100));
  pool->maintain(tarn::time_span::of_seconds(200));
  pool->trim();
  CHECK(pool.source.live_bytes() == 0);
  pool->deallocate(pool->allocate(mib), mib);
  CHECK(in_turns(3) == 3);
  CHECK(pool.source.live_bytes() == mib);
}

TEMPLATE_LIST_TEST_CASE("collecting the pieces of a carved block leaves other slabs alone",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  // Small blocks have slabs of their own first; then a MiB is carved for a larger tier.
  std::vector<void*> small(600);
  pool->allocate_bulk(200, small);
  void* const whole = pool->allocate(mib);
  pool->deallocate(whole, mib);
  void* const piece = pool->allocate(256 * kib);
  pool->deallocate_bulk(small, 200);
  pool->deallocate(piece, 256 * kib);
  const auto asked = pool.source.allocations();
  CHECK(pool->allocate(mib) == whole);
  CHECK(pool->occupancy().tiers[1].retired == 0);
  CHECK(pool->occupancy().tiers[1].idle == 600);
  pool->allocate_bulk(200, small);
  CHECK(pool.source.allocations() == asked);
  pool->deallocate_bulk(small, 200);
  pool->deallocate(whole, mib);
  // A trim leaves no block that was kept whole meanwhile.
  pool->trim();
  CHECK(pool.source.live_bytes() == 0);
  CHECK(pool.imbalance() == "");
}
