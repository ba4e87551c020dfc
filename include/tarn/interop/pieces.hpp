// SPDX-License-Identifier: MIT
//
// Bytes that lie in one piece or in several, as the other headers here read them.
//
//   for (tarn::piece_cursor at(chain); !at.done(); at.skip(at.front().size()))
//     consume(at.front());                     // a span

#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <span>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// Bytes in one piece: a span, string, vector or array of elements of one byte, and every buffer.
template <class T>
concept contiguous_bytes =
    std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T> &&
    sizeof(std::ranges::range_value_t<const T>) == 1;

/// Bytes in several pieces: a chain, or any range of what is `contiguous_bytes` and not a temporary
/// owner of them.
template <class T>
concept byte_pieces =
    std::ranges::forward_range<const T> && contiguous_bytes<std::ranges::range_value_t<const T>> &&
    (std::is_lvalue_reference_v<std::ranges::range_reference_t<const T>> ||
     std::ranges::borrowed_range<std::ranges::range_value_t<const T>>);

/// The bytes of anything contiguous. They stay where they are.
template <contiguous_bytes T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T& piece) noexcept {
  return std::as_bytes(std::span(std::ranges::data(piece), std::ranges::size(piece)));
}

/// A place between two bytes of one or several pieces. Empty pieces are passed over.
///
/// It refers to the bytes and the pieces, which must stay as they are; what shows bytes in one
/// piece, such as a span, may go. Thread safety: as an `int`.
template <class Bytes>
  requires contiguous_bytes<Bytes> || byte_pieces<Bytes>
class piece_cursor {
  // One piece has none behind it.
  using pieces = std::conditional_t<byte_pieces<Bytes>, const Bytes,
                                    std::span<const std::span<const std::byte>>>;

 public:
  explicit piece_cursor(const Bytes& bytes) {
    if constexpr (contiguous_bytes<Bytes>) {
      front_ = bytes_of(bytes);
    } else {
      next_ = std::ranges::begin(bytes);
      end_ = std::ranges::end(bytes);
      skip(0);
    }
  }

  [[nodiscard]] bool done() const noexcept { return front_.empty(); }
  /// The bytes from here to the end of this piece; none at the end.
  [[nodiscard]] std::span<const std::byte> front() const noexcept { return front_; }
  /// Goes `n` bytes on, or to the end. Returns: how many bytes there were to pass.
  /// Complexity: O(pieces on the way).
  std::size_t skip(std::size_t n) {
    std::size_t left = n;
    while (left >= front_.size()) {
      left -= front_.size();
      front_ = {};
      if (next_ == end_) return n - left;
      front_ = bytes_of(*next_);
      ++next_;
    }
    front_ = front_.subspan(left);
    return n;
  }

 private:
  std::span<const std::byte> front_;  // empty only at the end
  std::ranges::iterator_t<pieces> next_{};
  std::ranges::sentinel_t<pieces> end_{};
};

}  // namespace tarn
