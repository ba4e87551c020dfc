// SPDX-License-Identifier: MIT
//
// Bytes in one or several pieces, as the other headers of this folder read them.
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

/// Bytes in several pieces: a chain, or a range of `contiguous_bytes` whose elements are not
/// temporary owners of their bytes.
template <class T>
concept byte_pieces =
    std::ranges::forward_range<const T> && contiguous_bytes<std::ranges::range_value_t<const T>> &&
    (std::is_lvalue_reference_v<std::ranges::range_reference_t<const T>> ||
     std::ranges::borrowed_range<std::ranges::range_value_t<const T>>);

/// Returns: the bytes of a contiguous range, without a copy.
template <contiguous_bytes T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T& piece) noexcept {
  return std::as_bytes(std::span(std::ranges::data(piece), std::ranges::size(piece)));
}

/// A position in the bytes of one or several pieces. Skips empty pieces.
///
/// Preconditions: the bytes and the pieces stay unchanged; a view of bytes in one piece, such as a
/// span, may end before. Thread safety: as an `int`.
template <class Bytes>
  requires contiguous_bytes<Bytes> || byte_pieces<Bytes>
class piece_cursor {
  // A single piece has no further pieces.
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
  /// The bytes from here to the end of this piece; empty at the end.
  [[nodiscard]] std::span<const std::byte> front() const noexcept { return front_; }
  /// Moves `n` bytes forward, or to the end. Returns: the number of skipped bytes.
  /// Complexity: O(skipped pieces).
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
