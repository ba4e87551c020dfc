// SPDX-License-Identifier: MIT
//
// The table of tiers that is computed from a list of types; the compiler runs all but the last
// tests.

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/type_tiers.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <std::size_t Bytes>
using sized = std::array<char, Bytes>;
struct alignas(256) aligned {
  char bytes[300];
};
static_assert(sizeof(aligned) == 512);

template <class Tiers, std::size_t N>
constexpr bool is_list(const std::size_t (&sizes)[N]) {
  if (Tiers::count() != N) return false;
  for (std::size_t i = 0; i != N; ++i) {
    if (Tiers::size_of(i) != sizes[i] || Tiers::tier_for(sizes[i]) != i) return false;
  }
  return Tiers::tier_for(sizes[N - 1] + 1) >= N;
}

// In any order, and each size once.
static_assert(is_list<tarn::type_tiers<char>>({16}));
static_assert(is_list<tarn::type_tiers<sized<1000>, int, sized<20>>>({16, 32, 1024}));
static_assert(is_list<tarn::type_tiers<int, int, short, sized<16>>>({16}));
static_assert(is_list<tarn::type_tiers<sized<500>, sized<49>, sized<63>, sized<64>, sized<65>,
                                       sized<48>, sized<500>, sized<512>>>({48, 64, 128, 512}));
static_assert(is_list<tarn::type_tiers<aligned, sized<384>>>({384, 512}));

static_assert(tarn::tier_table<tarn::type_tiers<int, aligned>>);
static_assert(tarn::type_tiers<int>::is_static);
static_assert(std::is_empty_v<tarn::type_tiers<int, aligned>>);

using events = tarn::type_tiers<sized<1000>, double, aligned, sized<48>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("each type has a tier of its size, with its alignment", "[tiers]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool_of<events, typename TestType::lock, typename TestType::stats> pool;
  std::vector<void*> all;
  const auto take = [&](std::size_t size, std::size_t alignment) {
    for (int i = 0; i != 20; ++i) {
      void* const p = pool.allocate(size, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
      all.push_back(p);
    }
  };
  take(sizeof(double), alignof(double));
  take(48, 16);
  take(sizeof(aligned), alignof(aligned));
  take(1000, 1);
  const auto now = pool.occupancy();
  REQUIRE(now.tiers.size() == 4);
  for (const auto& t : now.tiers) {
    CHECK(t.in_use == 20);
    CHECK(t.stride_bytes == t.size_bytes);  // no waste between blocks
  }
  CHECK(now.large.in_use == 0);
  for (std::size_t i = 0; i != all.size(); ++i) {
    constexpr std::size_t sizes[] = {sizeof(double), 48, sizeof(aligned), 1000};
    constexpr std::size_t alignments[] = {alignof(double), 16, alignof(aligned), 1};
    pool.deallocate(all[i], sizes[i / 20], alignments[i / 20]);
  }
  CHECK(test::imbalance(pool) == "");
}
