// SPDX-License-Identifier: MIT
//
// Snapshots as Prometheus text and as OpenMetrics.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/observe/prometheus.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"
#include "support/exposition.hpp"

namespace {

using pools = std::vector<tarn::snapshot>;
using two_tiers = tarn::traits<tarn::fixed_tiers<128, 1000>, tarn::checked>;
using checked_pool = tarn::byte_pool<std::mutex, tarn::recording_stats, two_tiers>;

constexpr std::int64_t second = 1'000'000'000;

std::string prometheus(const pools& p, const tarn::metric_options& o = {}) {
  std::string text;
  tarn::write_prometheus(std::back_inserter(text), p, o);
  return text;
}
std::string openmetrics(const pools& p, const tarn::metric_options& o = {}) {
  std::string text;
  tarn::write_openmetrics(std::back_inserter(text), p, o);
  return text;
}

/// The lines of one family, comments included.
std::string family(std::string_view text, std::string_view name) {
  std::istringstream lines{std::string(text)};
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = line;
    if (rest.starts_with("# ")) rest.remove_prefix(7);
    const auto end = rest.substr(0, rest.find_first_of(" {"));
    if (end == name ||
        (end.starts_with(name) &&
         (end.substr(name.size()) == "_total" || end.substr(name.size()) == "_created" ||
          end.substr(name.size()) == "_bucket" || end.substr(name.size()) == "_sum" ||
          end.substr(name.size()) == "_count"))) {
      found += line + '\n';
    }
  }
  return found;
}

/// A pool of which all numbers are known.
tarn::snapshot scripted(const std::string& name) {
  checked_pool pool({.name = name, .max_objects = 1});
  void* const a = pool.allocate(100);
  void* const b = pool.allocate(128);
  void* const c = pool.allocate(129);
  pool.deallocate(a, 100);
  pool.deallocate(a, 100);  // twice: a misuse
  pool.deallocate(b, 128);  // above the bound
  static_cast<void>(pool.get(5000));
  auto s = pool.snapshot();
  pool.deallocate(c, 129);
  s.taken = tarn::time_span::of_seconds(100);
  s.created = tarn::time_span::of_seconds(40);
  s.last_resized = tarn::time_span::of_nanoseconds(50 * second + second / 2);
  return s;
}

}  // namespace

TEST_CASE("a scripted pool as text 0.0.4", "[observe]") {
  const auto text = prometheus({scripted("frames")});
  CHECK(test::fault_of(text, test::prometheus) == "");
  CHECK(family(text, "tarn_gets_total") ==
        "# HELP tarn_gets_total Gets that were served by the tier.\n"
        "# TYPE tarn_gets_total counter\n"
        "tarn_gets_total{pool=\"frames\",tier=\"128\"} 2\n"
        "tarn_gets_total{pool=\"frames\",tier=\"1000\"} 1\n");
  CHECK(family(text, "tarn_in_use_blocks") ==
        "# HELP tarn_in_use_blocks Blocks that are out.\n"
        "# TYPE tarn_in_use_blocks gauge\n"
        "tarn_in_use_blocks{pool=\"frames\",tier=\"128\"} 0\n"
        "tarn_in_use_blocks{pool=\"frames\",tier=\"1000\"} 1\n");
  CHECK(family(text, "tarn_discarded_blocks_total") ==
        "# HELP tarn_discarded_blocks_total Blocks that came back above a bound.\n"
        "# TYPE tarn_discarded_blocks_total counter\n"
        "tarn_discarded_blocks_total{pool=\"frames\",tier=\"128\"} 1\n"
        "tarn_discarded_blocks_total{pool=\"frames\",tier=\"1000\"} 0\n");
  CHECK(family(text, "tarn_reserved_bytes_total") ==
        "# HELP tarn_reserved_bytes_total Bytes of the blocks that the gets were given.\n"
        "# TYPE tarn_reserved_bytes_total counter\n"
        "tarn_reserved_bytes_total{pool=\"frames\",tier=\"128\"} 256\n"
        "tarn_reserved_bytes_total{pool=\"frames\",tier=\"1000\"} 1000\n");
  CHECK(family(text, "tarn_oversize_gets_total") ==
        "# HELP tarn_oversize_gets_total Requests above the last tier.\n"
        "# TYPE tarn_oversize_gets_total counter\n"
        "tarn_oversize_gets_total{pool=\"frames\"} 1\n");
  CHECK(family(text, "tarn_limit_bytes") ==
        "# HELP tarn_limit_bytes Bytes of slabs and large blocks that may be held of the source.\n"
        "# TYPE tarn_limit_bytes gauge\n"
        "tarn_limit_bytes{pool=\"frames\"} +Inf\n");
  CHECK(family(text, "tarn_misuses_total") ==
        "# HELP tarn_misuses_total Bad returns of raw memory, and writes outside of it.\n"
        "# TYPE tarn_misuses_total counter\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"null\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"foreign\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"interior\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"wrong_size\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"wrong_pool\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"double_put\"} 1\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"after_close\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"overrun\"} 0\n"
        "tarn_misuses_total{pool=\"frames\",kind=\"written_idle\"} 0\n");
  CHECK(family(text, "tarn_created_timestamp_seconds").empty());
}

