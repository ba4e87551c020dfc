// SPDX-License-Identifier: MIT
//
// Formatted text straight into a fast_buffer.
//
//   tarn::append_printed(out, [&](char* to, std::size_t room) {
//     return fmt::format_to_n(to, room, "{} {}\n", method, path).size;
//   });
//
// The same with std::format_to_n, or with std::snprintf, whose result is a size as it is. Shorter,
// and a fifth slower: fmt::format_to(std::back_inserter(out), "{} {}\n", method, path).

#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// Appends what `print` prints into the room that a fast_buffer has; what is too long for it is
/// printed again when there is enough.
///
/// `print(to, room)` writes at most `room` characters and returns the size of the whole text. It
/// must print the same twice: what it shows of `out` itself it asks `out` for each time. A negative
/// result, an error of snprintf, appends nothing.
///
/// Returns: the size. Throws: as the buffer's `prepare` and as `print`; nothing is appended then.
template <class Buffer, class Print>
  requires std::integral<std::invoke_result_t<Print&, char*, std::size_t>>
std::size_t append_printed(Buffer& out, Print&& print) {
  const auto print_into = [&](std::span<std::byte> to) {
    const auto size = print(reinterpret_cast<char*>(to.data()), to.size());
    return size < 0 ? std::size_t{0} : static_cast<std::size_t>(size);
  };
  if (out.room() == 0) out.reserve(out.size() + 1);  // the room of a whole tier comes with it
  auto to = out.prepare(out.room());
  auto size = print_into(to);
  if (size >= to.size()) {  // one more, for the zero of snprintf
    to = out.prepare(size + 1);
    size = print_into(to);
  }
  out.commit(size);
  return size;
}

}  // namespace tarn
