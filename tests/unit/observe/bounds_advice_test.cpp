// SPDX-License-Identifier: MIT
//
// advise_bounds: a pool with the advised options serves the same load without a refusal and without
// a discarded block.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/bounds_advice.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

template <class P>
using pool_for = tarn::byte_pool<typename P::lock, typename P::stats>;

// Random sizes, some above the last tier, with a peak and two valleys.
template <class Pool>
void run(Pool& pool, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<typename Pool::buffer> live;
  for (const std::size_t most : {20u, 200u, 5u, 60u}) {
    for (int i = 0; i != 300; ++i) {
      const auto size = i % 50 == 0 ? 3 * mib : std::size_t{1} << (random() % 18);
      if (live.size() < most) live.push_back(pool.get(size));
      if (live.size() > most / 2 && random() % 3 == 0) {
        std::swap(live[random() % live.size()], live.back());
        live.pop_back();
      }
    }
    live.resize(live.size() / 2);
  }
}

tarn::snapshot of_two_tiers() {
  tarn::snapshot s;
  s.name = "frames \"a\"";
  s.tiers.resize(2);
  s.tiers[0].size_bytes = s.tiers[0].stride_bytes = 128;
  s.tiers[0].peak_outstanding = 9;
  s.tiers[1].size_bytes = s.tiers[1].stride_bytes = 4096;
  s.tiers[1].peak_outstanding = 4;
  s.large.most_in_use_bytes = 8 * mib;
  s.most_held_bytes = 10 * mib;
  return s;
}
std::string text_of(const tarn::bounds_advice& advice) {
  std::ostringstream out;
  out << advice;
  return out.str();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("the advised pool serves the same load, and loses no block", "[advice]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    INFO("seed " << seed);
    pool_for<TestType> first;
    run(first, seed);
    const auto advice = tarn::advise_bounds(first.snapshot());
    CHECK(advice.refused == 0);
    pool_for<TestType> next(advice.to_options());
    CHECK(next.snapshot().limit_bytes == advice.limit_bytes);
    run(next, seed);
    const auto now = next.snapshot();
    CHECK(now.refused() == 0);
    CHECK(now.total().discarded == 0);
    CHECK(now.large.reused != 0);
    CHECK(now.large.discarded == 0);
    CHECK(now.most_held_bytes <= advice.limit_bytes);
    CHECK(test::imbalance(next) == "");
  }
}

TEMPLATE_LIST_TEST_CASE("as its capacity, no block is refused either", "[advice]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> first;
  run(first, 7);
  const auto advice = tarn::advise_bounds(first.snapshot(), 1);
  pool_for<TestType> next({.capacity = advice.capacity});
  run(next, 7);
  CHECK(next.snapshot().refused() == 0);
}

TEMPLATE_LIST_TEST_CASE("initial objects are those that spare the misses", "[advice]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = tarn::object_pool<int, typename TestType::lock, typename TestType::stats>;
  const auto use = [](pool_type& pool) {
    std::vector<typename pool_type::handle> out;
    for (int i = 0; i != 10; ++i)
      out.push_back(pool.get());
    return pool.snapshot().total().misses;
  };
  pool_type first;
  CHECK(use(first) == 10);
  const auto advice = tarn::advise_bounds(first.snapshot());
  CHECK(advice.initial_objects >= 10);
  CHECK(advice.max_objects_by_tier.size() == 1);
  CHECK(advice.large_cache_bytes == 0);
  pool_type next(advice.to_options());
  CHECK(use(next) == 0);
}

