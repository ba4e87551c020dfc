// SPDX-License-Identifier: MIT
//
// Snapshots as JSON, and in the format of expvar.

#include <cstddef>
#include <iterator>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using pools = std::vector<tarn::snapshot>;
template <class Tiers>
using pool_with =
    tarn::byte_pool<std::mutex, tarn::recording_stats, tarn::traits<Tiers, tarn::checked>>;

std::string json(const pools& p) {
  std::string text;
  tarn::write_json(std::back_inserter(text), p);
  return text;
}
std::string expvar(const std::string& prefix, const tarn::snapshot& s) {
  std::string text;
  tarn::write_expvar(std::back_inserter(text), prefix, s);
  return text;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the variable of expvar is the seed's, byte by byte", "[observe]") {
  // The seed's trace: 1000 and its return, then 100, with tiers up to 512.
  pool_with<tarn::fixed_tiers<128, 256, 512>> pool;
  CHECK(expvar("app_", pool.snapshot()) ==
        R"("app_pool_stats": {"discarded":0,"pools":{"128":{"get":0,"put":0},)"
        R"("256":{"get":0,"put":0},"512":{"get":0,"put":0}},"recent_lengths":null,)"
        R"("total_get":0,"total_put":0})");
  static_cast<void>(pool.get(1000));
  auto b = pool.get(100);
  CHECK(expvar("app_", pool.snapshot()) ==
        R"("app_pool_stats": {"discarded":2,"pools":{"128":{"get":1,"put":0},)"
        R"("256":{"get":0,"put":0},"512":{"get":0,"put":0}},"recent_lengths":[1000,100],)"
        R"("total_get":1,"total_put":0})");
  b.reset();
  CHECK(has(expvar("", pool.snapshot()), R"("pool_stats": {"discarded":2,)"));
  CHECK(has(expvar("", pool.snapshot()), R"("total_get":1,"total_put":1})"));
}

TEST_CASE("tiers are sorted as strings", "[observe]") {
  pool_with<tarn::runtime_tiers> pool({}, {1024, 128, 2048, 128, 4096, 512});
  CHECK(expvar("", pool.snapshot()) ==
        R"("pool_stats": {"discarded":0,"pools":{"1024":{"get":0,"put":0},)"
        R"("128":{"get":0,"put":0},"2048":{"get":0,"put":0},"4096":{"get":0,"put":0},)"
        R"("512":{"get":0,"put":0}},"recent_lengths":null,"total_get":0,"total_put":0})");
}

TEMPLATE_LIST_TEST_CASE("recent lengths are null before the first get, and where none are recorded",
                        "[observe]", test::every_policy) {
  if constexpr (TestType::stats::counts) {
    INFO(test::name_of<TestType>());
    tarn::byte_pool<typename TestType::lock, typename TestType::stats> pool;
    CHECK(has(expvar("", pool.snapshot()), R"("recent_lengths":null)"));
    static_cast<void>(pool.get(77));
    const bool records = std::is_same_v<typename TestType::stats, tarn::recording_stats>;
    CHECK(has(expvar("", pool.snapshot()),
              records ? R"("recent_lengths":[77])" : R"("recent_lengths":null)"));
    CHECK(has(expvar("", pool.snapshot()), R"("total_get":1,"total_put":1})"));
  }
}

TEST_CASE("a body of /debug/vars is as Go writes it", "[observe]") {
  pool_with<tarn::fixed_tiers<128>> pool({.name = "b"});
  auto b = pool.snapshot();
  auto a = b;
  a.name = "a";
  auto none = b;
  none.name = "";
  const std::string value =
      R"({"discarded":0,"pools":{"128":{"get":0,"put":0}},"recent_lengths":null,)"
      R"("total_get":0,"total_put":0})";
  std::string text;
  tarn::write_debug_vars(std::back_inserter(text), pools{b, none, a});
  CHECK(text == "{\n\"a_pool_stats\": " + value + ",\n\"b_pool_stats\": " + value +
                    ",\n\"pool_stats\": " + value + "\n}\n");
  text.clear();
  tarn::write_debug_vars(std::back_inserter(text), pools{});
  CHECK(text == "{\n\n}\n");

  // Sorted by whole names: "p" and "pool_stats" would change places otherwise.
  text.clear();
  const std::vector<tarn::expvar_pool> some{{"", &a}, {"pooh", &a}, {"p", &a}, {"z", &a}};
  tarn::write_debug_vars(std::back_inserter(text), some);
  CHECK(text.find("\"poohpool_stats\"") < text.find("\"pool_stats\""));
  CHECK(text.find("\"pool_stats\"") < text.find("\"ppool_stats\""));
  CHECK(text.find("\"ppool_stats\"") < text.find("\"zpool_stats\""));
}

