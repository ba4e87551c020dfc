// SPDX-License-Identifier: MIT
//
// append_printed: formats text directly into a fast_buffer.
//
//   tarn::append_printed(out, [&](char* to, std::size_t room) {
//     return fmt::format_to_n(to, room, "{} {}\n", method, path).size;
//   });
//
// std::format_to_n works in the same way; std::snprintf returns the size itself. This is shorter,
// and a fifth slower: fmt::format_to(std::back_inserter(out), "{} {}\n", method, path).

#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// Appends the text of `print` to the room of a fast_buffer. If the text is too long, makes room
/// and prints again.
///
/// `print(to, room)` writes at most `room` characters and returns the size of the whole text. A
/// negative result, an error of snprintf, appends nothing.
///
/// A text that snprintf prints, or that ends with a zero, needs room for one byte more.
///
/// Preconditions: `print` prints the same text twice; if it prints bytes of `out`, it reads their
///   address from `out` each time.
/// Returns: the size. Throws: as the buffer's `prepare` and as `print`; nothing is appended then.
template <class Buffer, class Print>
  requires std::integral<std::invoke_result_t<Print&, char*, std::size_t>>
std::size_t append_printed(Buffer& out, Print&& print) {
  const auto print_into = [&](std::span<std::byte> to) {
    const auto size = print(reinterpret_cast<char*>(to.data()), to.size());
    return size < 0 ? std::size_t{0} : static_cast<std::size_t>(size);
  };
  if (out.room() == 0) static_cast<void>(out.try_reserve(out.size() + 1));  // a whole tier
  auto to = out.prepare(out.room());
  auto size = print_into(to);
  // True if the whole text is in the room. Where the text just fits, snprintf has written its
  // terminating zero in place of the last character.
  const auto is_whole = [&] {
    return size < to.size() || size == 0 || (size == to.size() && to.back() != std::byte{0});
  };
  if (!is_whole()) {
    // One byte more for that zero, unless only the text fits into the buffer.
    const auto most = out.max_size() - out.size();
    to = out.prepare(size < most ? size + 1 : size);
    size = print_into(to);
    if (!is_whole()) static_cast<void>(out.prepare(size + 1));  // throws: too long with the zero
  }
  out.commit(size);
  return size;
}

}  // namespace tarn
