// SPDX-License-Identifier: MIT
//
// Pools among the metrics of prometheus-cpp, as its own serialiser prints them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

#include <tarn/byte_pool.hpp>
#include <tarn/interop/prometheus_cpp.hpp>
#include <tarn/observe/prometheus.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/catch.hpp"
#include "support/exposition.hpp"

namespace {

using pool_type = tarn::byte_pool<std::mutex, tarn::recording_stats,
                                  tarn::traits<tarn::power_of_two_tiers<>, tarn::checked>>;
using series = std::map<std::pair<std::string, std::map<std::string, std::string>>, double>;

series series_of(const std::string& text) {
  series all;
  for (auto s : test::samples_of(text)) {
    // The library formats bounds in its own way: 128 for 128.0.
    if (auto le = s.labels.find("le"); le != s.labels.end()) {
      char shown[32];
      std::snprintf(shown, sizeof shown, "%.12g", std::strtod(le->second.c_str(), nullptr));
      le->second = shown;
    }
    const auto [at, is_new] =
        all.emplace(std::pair(s.name, s.labels), std::strtod(s.value.c_str(), nullptr));
    CHECK(is_new);
  }
  return all;
}

/// Whether two texts can stand for one number: the library writes 16 digits of a double, one too
/// few for an exact round trip.
bool same_number(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-15 * std::max(std::abs(a), std::abs(b));
}

/// The first series in which two texts differ; empty if they are equal.
std::string difference(const series& a, const series& b) {
  for (const auto& [key, value] : a) {
    const auto other = b.find(key);
    if (other != b.end() && same_number(value, other->second)) continue;
    std::string text = key.first;
    for (const auto& [label, name] : key.second)
      text += ' ' + label + '=' + name;
    return text + ": " + std::to_string(value) + " and " +
           (other == b.end() ? "nothing" : std::to_string(other->second));
  }
  return a.size() == b.size() ? "" : "one has more";
}

}  // namespace

TEST_CASE("prometheus-cpp collects what write_prometheus writes", "[prometheus_cpp]") {
  pool_type frames({.name = "frames"});
  pool_type orders({.name = "or\"ders\\\n"});
  std::vector<pool_type::buffer> kept;
  for (std::size_t size = 1; size < 4'000'000; size *= 2) {
    static_cast<void>(orders.get(size));
    kept.push_back(frames.get(size + 1));
  }
  std::vector<tarn::snapshot> now{frames.snapshot(), orders.snapshot()};
  tarn::metric_options options;
  options.prefix = "mine_";
  options.labels = {{"zone", "a"}};
  options.clock = tarn::wall_clock::now();
  const std::shared_ptr<prometheus::Collectable> collectable =
      std::make_shared<tarn::prometheus_collectable>([&] { return now; }, options);

  const auto families = collectable->Collect();
  const auto collected = prometheus::TextSerializer().Serialize(families);
  std::string written;
  tarn::write_prometheus(std::back_inserter(written), now, options);
  CHECK(test::fault_of(collected, test::prometheus) == "");
  const auto theirs = series_of(collected);
  CHECK(difference(theirs, series_of(written)) == "");
  CHECK(theirs.size() > 1000);
  CHECK(families.size() > 50);

  // The series that changed after some work.
  kept.clear();
  now = {frames.snapshot(), orders.snapshot()};
  const auto later = series_of(prometheus::TextSerializer().Serialize(collectable->Collect()));
  CHECK(later.size() == theirs.size());
  CHECK(difference(later, theirs) != "");
}

TEST_CASE("all digits of a number are collected, though fewer may be printed", "[prometheus_cpp]") {
  pool_type pool({.name = "frames"});
  std::vector<tarn::snapshot> now{pool.snapshot()};
  // The sum for two blocks that were out for 8 ns and a quarter of a second: 0.20132659800000002.
  now[0].lifetimes.at(3) = 1;
  now[0].lifetimes.at(28) = 1;
  const tarn::prometheus_collectable collectable([&] { return now; });
  const auto families = collectable.Collect();
  std::string written;
  tarn::metric_options options;
  options.clock = tarn::wall_clock::now();
  tarn::write_prometheus(std::back_inserter(written), now, options);
  const auto ours = series_of(written);
  const std::pair key("tarn_lifetime_seconds_sum",
                      std::map<std::string, std::string>{{"pool", "frames"}});
  const auto found = std::find_if(families.begin(), families.end(),
                                  [](const auto& f) { return f.name == "tarn_lifetime_seconds"; });
  REQUIRE(found != families.end());
  REQUIRE(ours.count(key) == 1);
  CHECK(found->metric.at(0).histogram.sample_sum == ours.at(key));
  const auto printed = series_of(prometheus::TextSerializer().Serialize(families));
  CHECK(same_number(printed.at(key), ours.at(key)));
  CHECK(!same_number(printed.at(key), ours.at(key) * (1 + 1e-14)));
}

TEST_CASE("dates are there without a clock in the options", "[prometheus_cpp]") {
  pool_type pool({.name = "frames"});
  const tarn::prometheus_collectable collectable([&] { return std::vector{pool.snapshot()}; });
  const auto text = prometheus::TextSerializer().Serialize(collectable.Collect());
  for (const auto& s : test::samples_of(text)) {
    if (s.name == "tarn_created_timestamp_seconds") {
      CHECK(std::strtod(s.value.c_str(), nullptr) > 1.7e9);
      return;
    }
  }
  FAIL("no date");
}

TEST_CASE("what cannot be collected is refused", "[prometheus_cpp]") {
  CHECK_THROWS_AS(tarn::prometheus_collectable({}), std::invalid_argument);
  tarn::metric_options bad;
  bad.prefix = "not good";
  CHECK_THROWS_AS(tarn::prometheus_collectable([] { return std::vector<tarn::snapshot>{}; }, bad),
                  std::invalid_argument);
  pool_type pool({.name = "twin"});
  const tarn::prometheus_collectable twins(
      [&] { return std::vector{pool.snapshot(), pool.snapshot()}; });
  CHECK_THROWS_AS(twins.Collect(), std::invalid_argument);
  const tarn::prometheus_collectable none([] { return std::vector<tarn::snapshot>{}; });
  CHECK(none.Collect().empty());
}
