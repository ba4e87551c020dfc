// SPDX-License-Identifier: MIT
//
// The live blocks of a pool, for programs that read JSON or draw flame graphs.

#include <cstddef>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include <tarn/observe/live_profile.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using policy = test::some_of<test::locks, std::tuple<tarn::basic_recording_stats<256, 1>>>;

[[nodiscard]] std::string json_of(const tarn::leak_report& report) {
  std::string text;
  tarn::write_json(std::back_inserter(text), report);
  return text;
}
[[nodiscard]] std::string folded(const tarn::leak_report& report) {
  std::string text;
  tarn::write_folded(std::back_inserter(text), report);
  return text;
}

[[nodiscard]] tarn::leak_report report_of(std::string pool, tarn::call_site where,
                                          std::size_t bytes) {
  tarn::leak_report made;
  made.pool = std::move(pool);
  made.in_use = 7;
  made.samples = 1;
  made.not_sampled = 2;
  made.sites.push_back({where, 1, bytes, 4, 4 * bytes, tarn::time_span::of_nanoseconds(1'500'000)});
  return made;
}

}  // namespace

TEST_CASE("the sites of live blocks are JSON with all their numbers", "[live_profile]") {
  const auto report = report_of("a \"pool\"", tarn::call_site("src/send.cpp", 118), 100);
  CHECK(json_of(report) ==
        R"({"pool":"a \"pool\"","in_use":7,"followed_blocks":1,"not_followed_for_lack_of_room":2,)"
        R"("sites":[{"file":"src/send.cpp","line":118,"blocks":4,"bytes":400,)"
        R"("followed_blocks":1,"followed_bytes":100,"oldest_seconds":0.0015}]})");
}

TEST_CASE("a place that is not known is null in JSON, and named in folded stacks",
          "[live_profile]") {
  const auto report = report_of("", tarn::call_site(), 100);
  CHECK(json_of(report).find(R"("file":null,"line":0,)") != std::string::npos);
  CHECK(folded(report) == "(unnamed pool);(place not known) 400\n");
}

TEST_CASE("no name breaks a folded line", "[live_profile]") {
  CHECK(folded(report_of("a;b\nc", tarn::call_site("my file;2.cpp", 3), 1)) ==
        "a_b_c;my file_2.cpp:3 4\n");
  CHECK(folded({}).empty());
  CHECK(
      json_of({}) ==
      R"({"pool":"","in_use":0,"followed_blocks":0,"not_followed_for_lack_of_room":0,"sites":[]})");
}

TEMPLATE_LIST_TEST_CASE("both name the line that took a block of a pool", "[live_profile]",
                        policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.name = "frames"});
  const auto kept = pool->get(1000);
  const std::string line = std::to_string(__LINE__ - 1);
  const auto report = pool->live_blocks();
  CHECK(json_of(report).find("live_profile_test.cpp\",\"line\":" + line + ',') !=
        std::string::npos);
  const auto text = folded(report);
  CHECK(text.starts_with("frames;"));
  CHECK(text.ends_with("live_profile_test.cpp:" + line + " 1000\n"));
}
