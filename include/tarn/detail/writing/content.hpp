// SPDX-License-Identifier: MIT
#pragma once

// Comparison of bytes by content, however they are cut into pieces.

#include <compare>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// True for the products that are compared and hashed by their bytes. Each says so itself.
template <class T>
inline constexpr bool has_content = false;
template <class T>
concept content = has_content<T>;
/// What content is compared with: content of any product, text, and bytes.
template <class T>
concept content_or_view = content<T> || std::convertible_to<const T&, std::string_view> ||
                          std::convertible_to<const T&, std::span<const std::byte>>;

/// Bytes in one piece, as a range of pieces.
struct one_piece {
  std::span<const std::byte> bytes;
  [[nodiscard]] std::size_t size() const noexcept { return bytes.size(); }
  [[nodiscard]] const std::span<const std::byte>* begin() const noexcept { return &bytes; }
  [[nodiscard]] const std::span<const std::byte>* end() const noexcept { return &bytes + 1; }
};
template <content_or_view T>
[[nodiscard]] decltype(auto) pieces_of(const T& value) noexcept {
  if constexpr (content<T> && !requires { value.bytes(); }) {
    return (value);  // a range of pieces, with a total size
  } else if constexpr (content<T>) {
    return one_piece{value.bytes()};
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return one_piece{std::as_bytes(std::span(static_cast<std::string_view>(value)))};
  } else {
    return one_piece{static_cast<std::span<const std::byte>>(value)};
  }
}

/// Returns: the order of the first bytes that differ; else the shorter one comes first.
template <class A, class B>
[[nodiscard]] std::strong_ordering compare_pieces(const A& a, const B& b) noexcept {
  auto i = a.begin();
  auto j = b.begin();
  std::size_t of_i = 0;  // bytes of the piece that were compared
  std::size_t of_j = 0;
  while (i != a.end() && j != b.end()) {
    const auto n = min_of(i->size() - of_i, j->size() - of_j);
    const int order = n == 0 ? 0 : order_of_memory(i->data() + of_i, j->data() + of_j, n);
    if (order != 0) return order <=> 0;
    of_i += n;
    of_j += n;
    if (of_i == i->size()) ++i, of_i = 0;
    if (j->size() == of_j) ++j, of_j = 0;
  }
  return a.size() <=> b.size();  // all bytes of the shorter one are the same
}

}  // namespace tarn::detail

namespace tarn {

/// Compares bytes, not references: buffers, shared buffers, fast buffers and chains of any policies
/// with each other, with text and with bytes. How chains are cut makes no difference.
/// Complexity: O(bytes + pieces); O(1) if the sizes differ.
template <detail::content A, detail::content_or_view B>
[[nodiscard]] bool operator==(const A& a, const B& b) noexcept {
  const auto& of_a = detail::pieces_of(a);
  const auto& of_b = detail::pieces_of(b);
  return of_a.size() == of_b.size() && std::is_eq(detail::compare_pieces(of_a, of_b));
}
/// Orders as `std::string_view`: by the first byte that differs, else by size.
template <detail::content A, detail::content_or_view B>
[[nodiscard]] std::strong_ordering operator<=>(const A& a, const B& b) noexcept {
  return detail::compare_pieces(detail::pieces_of(a), detail::pieces_of(b));
}

}  // namespace tarn
