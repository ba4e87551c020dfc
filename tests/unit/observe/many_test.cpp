// SPDX-License-Identifier: MIT
//
// Large numbers of the objects that users create: the values are right. benchmarks/growth.cpp shows
// the cost and its growth.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/leaks.hpp>
#include <tarn/observe/prometheus.hpp>
#include <tarn/observe/registry.hpp>

#include "support/catch.hpp"

namespace {

using pool_type = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::traits<tarn::fixed_tiers<128>>>;

std::vector<tarn::publication> publish(const tarn::pool_registry& in, pool_type& pool,
                                       std::size_t count) {
  std::vector<tarn::publication> tokens;
  tarn::pool_registry registry = in;
  for (std::size_t i = 0; i != count; ++i)
    tokens.push_back(registry.publish(pool, "pool-" + std::to_string(i * 7919 % count)));
  return tokens;
}

}  // namespace

TEST_CASE("ten thousand published pools are listed by name, found, and forgotten one by one",
          "[observe]") {
  constexpr std::size_t count = 10'000;
  tarn::pool_registry registry(count);
  pool_type pool;
  auto tokens = publish(registry, pool, count);
  CHECK(registry.size() == count);
  CHECK_THROWS_AS(publish(registry, pool, 1), std::invalid_argument);
  const auto full = registry.try_publish(pool, "another");
  CHECK_FALSE(full);

  const auto snapshots = registry.snapshots();
  REQUIRE(snapshots.size() == count);
  CHECK(std::is_sorted(snapshots.begin(), snapshots.end(),
                       [](const auto& a, const auto& b) { return a.name < b.name; }));
  CHECK_FALSE(registry.validate().has_value());
  std::string text;
  tarn::write_prometheus(std::back_inserter(text), snapshots);
  CHECK(text.find("tarn_gets_total{pool=\"pool-9999\"") != text.npos);
  std::string variables;
  tarn::write_debug_vars(std::back_inserter(variables), snapshots);
  CHECK(variables.find("\"pool-9999_pool_stats\"") != variables.npos);

  std::size_t wrong = 0;
  for (std::size_t i = 0; i != count; ++i)
    wrong += !registry.find("pool-" + std::to_string(i)).alive();
  CHECK(wrong == 0);
  for (std::size_t i = 0; i < count; i += 2)
    wrong += !registry.unpublish("pool-" + std::to_string(i));
  CHECK(wrong == 0);
  CHECK(registry.size() == count / 2);
  tokens.clear();
  CHECK(registry.size() == 0);
}

TEST_CASE("two pools of one name among many are named in the refusal", "[observe]") {
  std::vector<tarn::snapshot> snapshots(5000);
  for (std::size_t i = 0; i != snapshots.size(); ++i)
    snapshots[i].name = "pool-" + std::to_string(i);
  snapshots.front().name = "pool-4711";
  std::string text;
  CHECK_THROWS_WITH(tarn::write_prometheus(std::back_inserter(text), snapshots),
                    Catch::Contains("'pool-4711'"));
  CHECK(text.empty());
}

TEST_CASE("pools that ended among many give their names and places back", "[observe]") {
  tarn::pool_registry registry(300);
  std::vector<tarn::publication> tokens;
  std::vector<std::unique_ptr<pool_type>> pools;
  for (int i = 0; i != 300; ++i) {
    pools.push_back(std::make_unique<pool_type>());
    tokens.push_back(registry.publish(*pools.back(), "pool-" + std::to_string(1000 + i)));
  }
  for (std::size_t i = 0; i < 300; ++i) {
    if (i % 3 == 0 || (i >= 64 && i < 200))
      pools[i].reset();  // more in a row than one look handles
  }
  pool_type another;
  const auto same_name = registry.publish(another, "pool-1000");
  const auto new_name = registry.publish(another, "another");
  CHECK(same_name);
  CHECK(new_name);
  std::size_t alive = 2;
  for (const auto& p : pools)
    alive += p != nullptr;
  CHECK(registry.size() == alive);
  CHECK(registry.list().size() == alive);
}

TEST_CASE("an event log hears of many pools and forgets the watches that ended", "[observe]") {
  tarn::event_log log(1000);
  std::vector<std::unique_ptr<pool_type>> pools;
  for (int i = 0; i != 300; ++i)
    pools.push_back(std::make_unique<pool_type>());
  std::vector<tarn::pool_watch> watches;
  for (int round = 0; round != 4; ++round) {
    watches.clear();
    for (auto& pool : pools)
      watches.push_back(log.watch(*pool));
  }
  std::size_t told = 0;
  log.set_sink([&](const tarn::event& e) { told += e.kind == tarn::event_kind::operation; });
  log.set_debug(true);
  for (auto& pool : pools)
    pool->put(pool->get(100));
  CHECK(told >= 2 * pools.size());
  log.set_debug(false);
  told = 0;
  for (auto& pool : pools)
    pool->put(pool->get(100));
  CHECK(told == 0);
}

TEST_CASE("an event log copies all that it keeps, oldest first", "[observe]") {
  tarn::event_log log(1000);
  CHECK(log.events().empty());
  for (std::size_t i = 1; i <= 1500; ++i) {
    tarn::event e;
    e.new_size = i;
    log.add_event(e);
    if (i != 1 && i != 64 && i != 65 && i != 1000 && i != 1500) continue;
    const auto events = log.events();
    REQUIRE(events.size() == std::min<std::size_t>(i, 1000));
    std::size_t wrong = 0;
    for (std::size_t k = 0; k != events.size(); ++k)
      wrong += events[k].new_size != i - events.size() + 1 + k;
    CHECK(wrong == 0);
  }
  CHECK(log.total() == 1500);
}

TEST_CASE("live blocks of many places are summed by place and ordered by bytes", "[observe]") {
  tarn::leak_report report;
  constexpr std::uint32_t places = 5000;
  const std::string copy = "a.cpp";  // the same text at another address is the same call site
  for (std::uint32_t round = 0; round != 3; ++round) {
    for (std::uint32_t line = 1; line <= places; ++line) {
      const char* const file = round == 1 ? copy.c_str() : "a.cpp";
      report.add({nullptr, line * 31 % 1009 + 1, 2, 0, 0, {file, line}}, 10);
    }
    if (round == 1) report.sort();
  }
  report.sort();
  REQUIRE(report.sites.size() == places);
  CHECK(report.samples == 3 * places);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i != report.sites.size(); ++i) {
    const auto& site = report.sites[i];
    wrong += site.samples != 3 || site.bytes != 3 * (site.where.line() * 31 % 1009 + 1);
    wrong += i != 0 && report.sites[i - 1].estimated_bytes < site.estimated_bytes;
  }
  CHECK(wrong == 0);
}
