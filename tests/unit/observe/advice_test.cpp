// SPDX-License-Identifier: MIT
//
// advise: no table with as many tiers wastes less, and each predicted number is exact or a bound.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/advice.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/value/size_buckets.hpp>

#include "support/catch.hpp"

namespace {

using sizes = std::vector<tarn::weighted_size>;
using table = std::vector<std::size_t>;

[[nodiscard]] tarn::tier_advice advise(const sizes& s, std::size_t tiers) {
  return tarn::advise(std::span(s), tiers);
}

/// The least waste of any table of at most `tiers` tiers: all subsets of the possible sizes.
[[nodiscard]] std::uint64_t least_by_trying(const sizes& s, std::size_t tiers) {
  table possible;
  for (const auto& one : s)
    possible.push_back(tarn::detail::stride_for(std::max<std::size_t>(one.size, 1)));
  std::sort(possible.begin(), possible.end());
  possible.erase(std::unique(possible.begin(), possible.end()), possible.end());
  std::uint64_t least = UINT64_MAX;
  for (unsigned chosen = 1; chosen != 1u << possible.size(); ++chosen) {
    table tried;
    for (std::size_t i = 0; i != possible.size(); ++i) {
      if ((chosen >> i & 1) != 0) tried.push_back(possible[i]);
    }
    if (tried.size() > tiers || tried.back() != possible.back()) continue;
    std::uint64_t waste = 0;
    for (const auto& one : s) {
      waste += one.weight * (*std::lower_bound(tried.begin(), tried.end(), one.size) - one.size);
    }
    least = std::min(least, waste);
  }
  return least;
}

}  // namespace