TEST_CASE("each number is the mark times the headroom, rounded up", "[advice]") {
  auto s = of_two_tiers();
  const auto advice = tarn::advise_bounds(s);
  CHECK(advice.initial_objects == 4);
  CHECK(advice.max_objects_by_tier == std::vector<std::size_t>{12, 5});
  CHECK(advice.max_bytes == 12 * 128 + 5 * 4096);
  CHECK(advice.capacity == 12);
  CHECK(advice.large_cache_bytes == 10 * mib);
  CHECK(advice.limit_bytes == 10 * mib + mib * 5 / 2 + 10 * mib);  // the cache comes on top
  CHECK_FALSE(advice.is_sampled);

  s.tiers[0].most_in_use = 6;
  s.large.max_kept_bytes = 10 * mib;
  s.refusals[0] = 3;
  const auto sampled = tarn::advise_bounds(s, 1);
  CHECK(sampled.is_sampled);
  CHECK(sampled.max_objects_by_tier == std::vector<std::size_t>{6, 4});
  CHECK(sampled.capacity == 9);  // an upper bound: too few would refuse
  CHECK(sampled.limit_bytes == 10 * mib);
  CHECK(sampled.refused == 3);

  s.tiers[1].peak_outstanding = 0;
  CHECK(tarn::advise_bounds(s).initial_objects == 0);
  CHECK(tarn::advise_bounds(s).max_objects_by_tier[1] == 0);
}

TEST_CASE("the limit has room for the initial blocks of all tiers", "[advice]") {
  auto s = of_two_tiers();
  s.large = {};
  s.most_held_bytes = 64 * kib;  // the tiers had their peaks at different times
  const auto advice = tarn::advise_bounds(s);
  CHECK(advice.limit_bytes == 128 * kib);
  auto o = advice.to_options();
  CHECK_NOTHROW(tarn::byte_pool_of<tarn::fixed_tiers<128, 4096>>(o));
}

TEST_CASE("it prints options that can be pasted", "[advice]") {
  auto s = of_two_tiers();
  CHECK(text_of(tarn::advise_bounds(s)) ==
        "// blocks: high-water marks that count blocks in caches\n"
        "const tarn::options advised{\n"
        "    .name = \"frames \\\"a\\\"\",\n"
        "    .initial_objects = 4,\n"
        "    .max_objects_by_tier = {12, 5},\n"
        "    // .capacity = 12,  // exact, but threads have no caches then\n"
        "    .limit_bytes = 23592960,\n"
        "    .large_cache_bytes = 10485760,\n"
        "};\n");
  s.tiers[1].most_in_use = 400'000;
  s.tiers[1].peak_outstanding = 500'000;
  s.large = {};
  s.refusals[1] = 2;
  const auto text = text_of(tarn::advise_bounds(s, 1));
  CHECK(text.find("// too little: 2 requests were refused") == 0);
  CHECK(text.find("sampled") != std::string::npos);
  CHECK(text.find(".max_bytes = 1638401152,\n") != std::string::npos);
  CHECK(text.find("large_cache_bytes") == std::string::npos);
}

TEST_CASE("without requests there is no advice, and bad headroom is refused", "[advice]") {
  const tarn::byte_pool<> unused({.name = "unused"});
  const auto advice = tarn::advise_bounds(unused.snapshot());
  CHECK(advice.empty());
  CHECK(text_of(advice) == "// nothing was asked for: no advice\n");
  CHECK(advice.to_options().name == "unused");
  CHECK_FALSE(advice.to_options().limit_bytes);
  const auto s = of_two_tiers();
  for (const double bad : {0.99, 0.0, -1.0, 1000.5, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(tarn::advise_bounds(s, bad), std::invalid_argument);
  }
}

TEST_CASE("a snapshot that was made by hand, without strides, is no crash", "[advice]") {
  tarn::snapshot s;
  s.most_held_bytes = 1;
  s.tiers.emplace_back();
  CHECK_FALSE(tarn::advise_bounds(s).empty());
}

TEST_CASE("numbers that overflow are the largest size", "[advice]") {
  auto s = of_two_tiers();
  s.tiers[0].peak_outstanding = s.tiers[1].peak_outstanding = UINT64_MAX / 2;
  s.most_held_bytes = SIZE_MAX / 2;
  const auto advice = tarn::advise_bounds(s, 1000);
  CHECK(advice.max_bytes == static_cast<std::size_t>(PTRDIFF_MAX));
  CHECK(advice.limit_bytes == static_cast<std::size_t>(PTRDIFF_MAX));
  CHECK(advice.capacity == static_cast<std::size_t>(PTRDIFF_MAX));
}
