// SPDX-License-Identifier: MIT
//
// Blocks come out of the fullest slabs, so that the others become whole and go.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t size = 512;
constexpr std::size_t per_slab = 128;

std::size_t slabs_of(const std::vector<void*>& blocks) {
  std::set<std::size_t> slabs;
  for (const void* const b : blocks)
    slabs.insert(reinterpret_cast<std::size_t>(b) / (64 * kib));
  return slabs.size();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("what comes after a random load leaves the emptier slabs alone",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  // No blocks are kept ready, so every block comes out of a slab.
  test::byte_fixture<TestType> pool({.max_objects = 0});
  std::mt19937 random(20250607);
  constexpr std::size_t slabs = 100;
  std::vector<void*> out(slabs * per_slab);
  for (auto& b : out)
    b = pool->allocate(size);
  CHECK(pool.source.live_blocks() == slabs);

  // Slab by slab, in any order, a random part of the blocks goes back; a few of each stay.
  std::vector<void*> stay;       // in slabs that are then more than half full
  std::vector<void*> go_sooner;  // in the others
  std::vector<std::size_t> order(slabs);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random);
  std::size_t idle = 0;
  for (const auto slab : order) {
    const auto first = out.begin() + static_cast<std::ptrdiff_t>(slab * per_slab);
    std::shuffle(first, first + per_slab, random);
    const std::size_t kept = 1 + random() % (per_slab - 1);
    auto& group = kept > per_slab / 2 ? stay : go_sooner;
    for (std::size_t i = 0; i != per_slab; ++i) {
      void* const b = first[static_cast<std::ptrdiff_t>(i)];
      i < kept ? group.push_back(b) : pool->deallocate(b, size);
    }
    if (kept > per_slab / 2) idle += per_slab - kept;
  }
  CHECK(pool.source.live_blocks() == slabs);
  const auto full_slabs = slabs_of(stay);

  // Takes as many blocks as fit into the fuller half. Then the emptier half has no other blocks.
  for (std::size_t i = 0; i != idle; ++i)
    stay.push_back(pool->allocate(size));
  for (auto* const b : go_sooner)
    pool->deallocate(b, size);
  CHECK(slabs_of(stay) == pool.source.live_blocks());
  CHECK(pool.source.live_blocks() <= full_slabs + 5);  // a bin covers an eighth of a slab
  CHECK(pool.imbalance() == "");
  for (auto* const b : stay)
    pool->deallocate(b, size);
  CHECK(pool.source.live_blocks() == 0);
}

TEMPLATE_LIST_TEST_CASE("a parked block is taken before a fresh one, out of the fuller slab",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.max_objects = 0});
  std::vector<void*> out(2 * per_slab + 10);
  for (auto& b : out)
    b = pool->allocate(size);
  CHECK(pool.source.live_blocks() == 3);
  const auto slab_of = [](void* b) { return reinterpret_cast<std::size_t>(b) / (64 * kib); };
  const auto fuller = slab_of(out[0]);
  const auto emptier = slab_of(out[per_slab]);
  CHECK(fuller != emptier);
  for (std::size_t i = 0; i != 10; ++i)
    pool->deallocate(std::exchange(out[i], nullptr), size);
  for (std::size_t i = per_slab; i != per_slab + 100; ++i)
    pool->deallocate(std::exchange(out[i], nullptr), size);
  for (std::size_t i = 0; i != 10; ++i) {
    out[i] = pool->allocate(size);
    CHECK(slab_of(out[i]) == fuller);
  }
  out[per_slab] = pool->allocate(size);
  CHECK(slab_of(out[per_slab]) == emptier);
  CHECK(pool->occupancy().tiers[pool->tiers().tier_for(size)].created == 2 * per_slab + 10);
  for (auto* const b : out) {
    if (b != nullptr) pool->deallocate(b, size);
  }
}
