// SPDX-License-Identifier: MIT
//
// A time_span is made of any duration, exactly where possible, and never overflows.

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

#include <tarn/value/time_span.hpp>

#include "support/catch.hpp"

namespace {

using std::chrono::duration;
using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using years = duration<std::int64_t, std::ratio<31'536'000>>;

constexpr std::int64_t year = 31'536'000'000'000'000;

[[nodiscard]] constexpr std::int64_t ns(const tarn::time_span& t) { return t.count(); }

}  // namespace

TEST_CASE("what fits is exact", "[time_span]") {
  STATIC_REQUIRE(ns(nanoseconds(9'000'000'000'000'000'001)) == 9'000'000'000'000'000'001);
  STATIC_REQUIRE(ns(nanoseconds(-9'000'000'000'000'000'001)) == -9'000'000'000'000'000'001);
  STATIC_REQUIRE(ns(seconds(9'223'372'036)) == 9'223'372'036'000'000'000);
  STATIC_REQUIRE(ns(hours(-2'562'047)) == -2'562'047 * std::int64_t{3'600'000'000'000});
  STATIC_REQUIRE(ns(years(292)) == 292 * year);
  STATIC_REQUIRE(ns(duration<unsigned>(4'000'000'000)) == 4'000'000'000'000'000'000);
  STATIC_REQUIRE(ns(duration<std::int64_t, std::pico>(1999)) == 1);
  STATIC_REQUIRE(ns(duration<double>(0.5)) == 500'000'000);
}

TEST_CASE("what is longer than 292 years is cut to that", "[time_span]") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  STATIC_REQUIRE(ns(nanoseconds::max()) == most);
  STATIC_REQUIRE(ns(nanoseconds::min()) == least);
  STATIC_REQUIRE(ns(seconds(9'223'372'037)) == most);
  STATIC_REQUIRE(ns(hours::max()) == most);
  STATIC_REQUIRE(ns(hours::min()) == least);
  STATIC_REQUIRE(ns(years(293)) == most);
  STATIC_REQUIRE(ns(years(-293)) == least);
  STATIC_REQUIRE(ns(duration<std::uint64_t>(UINT64_MAX)) == most);
  STATIC_REQUIRE(ns(duration<double>(1e300)) == most);
  STATIC_REQUIRE(tarn::time_span::of_seconds(10'000'000'000).count() == most);
  STATIC_REQUIRE(tarn::time_span::of_seconds(-10'000'000'000).count() == least);
  STATIC_REQUIRE(ns(duration<double>(-std::numeric_limits<double>::infinity())) == least);
}
