// SPDX-License-Identifier: MIT
//
// The format of numbers and text in all exporters.

#include <clocale>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include <tarn/observe/text/text_writer.hpp>

#include "support/catch.hpp"

namespace {

template <class Put>
std::string written(Put&& put) {
  std::string text;
  tarn::detail::text_writer to(std::back_inserter(text));
  put(to);
  return text;
}
std::string canonical(double n) {
  return written([&](auto& to) { to.put_canonical(n); });
}
std::string real(double n) {
  return written([&](auto& to) { to.put_real(n); });
}
std::string seconds(std::int64_t n) {
  return written([&](auto& to) { to.put_seconds(n); });
}
std::string escaped(std::string_view text, std::string_view which = "\\\"") {
  return written([&](auto& to) { to.put_escaped(text, which); });
}
std::string json(std::string_view text) {
  return written([&](auto& to) { to.put_json(text); });
}

}  // namespace

TEST_CASE("bounds of buckets look as Go prints floats", "[observe]") {
  CHECK(canonical(16) == "16.0");
  CHECK(canonical(512) == "512.0");
  CHECK(canonical(0) == "0.0");
  CHECK(canonical(0.5) == "0.5");
  CHECK(canonical(0.001) == "0.001");
  CHECK(canonical(0.0001) == "0.0001");
  CHECK(canonical(0.00001) == "1e-05");
  CHECK(canonical(524288) == "524288.0");
  CHECK(canonical(999999) == "999999.0");
  CHECK(canonical(1000000) == "1e+06");
  CHECK(canonical(1048576) == "1.048576e+06");
  CHECK(canonical(2097152) == "2.097152e+06");
  CHECK(canonical(1e10) == "1e+10");
  CHECK(canonical(-2.5) == "-2.5");
  CHECK(canonical(std::numeric_limits<double>::infinity()) == "+Inf");
}

TEST_CASE("numbers are exact and whole numbers have no exponent", "[observe]") {
  CHECK(real(0.1) == "0.1");
  CHECK(real(1.0 / 3) == "0.3333333333333333");
  CHECK(real(-std::numeric_limits<double>::infinity()) == "-Inf");
  CHECK(real(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  const auto most = std::numeric_limits<std::uint64_t>::max();
  CHECK(written([&](auto& to) { to.put(most); }) == "18446744073709551615");
  CHECK(written([&](auto& to) { to.put_number(tarn::detail::metric_number(most)); }) ==
        "18446744073709551615");
  CHECK(written([&](auto& to) { to.put_number(tarn::detail::metric_number::of_bound(most)); }) ==
        "+Inf");
}

TEST_CASE("seconds have all digits of their nanoseconds, and no more", "[observe]") {
  CHECK(seconds(0) == "0");
  CHECK(seconds(1) == "0.000000001");
  CHECK(seconds(1'500'000'000) == "1.5");
  CHECK(seconds(60'000'000'000) == "60");
  CHECK(seconds(1'767'323'045'678'901'234) == "1767323045.678901234");
  CHECK(seconds(-1'250'000'000) == "-1.25");
  CHECK(seconds(std::numeric_limits<std::int64_t>::min()) == "-9223372036.854775808");
}

TEST_CASE("a locale with a comma changes no number", "[observe]") {
  const char* const there = std::setlocale(LC_ALL, "de_DE.UTF-8");
  CHECK(real(1234567.25) == "1234567.25");
  CHECK(canonical(0.5) == "0.5");
  CHECK(seconds(1'500'000'000) == "1.5");
  if (there != nullptr) std::setlocale(LC_ALL, "C");
}

TEST_CASE("what has a meaning is escaped, and nothing else", "[observe]") {
  CHECK(escaped("a\\b\"c\nd") == "a\\\\b\\\"c\\nd");
  CHECK(escaped("a\\b\"c\nd", "\\") == "a\\\\b\"c\\nd");  // HELP of text 0.0.4
  CHECK(escaped("tab\tand {curly}, 'single'") == "tab\tand {curly}, 'single'");
  CHECK(json("a\\b\"c\nd\te") == R"("a\\b\"c\nd\te")");
  CHECK(json(std::string_view("\0\x1f\x7f", 3)) == R"("\u0000\u001f\u007f")");
  CHECK(json("</script>&") == R"("\u003c/script\u003e\u0026")");
}

TEST_CASE("what is no UTF-8 is replaced, what is stays", "[observe]") {
  for (const std::string_view good :
       {"é", "€", "𝄞", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(escaped(good) == good);
    CHECK(json(good) == '"' + std::string(good) + '"');
  }
  const std::string r = "\xEF\xBF\xBD";
  CHECK(escaped("a\xFFz") == "a" + r + "z");
  CHECK(escaped("\xC3") == r);                          // truncated
  CHECK(escaped("\xC3\"") == r + "\\\"");               // the next character is not swallowed
  CHECK(escaped("\xE2\x82") == r + r);                  // truncated
  CHECK(escaped("\xC0\xAF") == r + r);                  // overlong
  CHECK(escaped("\xE0\x80\xAF") == r + r + r);          // overlong
  CHECK(escaped("\xED\xA0\x80") == r + r + r);          // a surrogate
  CHECK(escaped("\xF4\x90\x80\x80") == r + r + r + r);  // above the last character
  CHECK(escaped("\x80") == r);
  CHECK(json("\xFF") == '"' + r + '"');
}
