// SPDX-License-Identifier: MIT
//
// The parser without a server: each request in one piece, and cut at every byte.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "memory.hpp"
#include "request_parser.hpp"

namespace {

using memory = broker::pool_memory<tarn::no_lock, tarn::counting_stats, tarn::checked>;
using parser = broker::request_parser<memory::allocator<char>>;
using broker::parse_status;

int failures = 0;

void expect(bool holds, std::string_view what, std::string_view input) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "%.*s: '%.*s'\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(std::min<std::size_t>(input.size(), 80)), input.data());
}

struct outcome {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  bool operator==(const outcome&) const = default;
};

/// Parses the input as a connection does, in parts that end at the given places.
outcome parse(memory& m, std::string_view input, std::vector<std::size_t> ends) {
  outcome out;
  parser p(m.store);
  std::string held;
  std::size_t from = 0;
  ends.push_back(input.size());
  for (const auto end : ends) {
    held += input.substr(from, end - from);
    from = end;
    for (;;) {
      const auto status = p.parse(held);
      if (status == parse_status::failed) {
        out.error = p.error();
        return out;
      }
      if (status == parse_status::incomplete) break;
      if (p.count() != 0) out.requests.emplace_back();
      for (std::size_t i = 0; i != p.count(); ++i)
        out.requests.back().emplace_back(p[i]);
      held.erase(0, p.used());
      p.next();
    }
  }
  return out;
}

void check(std::string_view input, const outcome& wanted) {
  memory m;
  expect(parse(m, input, {}) == wanted, "in one piece", input);
  const auto step = std::max<std::size_t>(1, input.size() / 200);
  for (std::size_t cut = 0; cut < input.size(); cut += step)
    expect(parse(m, input, {cut}) == wanted, "cut at " + std::to_string(cut), input);
  if (input.size() > 2000) return;
  std::vector<std::size_t> each;
  for (std::size_t i = 0; i != input.size(); ++i)
    each.push_back(i);
  expect(parse(m, input, each) == wanted, "byte by byte", input);
  expect(m.store.occupancy().in_use() == 0, "memory is left", input);
}

void check_error(std::string_view input, std::string_view error) {
  check(input, {{}, std::string(error)});
}

}  // namespace

int main() {
  using namespace std::string_literals;
  check("*1\r\n$4\r\nPING\r\n", {{{"PING"}}, ""});
  check("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$2\r\n\r\n\r\n",
        {{{"SET", "k", ""}, {"\r\n"}}, ""});
  check("*0\r\n*-1\r\n\r\n*1\r\n$1\r\na\r\n", {{{"a"}}, ""});
  check("PING\r\n  echo  \"a\\x41\\n\\\"\" 'b\\'\\n' \nx\n",
        {{{"PING"}, {"echo", "aA\n\"", "b'\\n"}, {"x"}}, ""});
  check("set k \"\"\r\n", {{{"set", "k", ""}}, ""});
  check("*2\r\n$1\r\na\r\n$5\r\nabc", {});  // incomplete
  check_error("*2147483648\r\n", "invalid multibulk length");
  check_error("*1048577\r\n", "invalid multibulk length");
  check_error("*x\r\n", "invalid multibulk length");
  check_error("*01\r\n", "invalid multibulk length");
  check_error("*\r\n", "invalid multibulk length");
  check_error("*1\r\n$2147483648\r\n", "invalid bulk length");
  check_error("*1\r\n$-5\r\n", "invalid bulk length");
  check_error("*1\r\n$536870913\r\n", "invalid bulk length");
  check_error("*1\r\n$99999999999999999999\r\n", "invalid bulk length");
  check_error("*1\r\n:5\r\n", "expected '$', got ':'");
  check_error("echo \"a\r\n", "unbalanced quotes in request");
  check_error("echo 'a'b\r\n", "unbalanced quotes in request");
  check_error(std::string(65'537, 'x'), "too big inline request");
  check_error("*" + std::string(65'537, '1'), "too big mbulk count string");
  check_error("*1\r\n$" + std::string(65'537, '1'), "too big bulk count string");

  // Counts and lengths that are allowed reserve nothing before their bytes are there.
  memory m;
  expect(parse(m, "*1048576\r\n$536870912\r\n", {}) == outcome{}, "the largest", "");
  const auto seen = m.store.snapshot();
  expect(seen.total().gets == 0 && seen.large.in_use == 0, "it reserved memory", "");

  // No input may crash it.
  std::uint32_t state = 1;
  constexpr std::string_view letters = "*$\r\n0123-9ab\"'\\x \0";
  for (int round = 0; round != 20'000; ++round) {
    std::string input;
    for (int i = 0; i != 40; ++i) {
      state = state * 1'664'525 + 1'013'904'223;
      input += letters[(state >> 16) % letters.size()];
    }
    static_cast<void>(parse(m, input, {20}));
  }
  expect(m.store.occupancy().in_use() == 0, "memory is left", "random input");
  return failures == 0 ? 0 : 1;
}
