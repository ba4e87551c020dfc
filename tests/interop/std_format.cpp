// SPDX-License-Identifier: MIT
//
// std::format into a fast_buffer. A separate program: not every standard library has <format>, so
// CMake looks for a compiler that has it.

#include <cstddef>
#include <format>
#include <iterator>
#include <string>

#include <tarn/fast_buffer.hpp>
#include <tarn/interop/format.hpp>
#include <tarn/interop/std_format.hpp>
#include <tarn/observe/print.hpp>

int main() {
  tarn::fast_buffer out;
  std::format_to(std::back_inserter(out), "{} {:>5} {:.2f}", "GET", 42, 1.5);
  std::string expected = "GET    42 1.50";
  if (out.view() != expected) return 1;
  for (std::size_t length = 0; length != 600; ++length) {
    const std::string text(length, 'x');
    const auto size = tarn::append_printed(out, [&](char* to, std::size_t room) {
      return std::format_to_n(to, static_cast<std::ptrdiff_t>(room), "{}.", text).size;
    });
    if (size != length + 1) return 2;
    expected += text + '.';
  }
  if (out.view() != expected) return 3;

  tarn::byte_pool<> pool({.name = "frames"});
  const auto b = pool.get(100);
  const auto s = pool.snapshot();
  if (std::format("<{}>", s) != "<" + tarn::to_string(s) + ">") return 4;
  try {
    static_cast<void>(std::vformat("{:x}", std::make_format_args(s)));
    return 5;
  } catch (const std::format_error&) {
  }
  return 0;
}