TEST_CASE("a scripted pool as OpenMetrics", "[observe]") {
  tarn::metric_options options;
  options.clock = tarn::wall_clock{tarn::time_span::of_seconds(100),
                                   tarn::time_span::of_nanoseconds(1'767'323'045'678'901'234)};
  const auto text = openmetrics({scripted("frames")}, options);
  CHECK(test::fault_of(text, test::openmetrics) == "");
  CHECK(family(text, "tarn_reserved_bytes") ==
        "# TYPE tarn_reserved_bytes counter\n"
        "# UNIT tarn_reserved_bytes bytes\n"
        "# HELP tarn_reserved_bytes Bytes of the blocks that the gets were given.\n"
        "tarn_reserved_bytes_total{pool=\"frames\",tier=\"128\"} 256\n"
        "tarn_reserved_bytes_created{pool=\"frames\",tier=\"128\"} 1767322985.678901234\n"
        "tarn_reserved_bytes_total{pool=\"frames\",tier=\"1000\"} 1000\n"
        "tarn_reserved_bytes_created{pool=\"frames\",tier=\"1000\"} 1767322985.678901234\n");
  CHECK(family(text, "tarn_created_timestamp_seconds") ==
        "# TYPE tarn_created_timestamp_seconds gauge\n"
        "# UNIT tarn_created_timestamp_seconds seconds\n"
        "# HELP tarn_created_timestamp_seconds When the pool began.\n"
        "tarn_created_timestamp_seconds{pool=\"frames\"} 1767322985.678901234\n");
  CHECK(family(text, "tarn_last_resized_timestamp_seconds")
            .ends_with("{pool=\"frames\"} 1767322996.178901234\n"));
  // Without a clock there are no timestamps.
  const auto undated = openmetrics({scripted("frames")});
  CHECK(test::fault_of(undated, test::openmetrics) == "");
  CHECK(undated.find("_created{") == undated.npos);
  CHECK(undated.find("timestamp") == undated.npos);
}

TEST_CASE("the histogram of sizes has a bound at each doubling up to the last tier", "[observe]") {
  const auto text = openmetrics({scripted("frames")});
  // 100, 128, 129 and 5000 bytes: in the buckets (96, 112], (112, 128], (128, 160], (4096, 5120].
  CHECK(family(text, "tarn_request_size_bytes") ==
        "# TYPE tarn_request_size_bytes histogram\n"
        "# UNIT tarn_request_size_bytes bytes\n"
        "# HELP tarn_request_size_bytes Sizes that were asked for; their sum is estimated from "
        "finer buckets.\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"16.0\"} 0\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"32.0\"} 0\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"64.0\"} 0\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"128.0\"} 2\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"256.0\"} 3\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"512.0\"} 3\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"1024.0\"} 3\n"
        "tarn_request_size_bytes_bucket{pool=\"frames\",le=\"+Inf\"} 4\n"
        "tarn_request_size_bytes_sum{pool=\"frames\"} 4976\n"
        "tarn_request_size_bytes_count{pool=\"frames\"} 4\n");
  // Values that were not recorded do not appear.
  auto plain = scripted("plain");
  plain.size_histogram.clear();
  CHECK(openmetrics({plain}).find("request_size") == std::string::npos);
  const auto both = openmetrics({scripted("frames"), plain});
  CHECK(test::fault_of(both, test::openmetrics) == "");
  CHECK(family(both, "tarn_request_size_bytes").find("plain") == std::string::npos);
}

