// SPDX-License-Identifier: MIT
//
// std::format into a fast_buffer. A program of its own: not every library has <format>, so CMake
// looks for a compiler that does.

#include <cstddef>
#include <format>
#include <iterator>
#include <string>

#include <tarn/fast_buffer.hpp>
#include <tarn/interop/format.hpp>

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
  return out.view() == expected ? 0 : 3;
}
