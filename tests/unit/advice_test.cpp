// SPDX-License-Identifier: MIT
//
// advise: no table of as many tiers wastes less; and a replay shows that it is so.

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
#include <tarn/observe/operation_log.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/catch.hpp"

namespace {

using sizes = std::vector<tarn::weighted_size>;
using table = std::vector<std::size_t>;

[[nodiscard]] tarn::tier_advice advise(const sizes& s, std::size_t tiers) {
  return tarn::advise(std::span(s), tiers);
}

/// The least waste that any table of at most `tiers` tiers has: all subsets of what could be one.
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
      // What it says of its table is what that costs.
      const auto cost =
          tarn::cost_of(std::span<const tarn::weighted_size>(s), advice.to_runtime_tiers());
      wrong += cost.wasted() != advice.after.wasted() || cost.requested != advice.after.requested;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the ends of what can be asked of advice", "[advice]") {
  CHECK(advise({}, 5).sizes.empty());
  CHECK(advise({{100, 0}}, 5).sizes.empty());  // nobody asked
  CHECK(tarn::advise(std::vector<std::uint64_t>(), 3).sizes.empty());
  CHECK_THROWS_AS(advise({}, 5).to_runtime_tiers(), std::invalid_argument);
  CHECK_THROWS_AS(advise({{1, 1}}, 0), std::invalid_argument);
  CHECK_THROWS_AS(advise({{1, 1}}, 65), std::invalid_argument);
  CHECK_THROWS_AS(advise({{std::size_t{1} << 40, UINT64_MAX / 2}}, 1), std::invalid_argument);
  CHECK(advise({{0, 7}}, 3).sizes == table{16});
  CHECK(advise({{0, 7}}, 3).after.wasted() == 7 * 16);
  CHECK(advise({{64, 5}}, 4).sizes == table{64});  // one size
  CHECK(advise({{64, 5}}, 4).after.wasted() == 0);
  // More tiers than sizes: one each.
  CHECK(advise({{100, 1}, {1000, 1}, {10, 9}}, 8).sizes == table{16, 128, 1024});
  // The same block: the same tier.
  CHECK(advise({{65, 1}, {128, 1}, {100, 1}}, 8).sizes == table{128});
  // Above the largest tier that is wanted: passing through.
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

TEST_CASE("a load on the default tiers, replayed on the advised ones, wastes what was predicted",
          "[advice]") {
  tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> pool;
  tarn::operation_log log;
  std::vector<std::pair<void*, std::size_t>> out;
  {
    tarn::logged_pool logged(pool, log);
    std::mt19937 random(3);
    for (int i = 0; i != 5000; ++i) {
      const std::size_t size = 1 + random() % 10 * 130 + random() % 20;
      out.emplace_back(logged.allocate(size), size);
      if (random() % 2 == 0) {
        std::swap(out[random() % out.size()], out.back());
        logged.deallocate(out.back().first, out.back().second);
        out.pop_back();
      }
    }
    for (auto& [block, size] : out)
      logged.deallocate(block, size);
  }
  CHECK(log.dropped() == 0);
  CHECK(log.operations() == 10'000);
  CHECK(log.size_bytes() <= 10'000 * 8);

  // From the sizes as they were: the prediction is exact.
  sizes asked;
  for (const auto& o : log.all()) {
    if (o.is_get) asked.push_back({o.size, 1});
  }
  const auto advice = tarn::advise(std::span<const tarn::weighted_size>(asked), 8, pool.tiers());
  const auto before = pool.snapshot().bytes();
  CHECK(before.reserved - before.requested == advice.before.wasted());
  CHECK(before.requested == advice.before.requested);

  using advised_pool =
      tarn::byte_pool<tarn::no_lock, tarn::recording_stats, tarn::traits<tarn::runtime_tiers>>;
  advised_pool advised({}, advice.to_runtime_tiers());
  const auto result = tarn::replay(log, advised);
  const auto bytes = result.difference.bytes();
  CHECK(result.failed == 0);
  CHECK(result.gets == 5000);
  CHECK(result.wasted() == advice.after.wasted());
  CHECK(bytes.reserved - bytes.requested == advice.after.wasted());
  CHECK(advice.after.wasted() * 3 < advice.before.wasted());
  CHECK(advised.occupancy().in_use() == 0);

  // From the histogram: never better than what is said of it.
  const auto rough = tarn::advise(pool.snapshot().size_histogram, 8, pool.tiers());
  advised_pool roughly({}, rough.to_runtime_tiers());
  const auto there = tarn::replay(log, roughly);
  CHECK(there.reserved <= rough.after.reserved);
  CHECK(there.wasted() < advice.before.wasted());
}