TEST_CASE("the histogram of lifetimes is in seconds", "[observe]") {
  tarn::snapshot s;
  s.name = "frames";
  s.lifetimes.resize(64);
  s.lifetimes[0] = 1;   // less than a nanosecond
  s.lifetimes[10] = 2;  // less than 1.024 us
  s.lifetimes[11] = 4;
  s.lifetimes[30] = 8;   // about a second
  s.lifetimes[50] = 16;  // 13 days
  const auto text = openmetrics({s});
  CHECK(test::fault_of(text, test::openmetrics) == "");
  const auto found = family(text, "tarn_lifetime_seconds");
  CHECK(
      found.starts_with("# TYPE tarn_lifetime_seconds histogram\n"
                        "# UNIT tarn_lifetime_seconds seconds\n"));
  std::map<double, std::string> buckets;
  for (const auto& one : test::samples_of(found)) {
    if (one.name == "tarn_lifetime_seconds_bucket") {
      buckets[std::strtod(one.labels.at("le").c_str(), nullptr)] = one.value;
    }
    if (one.name == "tarn_lifetime_seconds_count") CHECK(one.value == "31");
    if (one.name == "tarn_lifetime_seconds_sum") {
      const auto expected =
          1e-9 * 0.75 * (2 * 1024.0 + 4 * 2048 + 8 * 1073741824.0 + 16 * 1125899906842624.0);
      CHECK(std::abs(std::strtod(one.value.c_str(), nullptr) / expected - 1) < 1e-9);
    }
  }
  CHECK(buckets.size() == 17);
  CHECK(found.find("le=\"1.024e-06\"} 3\n") != found.npos);
  CHECK(found.find("le=\"4.096e-06\"} 7\n") != found.npos);
  CHECK(found.find("le=\"+Inf\"} 31\n") != found.npos);
  int below_a_second = 0;
  for (const auto& [bound, count] : buckets) {
    if (bound < 1) below_a_second = std::stoi(count);
  }
  CHECK(below_a_second == 7);
  s.lifetimes.clear();
  CHECK(openmetrics({s}).find("lifetime") == std::string::npos);
}

