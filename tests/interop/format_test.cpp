// SPDX-License-Identifier: MIT
//
// Formatted text into a fast_buffer, by {fmt} and by snprintf. std_format.cpp tests std::format.

#include <cstddef>
#include <cstdio>
#include <iterator>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include <tarn/fast_buffer.hpp>
#include <tarn/interop/fmt.hpp>
#include <tarn/interop/format.hpp>
#include <tarn/observe/print.hpp>

#include "support/catch.hpp"

namespace {

using pool_type = tarn::byte_pool<tarn::no_lock>;
using fast_buffer = tarn::basic_fast_buffer<tarn::no_lock, tarn::counting_stats,
                                            tarn::fast_buffer_traits<pool_type>>;

}  // namespace

TEST_CASE("fmt appends through back_inserter", "[format]") {
  tarn::fast_buffer out;
  fmt::format_to(std::back_inserter(out), "{} {:>5} {:.2f}", "GET", 42, 1.5);
  CHECK(out.view() == "GET    42 1.50");
  fmt::format_to(std::back_inserter(out), "{:x>3000}", "");
  CHECK(out.view() == "GET    42 1.50" + std::string(3000, 'x'));
}

TEST_CASE("printed text of every length is whole", "[format]") {
  for (std::size_t length = 0; length != 600; ++length) {
    tarn::fast_buffer by_fmt;
    tarn::fast_buffer by_printf;
    std::string expected;
    for (int i = 0; i != 5; ++i) {
      const std::string text(length, static_cast<char>('a' + i));
      CHECK(tarn::append_printed(by_fmt, [&](char* to, std::size_t room) {
              return fmt::format_to_n(to, room, "{}.", text).size;
            }) == length + 1);
      CHECK(tarn::append_printed(by_printf, [&](char* to, std::size_t room) {
              return std::snprintf(to, room, "%s.", text.c_str());
            }) == length + 1);
      expected += text + '.';
    }
    CHECK(by_fmt.view() == expected);
    CHECK(by_printf.view() == expected);
  }
}

TEST_CASE("text that fits is printed once", "[format]") {
  tarn::fast_buffer out;
  int calls = 0;
  const auto print = [&](char* to, std::size_t room) {
    ++calls;
    return fmt::format_to_n(to, room, "{:y>40}", "").size;
  };
  for (int i = 0; i != 3; ++i)
    tarn::append_printed(out, print);
  CHECK(calls == 3);
  tarn::append_printed(out, print);  // 8 of 128 are left
  CHECK(calls == 5);
  CHECK(out.view() == std::string(160, 'y'));
}

TEST_CASE("nothing is appended by a print that fails", "[format]") {
  pool_type pool;
  fast_buffer out(pool, {.max_bytes = 300});
  out.append("as it was");
  CHECK(tarn::append_printed(out, [](char*, std::size_t) { return -1; }) == 0);
  CHECK_THROWS_AS(
      tarn::append_printed(out, [](char*, std::size_t) -> int { throw std::logic_error("no"); }),
      std::logic_error);
  CHECK_THROWS_AS(tarn::append_printed(out,
                                       [](char* to, std::size_t room) {
                                         return fmt::format_to_n(to, room, "{:z>400}", "").size;
                                       }),
                  std::length_error);
  CHECK(out.view() == "as it was");
}

TEST_CASE("text that fills a buffer up to its bound is printed", "[format]") {
  for (const std::size_t most : {1u, 16u, 127u, 128u, 129u, 300u}) {
    for (const std::size_t held : {std::size_t{0}, std::size_t{1}, most / 2, most}) {
      INFO(most << " bytes, of which there are " << held);
      pool_type pool;
      fast_buffer out(pool, {.max_bytes = most});
      out.append(std::string(held, 'h'));
      const std::string text(most - held, 't');
      const auto print = [&](char* to, std::size_t room) {
        return fmt::format_to_n(to, room, "{}", text).size;
      };
      const auto print_more = [&](char* to, std::size_t room) {
        return fmt::format_to_n(to, room, "{}.", text).size;
      };
      const auto print_with_zero = [&](char* to, std::size_t room) {
        return std::snprintf(to, room, "%s", text.c_str());
      };
      CHECK_THROWS_AS(tarn::append_printed(out, print_more), std::length_error);
      if (!text.empty()) {
        CHECK_THROWS_AS(tarn::append_printed(out, print_with_zero), std::length_error);
      }
      CHECK(out.size() == held);
      CHECK(tarn::append_printed(out, print) == text.size());
      CHECK(out.view() == std::string(held, 'h') + text);
      CHECK(tarn::append_printed(out, [](char*, std::size_t) { return 0; }) == 0);
    }
  }
}

TEST_CASE("what the pool refuses to a printed text is refused by its size", "[format]") {
  pool_type pool({.limit_bytes = 0});
  fast_buffer out(pool);
  const auto print = [](char* to, std::size_t room) {
    return fmt::format_to_n(to, room, "{:z>400}", "").size;
  };
  CHECK_THROWS_AS(tarn::append_printed(out, print), tarn::pool_exhausted);
  CHECK(tarn::append_printed(out, [](char*, std::size_t) { return 0; }) == 0);
  CHECK(out.empty());
}

TEST_CASE("fmt prints snapshots as tables", "[format]") {
  pool_type pool({.name = "frames"});
  const auto b = pool.get(100);
  const auto s = pool.snapshot();
  CHECK(fmt::format("<{}>", s) == "<" + tarn::to_string(s) + ">");
  CHECK(fmt::format("{0}{0}", s) == tarn::to_string(s) + tarn::to_string(s));
  CHECK_THROWS_AS(fmt::format(fmt::runtime("{:x}"), s), fmt::format_error);
}