TEST_CASE("a prefix that occurs twice is refused by name, before anything is written",
          "[observe]") {
  pool_with<tarn::fixed_tiers<128>> pool({.name = "twin"});
  std::string text = "as it was";
  try {
    tarn::write_debug_vars(std::back_inserter(text), pools{pool.snapshot(), pool.snapshot()});
    FAIL("not refused");
  } catch (const std::invalid_argument& e) {
    CHECK(std::string(e.what()) == "tarn: expvar prefix 'twin_' must be used once only");
  }
  CHECK(text == "as it was");
}

TEST_CASE("all numbers of a pool, what is not known as null", "[observe]") {
  pool_with<tarn::fixed_tiers<128, 1000>> pool({.name = "fra\"mes\n", .capacity = 7});
  {
    const auto a = pool.get(100);
    const auto b = pool.get(5000);
    auto s = pool.snapshot();
    s.taken = tarn::time_span::of_nanoseconds(12'500'000'000);
    const auto text = json({s});
    CHECK(text.starts_with(R"({"pools":[{"name":"fra\"mes\n","taken_seconds":12.5,)"));
    CHECK(has(text, R"("capacity":7,"limit_bytes":null,)"));
    CHECK(has(text, R"("tiers":[{"size_bytes":128,"stride_bytes":128,"gets":1,"puts":0,)"
                    R"("misses":1,"hits":0,"hit_rate":0,"in_use":1,)"));
    CHECK(has(text, R"("total":{"gets":1,"puts":0,"misses":1,)"));
    CHECK(has(text, R"("large":{"gets":1,"puts":0,"reused":0,"discarded":0,"in_use":1,)"
                    R"("in_use_bytes":5000,)"));
    CHECK(has(text, R"("misuses":{"null":0,"foreign":0,)"));
    CHECK(has(text, R"("recent_lengths":[100,5000])"));
    CHECK(has(text, R"("sizes":[{"up_to_bytes":112,"count":1},{"up_to_bytes":5120,"count":1}])"));
    CHECK(text.ends_with("}]}"));
    s.lifetimes = {0, 0, 3, 0};
    CHECK(has(json({s}), R"("lifetimes":[{"below_seconds":4e-09,"count":3}])"));
    s.waiting_times.counts.assign(tarn::time_buckets::count, 0);
    CHECK(has(json({s}), R"("waiting_times":{"count":0,"sum_seconds":0,"buckets":[]})"));
    s.waiting_times.counts[1] = 3;
    s.waiting_times.counts.back() = 1;
    s.waiting_times.sum = tarn::time_span::of_seconds(20);
    CHECK(has(json({s}), R"("waiting_times":{"count":4,"sum_seconds":20,"buckets":[)"
                         R"({"up_to_seconds":1.28e-07,"count":3},)"
                         R"({"up_to_seconds":null,"count":1}]})"));
  }
  CHECK(json({}) == R"({"pools":[]})");
  tarn::byte_pool<tarn::no_lock> plain;
  const auto text = json({plain.snapshot(), tarn::snapshot{}});
  CHECK(has(text, R"("misuses":null,"recent_lengths":null,"sizes":null,"lifetimes":null,)"
                  R"("acquire_times":null,"waiting_times":null},{"name":"",)"));
  CHECK(has(text, R"("nodes":null)"));
}

TEST_CASE("no number becomes a word that JSON does not have", "[observe]") {
  std::string text;
  tarn::detail::text_writer to(std::back_inserter(text));
  using tarn::detail::metric_number;
  for (const double n :
       {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    text.clear();
    to.put_json(metric_number(n));
    CHECK(text == "null");
  }
  text.clear();
  to.put_json(metric_number(1e300));
  CHECK(text == "1e+300");
  const auto all = json({tarn::snapshot{}});
  for (const auto* word : {"nan", "NaN", "inf", "Inf"})
    CHECK_FALSE(has(all, word));
}