TEST_CASE("times of gets and of waits are histograms in seconds, with an exact sum", "[observe]") {
  tarn::snapshot s;
  s.name = "frames";
  s.waiting_times.counts.resize(tarn::time_buckets::count);
  s.waiting_times.counts[0] = 1;   // up to 64 ns
  s.waiting_times.counts[1] = 2;   // up to 128 ns
  s.waiting_times.counts[24] = 4;  // up to 1.07 s
  s.waiting_times.counts[29] = 8;  // above 17 s
  s.waiting_times.sum = tarn::time_span::of_nanoseconds(200'000'000'001);
  CHECK(openmetrics({s}).find("acquire_seconds") == std::string::npos);
  s.acquire_times = s.waiting_times;
  const auto text = openmetrics({s});
  CHECK(test::fault_of(text, test::openmetrics) == "");
  CHECK(test::fault_of(prometheus({s}), test::prometheus) == "");
  for (const std::string name : {"tarn_acquire_seconds", "tarn_waiting_seconds"}) {
    INFO(name);
    const auto found = family(text, name);
    CHECK(found.starts_with("# TYPE " + name + " histogram\n# UNIT " + name + " seconds\n"));
    std::map<double, std::string> buckets;
    for (const auto& one : test::samples_of(found)) {
      if (one.name == name + "_bucket")
        buckets[std::strtod(one.labels.at("le").c_str(), nullptr)] = one.value;
      if (one.name == name + "_count") CHECK(one.value == "15");
      if (one.name == name + "_sum") CHECK(one.value == "200.000000001");
    }
    CHECK(buckets.size() == tarn::time_buckets::count);
    CHECK(found.find("le=\"6.4e-08\"} 1\n") != found.npos);
    CHECK(found.find("le=\"1.28e-07\"} 3\n") != found.npos);
    CHECK(found.find("le=\"0.536870912\"} 3\n") != found.npos);
    CHECK(found.find("le=\"1.073741824\"} 7\n") != found.npos);
    CHECK(found.find("le=\"17.179869184\"} 7\n") != found.npos);
    CHECK(found.find("le=\"+Inf\"} 15\n") != found.npos);
  }
  // What is sampled says so.
  CHECK(family(text, "tarn_acquire_seconds").find("Sampled:") != text.npos);
  CHECK(family(text, "tarn_waiting_seconds").find("Sampled") == text.npos);
}

TEST_CASE("every number of a snapshot is among the metrics", "[observe]") {
  // Each field has a unique number, so the test looks its position up.
  tarn::tier_snapshot t;
  std::uint64_t next = 1'000'003;
  std::vector<std::uint64_t> expected;
  const auto give = [&](auto& field) {
    field = next;
    expected.push_back(next);
    next += 1009;
  };
  const auto fill = [&](tarn::tier_snapshot& tier) {
    for (auto* field :
         {&tier.created, &tier.retired,         &tier.recarved,         &tier.abandoned,
          &tier.idle,    &tier.idle_in_threads, &tier.idle_pinned,      &tier.idle_purged,
          &tier.in_use,  &tier.max_idle,        &tier.peak_outstanding, &tier.discarded,
          &tier.aged,    &tier.trimmed,         &tier.purged,           &tier.purged_bytes,
          &tier.puts,    &tier.misses,          &tier.requested_bytes,  &tier.most_in_use}) {
      give(*field);
    }
    give(tier.size_bytes);
    give(tier.stride_bytes);
    give(tier.gets);
  };
  fill(t);
  t.idle_for = tarn::time_span::of_seconds(77'777'777);
  expected.push_back(77'777'777);

  tarn::snapshot s;
  s.name = "all";
  s.tiers.push_back(t);
  for (auto* field : {&s.object_size_bytes, &s.max_idle_bytes, &s.capacity, &s.limit_bytes,
                      &s.slab_bytes, &s.most_held_bytes, &s.large.in_use_bytes, &s.large.kept_bytes,
                      &s.large.max_kept_bytes, &s.large.most_in_use_bytes}) {
    give(*field);
  }
  for (auto* field : {&s.retains, &s.releases, &s.constructed, &s.reset_failures, &s.outgrown,
                      &s.large.gets, &s.large.puts, &s.large.reused, &s.large.discarded,
                      &s.large.in_use, &s.large.kept, &s.large.fresh_bytes, &s.large.reused_bytes,
                      &s.large.discarded_bytes, &s.samples, &s.not_sampled}) {
    give(*field);
  }
  s.nodes.size_bytes = 64;
  for (auto* field : {&s.nodes.gets, &s.nodes.puts, &s.nodes.misses, &s.nodes.in_use, &s.nodes.idle,
                      &s.nodes.created, &s.nodes.retired}) {
    give(*field);
  }
  s.misuses.resize(tarn::misuse_count);
  for (auto& field : s.misuses)
    give(field);
  s.size_histogram.resize(tarn::size_buckets::count);
  give(s.size_histogram[200]);
  s.lifetimes.resize(64);
  give(s.lifetimes[25]);
  s.acquire_times.counts.resize(tarn::time_buckets::count);
  give(s.acquire_times.counts[11]);
  s.waiting_times.counts.resize(tarn::time_buckets::count);
  give(s.waiting_times.counts[13]);

  for (const auto format : {test::prometheus, test::openmetrics}) {
    const auto text = format == test::openmetrics ? openmetrics({s}) : prometheus({s});
    CHECK(test::fault_of(text, format) == "");
    std::set<std::string> values;
    for (const auto& one : test::samples_of(text)) {
      values.insert(one.value);
      if (one.labels.contains("tier")) values.insert(one.labels.at("tier"));
    }
    for (const auto n : expected) {
      INFO(n);
      CHECK(values.contains(std::to_string(n)));
    }
  }
}

TEST_CASE("names are escaped, whatever they hold", "[observe]") {
  const std::string name = "a\\b\"c\nd{e}=,\xFF\xC3\xA9";
  const std::string shown = "a\\b\"c\nd{e}=,\xEF\xBF\xBD\xC3\xA9";
  tarn::metric_options options;
  options.labels = {{"host", "x\"y\\z\n"}};
  for (const auto format : {test::prometheus, test::openmetrics}) {
    const pools one{scripted(name)};
    const auto text =
        format == test::openmetrics ? openmetrics(one, options) : prometheus(one, options);
    CHECK(test::fault_of(text, format) == "");
    CHECK(text.find("{pool=\"a\\\\b\\\"c\\nd{e}=,\xEF\xBF\xBD\xC3\xA9\",") != text.npos);
    const auto samples = test::samples_of(text);
    REQUIRE_FALSE(samples.empty());
    for (const auto& s : samples) {
      CHECK(s.labels.at("pool") == shown);
      CHECK(s.labels.at("host") == "x\"y\\z\n");
    }
  }
}

TEST_CASE("prefix and labels are the user's", "[observe]") {
  tarn::metric_options options;
  options.prefix = "app:memory_";
  options.pool_label = "name";
  options.tier_label = "size";
  options.labels = {{"service", "edge"}, {"zone", "a"}};
  const auto text = prometheus({scripted("frames")}, options);
  CHECK(test::fault_of(text, test::prometheus) == "");
  CHECK(text.find("\napp:memory_gets_total{name=\"frames\",size=\"128\",service=\"edge\","
                  "zone=\"a\"} 2\n") != text.npos);
  CHECK(text.find("tarn") == text.npos);

  const auto refused = [](const tarn::metric_options& o, const std::string& word) {
    std::string text_of_it = "as it was";
    try {
      tarn::write_openmetrics(std::back_inserter(text_of_it), pools{scripted("x")}, o);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what()).find("'" + word + "'") != std::string::npos &&
             text_of_it == "as it was";
    }
    return false;
  };
  const auto with_label = [](const std::string& name) {
    tarn::metric_options o;
    o.labels = {{name, "x"}};
    return o;
  };
  tarn::metric_options bad;
  bad.prefix = "9lives_";
  CHECK(refused(bad, "9lives_"));
  bad.prefix = "a-b_";
  CHECK(refused(bad, "a-b_"));
  for (const auto* name : {"", "a-b", "1a", "__name__", "a:b", "pool", "tier", "le", "kind", "é"}) {
    INFO(name);
    CHECK(refused(with_label(name), name));
  }
  bad = {};
  bad.labels = {{"zone", "a"}, {"zone", "b"}};
  CHECK(refused(bad, "zone"));
  bad = {};
  bad.tier_label = "pool";
  CHECK(refused(bad, "pool"));
}