TEST_CASE("no table wastes less than the advised one: compared with all tables", "[advice]") {
  std::mt19937 random(7);
  std::size_t wrong = 0;
  for (int turn = 0; turn != 400; ++turn) {
    sizes s(1 + random() % 10);
    for (auto& one : s)
      one = {random() % (turn % 2 == 0 ? 100 : 5000), 1 + random() % (turn % 3 == 0 ? 3 : 1000)};
    for (std::size_t tiers = 1; tiers <= 11; ++tiers) {
      const auto advice = advise(s, tiers);
      wrong += advice.after.wasted() != least_by_trying(s, tiers);
      wrong += advice.sizes.size() > tiers;
      wrong += !std::is_sorted(advice.sizes.begin(), advice.sizes.end());
      // The predicted waste is the true waste of its table.
      const auto cost =
          tarn::cost_of(std::span<const tarn::weighted_size>(s), advice.to_runtime_tiers());
      wrong += cost.wasted() != advice.after.wasted() || cost.requested != advice.after.requested;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the ends of what can be asked of advice", "[advice]") {
  CHECK(advise({}, 5).sizes.empty());
  CHECK(advise({{100, 0}}, 5).sizes.empty());  // no requests
  CHECK(tarn::advise(std::vector<std::uint64_t>(), 3).sizes.empty());
  CHECK_THROWS_AS(advise({}, 5).to_runtime_tiers(), std::invalid_argument);
  CHECK_THROWS_AS(advise({{1, 1}}, 0), std::invalid_argument);
  CHECK_THROWS_AS(advise({{1, 1}}, 65), std::invalid_argument);
  CHECK_THROWS_AS(tarn::advise(std::span<const tarn::weighted_size>(), 1, 0),
                  std::invalid_argument);
  CHECK_THROWS_AS(advise({{std::size_t{1} << 40, UINT64_MAX / 2}}, 1), std::invalid_argument);
  CHECK(advise({{0, 7}}, 3).sizes == table{16});
  CHECK(advise({{0, 7}}, 3).after.wasted() == 7 * 16);
  CHECK(advise({{64, 5}}, 4).sizes == table{64});  // one size
  CHECK(advise({{64, 5}}, 4).after.wasted() == 0);
  // More tiers than sizes: one tier for each size.
  CHECK(advise({{100, 1}, {1000, 1}, {10, 9}}, 8).sizes == table{16, 128, 1024});
  // The same block: the same tier.
  CHECK(advise({{65, 1}, {128, 1}, {100, 1}}, 8).sizes == table{128});
  // Sizes above the largest wanted tier pass through.
  const sizes two{{100, 3}, {5000, 4}};
  const auto small = tarn::advise(std::span(two), 2, 4096);
  CHECK(small.sizes == table{128});
  CHECK(small.after.oversize == 4);
  const auto against = tarn::advise(std::span(two), 2, tarn::power_of_two_tiers<128, 4096>());
  CHECK(against.before.oversize == 4);
  CHECK(against.before.reserved == 3 * 128);
}

TEST_CASE("advice prints itself as a definition, with the waste before and after", "[advice]") {
  const sizes s{{1100, 1000}, {300, 500}};
  std::ostringstream text;
  text << tarn::advise(std::span(s), 2, tarn::power_of_two_tiers<>());
  CHECK(text.str() ==
        "// waste before: 1054000 bytes, 45.7 %\n"
        "// waste after: 62000 bytes, 4.7 %\n"
        "using my_tiers = tarn::fixed_tiers<320, 1152>;\n");
}

TEST_CASE("what is said of known sizes is what a pool measures, on odd tables too", "[advice]") {
  using odd_pool =
      tarn::byte_pool<tarn::no_lock, tarn::recording_stats, tarn::traits<tarn::runtime_tiers>>;
  std::mt19937 random(23);
  for (const std::size_t last : {std::size_t{700}, std::size_t{1024}, std::size_t{1100}}) {
    odd_pool pool({}, tarn::runtime_tiers{10, 100, 260, last});
    sizes asked(300);
    for (auto& one : asked) {
      one = {random() % 1200, 1 + random() % 3};
      for (std::uint64_t i = 0; i != one.weight; ++i)
        static_cast<void>(pool.get(one.size));
    }
    const auto advice = tarn::advise(std::span<const tarn::weighted_size>(asked), 5, pool.tiers());
    std::uint64_t reserved = 0;  // a snapshot knows the size of a block, not its place in memory
    for (const auto& t : pool.snapshot().tiers)
      reserved += t.gets * t.stride_bytes;
    CHECK(advice.before.reserved == reserved);
    CHECK(advice.before.requested == pool.snapshot().bytes().requested);
    CHECK(advice.before.oversize == pool.snapshot().large.gets);
    CHECK(advice.before.is_exact());
    CHECK(advice.after.is_exact());

    odd_pool advised({}, advice.to_runtime_tiers());
    for (const auto& one : asked) {
      for (std::uint64_t i = 0; i != one.weight; ++i)
        static_cast<void>(advised.get(one.size));
    }
    reserved = 0;
    for (const auto& t : advised.snapshot().tiers)
      reserved += t.gets * t.stride_bytes;
    CHECK(advice.after.reserved == reserved);
    CHECK(advice.after.requested == advised.snapshot().bytes().requested);
    CHECK(advice.after.oversize == advised.snapshot().large.gets);
  }
}

TEST_CASE("of buckets of sizes, waste is told as bounds that hold and are reached", "[advice]") {
  using buckets = tarn::size_buckets;
  const tarn::runtime_tiers odd{10, 100, 260, 1023, 5000};
  const tarn::power_of_two_tiers<> even;
  const auto waste_of = [](std::size_t size, const auto& tiers) -> std::uint64_t {
    const auto tier = tiers.tier_for(size);
    if (tier >= tiers.count()) return 0;
    return tarn::detail::stride_for(tiers.size_of(tier)) - size;
  };
  std::size_t wrong = 0;
  const auto check = [&](const auto& tiers) {
    for (std::size_t b = 0; b != 40; ++b) {  // each bucket up to 40 KiB: all its sizes
      std::vector<std::uint64_t> histogram(buckets::count);
      histogram[b] = 3;
      std::uint64_t least = UINT64_MAX;
      std::uint64_t most = 0;
      for (auto s = b == 0 ? 0 : buckets::upper_bound(b - 1) + 1; s <= buckets::upper_bound(b);
           ++s) {
        least = std::min(least, waste_of(s, tiers));
        most = std::max(most, waste_of(s, tiers));
      }
      const auto cost = tarn::cost_of(histogram, tiers);
      wrong += cost.least_wasted != 3 * least || cost.most_wasted != 3 * most;
    }
  };
  check(odd);
  check(even);
  CHECK(wrong == 0);

  std::mt19937 random(11);
  for (int turn = 0; turn != 200; ++turn) {
    sizes asked(1 + random() % 50);
    std::vector<std::uint64_t> histogram(buckets::count);
    for (auto& one : asked) {
      one = {random() % 6000, 1 + random() % 9};
      histogram[buckets::bucket_of(one.size)] += one.weight;
    }
    const std::span<const tarn::weighted_size> exact(asked);
    const auto rough = tarn::advise(histogram, 4, odd);
    const auto before = tarn::cost_of(exact, odd);
    wrong += before.wasted() < rough.before.least_wasted;
    wrong += before.wasted() > rough.before.most_wasted;
    if (rough.sizes.empty()) continue;  // all requests pass through
    const auto after = tarn::cost_of(exact, rough.to_runtime_tiers());
    wrong += after.wasted() < rough.after.least_wasted;
    wrong += after.wasted() > rough.after.most_wasted;
    // With more knowledge the best table never gets worse.
    if (after.oversize == 0) wrong += advise(asked, 4).after.wasted() > after.wasted();
  }
  CHECK(wrong == 0);
}

TEST_CASE("advice from a histogram says that it is no exact number", "[advice]") {
  std::vector<std::uint64_t> histogram(tarn::size_buckets::count);
  histogram[tarn::size_buckets::bucket_of(1100)] = 10;  // 1025 to 1280
  std::ostringstream text;
  text << tarn::advise(histogram, 1, tarn::power_of_two_tiers<>());
  CHECK(
      text.str() ==
      "// waste before: 7680 to 10230 bytes, about 37.5 to 50 %: of sizes only buckets are known\n"
      "// waste after: 0 to 2550 bytes, about 0 to 19.9 %: of sizes only buckets are known\n"
      "using my_tiers = tarn::fixed_tiers<1280>;\n");
}