TEST_CASE("two pools of one name are refused by it, before anything is written", "[observe]") {
  std::string text = "as it was";
  const pools twins{scripted("a"), scripted("frames"), scripted("frames")};
  try {
    tarn::write_prometheus(std::back_inserter(text), twins);
    FAIL("not refused");
  } catch (const std::invalid_argument& e) {
    CHECK(std::string(e.what()) ==
          "tarn: pool name 'frames' must be used once only in an exposition");
  }
  CHECK(text == "as it was");
  auto odd = scripted("odd");
  odd.tiers[1].size_bytes = odd.tiers[0].size_bytes;
  CHECK_THROWS_AS(prometheus({odd}), std::invalid_argument);
}

TEST_CASE("all samples of a family stand together, whatever pools there are", "[observe]") {
  tarn::byte_pool<> empty({.name = "empty"});
  const pools all{scripted("a"), empty.snapshot(), scripted("b")};
  for (const auto format : {test::prometheus, test::openmetrics}) {
    const auto text = format == test::openmetrics ? openmetrics(all) : prometheus(all);
    CHECK(test::fault_of(text, format) == "");
  }
}

TEST_CASE("no pools are no metrics, and a good exposition", "[observe]") {
  CHECK(prometheus({}).empty());
  CHECK(openmetrics({}) == "# EOF\n");
  // An empty snapshot, as a default-constructed one is.
  const pools nothing{tarn::snapshot{}};
  for (const auto format : {test::prometheus, test::openmetrics}) {
    const auto text = format == test::openmetrics ? openmetrics(nothing) : prometheus(nothing);
    INFO(text);
    CHECK(test::fault_of(text, format) == "");
  }
}

TEST_CASE("metrics go to any output iterator", "[observe]") {
  const pools one{scripted("frames")};
  const auto expected = prometheus(one);
  std::vector<char> array(expected.size());
  CHECK(tarn::write_prometheus(array.data(), one) == array.data() + array.size());
  std::string of_one;
  tarn::write_metrics(std::back_inserter(of_one), tarn::metric_format::prometheus, one[0]);
  std::string of_list;
  tarn::write_prometheus(std::back_inserter(of_list), one);
  CHECK(of_one == of_list);
  CHECK(std::string(array.begin(), array.end()) == expected);
  std::ostringstream stream;
  tarn::write_prometheus(std::ostreambuf_iterator<char>(stream), one);
  CHECK(stream.str() == expected);
  std::list<char> list;
  tarn::write_metrics(std::back_inserter(list), tarn::metric_format::prometheus, one);
  CHECK(std::string(list.begin(), list.end()) == expected);
  tarn::fast_buffer buffer;
  tarn::write_prometheus(std::back_inserter(buffer), one);
  CHECK(buffer.view() == expected);
}

TEST_CASE("OpenMetrics is for those who ask for it", "[observe]") {
  using tarn::metric_format;
  const auto open = metric_format::openmetrics;
  const auto text = metric_format::prometheus;
  // The header that Prometheus 2.42 sends, and that of newer versions.
  CHECK(tarn::negotiate("application/openmetrics-text;version=1.0.0,"
                        "application/openmetrics-text;version=0.0.1;q=0.75,"
                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1") == open);
  CHECK(tarn::negotiate("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                        "application/openmetrics-text;version=0.0.1;q=0.4,"
                        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1") == open);
  CHECK(tarn::negotiate("application/openmetrics-text") == open);
  CHECK(tarn::negotiate("Application/OpenMetrics-Text ; Version=\"1.0.0\"") == open);
  CHECK(tarn::negotiate("*/*, application/openmetrics-text") == open);
  CHECK(tarn::negotiate("text/plain;q=0.5, application/openmetrics-text;q=0.5") == open);
  CHECK(tarn::negotiate("text/html, application/openmetrics-text;q=0.001") == open);

  CHECK(tarn::negotiate("") == text);
  CHECK(tarn::negotiate("*/*") == text);
  CHECK(tarn::negotiate("application/*") == text);
  CHECK(tarn::negotiate("text/plain;version=0.0.4") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;version=0.0.1") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;version=2.0.0") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;q=0") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;q=0.4,text/plain") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;q=0.4,text/*;q=0.5") == text);
  // The more exact media range decides for text, not the one with the higher weight.
  CHECK(tarn::negotiate("application/openmetrics-text;q=0.4,text/plain;q=0.1,*/*") == open);
  CHECK(tarn::negotiate("application/openmetrics-text;q=bad") == text);
  CHECK(tarn::negotiate("application/openmetrics-text;q=2") == text);
  CHECK(tarn::negotiate(",;,=;q,,") == text);
  CHECK(tarn::negotiate("application/openmetrics-textile") == text);

  CHECK(tarn::content_type(open) == "application/openmetrics-text; version=1.0.0; charset=utf-8");
  CHECK(tarn::content_type(text) == "text/plain; version=0.0.4; charset=utf-8");
}

TEST_CASE("the reader of these tests sees what others let pass", "[observe]") {
  const std::string head = "# HELP a_total x\n# TYPE a_total counter\n";
  const auto fault = [](const std::string& text) { return test::fault_of(text, test::prometheus); };
  CHECK(fault(head + "a_total 1\n") == "");
  CHECK(fault(head + "a_total 1\na_total 1\n") != "");
  CHECK(fault(head + "a_total{x=\"1\"} 1\n# HELP b x\n# TYPE b gauge\nb 1\n" + head +
              "a_total{x=\"2\"} 1\n") != "");
  CHECK(fault(head + "b 1\n") != "");
  CHECK(fault(head + "a_total 1") != "");
  CHECK(fault(head + "a_total 1\n\n") != "");
  CHECK(fault(head + "a_total one\n") != "");
  CHECK(fault(head + "a_total{x=\"\\t\"} 1\n") != "");
  CHECK(fault("a_total 1\n") != "");
  CHECK(fault("# TYPE a_total counter\na_total 1\n") != "");
  const std::string h = "# HELP h x\n# TYPE h histogram\n";
  CHECK(fault(h + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n") == "");
  CHECK(fault(h + "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n") != "");
  CHECK(fault(h + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 3\n") != "");
  CHECK(fault(h + "h_bucket{le=\"1.0\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n") != "");
  CHECK(fault(h + "h_bucket{le=\"+Inf\"} 2\nh_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 2\n") != "");
  CHECK(test::fault_of("# TYPE a counter\n# HELP a x\na_total 1\n# EOF\n", test::openmetrics) ==
        "");
  CHECK(test::fault_of("# TYPE a counter\n# HELP a x\na_total 1\n", test::openmetrics) != "");
  CHECK(test::fault_of("# TYPE a_total counter\n# HELP a_total x\na_total 1\n# EOF\n",
                       test::openmetrics) != "");
}
