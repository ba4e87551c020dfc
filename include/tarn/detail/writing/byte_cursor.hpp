// SPDX-License-Identifier: MIT
#pragma once

// Positions in bytes of one or several pieces, for a reader.

#include <cstddef>
#include <span>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// A position in bytes of one piece. The preconditions of all members are those of a subspan.
class span_cursor {
 public:
  using part_type = std::span<const std::byte>;

  constexpr explicit span_cursor(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] constexpr std::size_t left() const noexcept { return rest_.size(); }
  void skip(std::size_t n) noexcept { rest_ = rest_.subspan(n); }
  void copy_to(std::byte* to, std::size_t n) const noexcept {
    if (n != 0) copy_memory(to, rest_.data(), n);
  }
  /// Returns: the next `n` bytes in one piece; they are in `room` if they were not.
  [[nodiscard]] const std::byte* look(std::size_t, std::byte*) const noexcept {
    return rest_.data();
  }
  [[nodiscard]] part_type part(std::size_t n) const noexcept { return rest_.first(n); }

 private:
  std::span<const std::byte> rest_;
};

/// A position in the pieces of a chain.
template <class Chain>
class chain_cursor {
 public:
  using part_type = Chain;

  explicit chain_cursor(const Chain& bytes) noexcept
      : chain_(&bytes), piece_(bytes.begin()), left_(bytes.size()) {}

  [[nodiscard]] std::size_t left() const noexcept { return left_; }
  /// Complexity: O(skipped pieces).
  void skip(std::size_t n) noexcept {
    left_ -= n;
    inside_ += n;
    while (inside_ != 0 && inside_ >= piece_->size()) {
      inside_ -= piece_->size();
      ++piece_;
    }
  }
  void copy_to(std::byte* to, std::size_t n) const noexcept {
    auto piece = piece_;
    for (auto inside = inside_; n != 0; ++piece, inside = 0) {
      const auto taken = min_of(n, piece->size() - inside);
      copy_memory(to, piece->data() + inside, taken);
      to += taken;
      n -= taken;
    }
  }
  [[nodiscard]] const std::byte* look(std::size_t n, std::byte* room) const noexcept {
    if (n != 0 && n <= piece_->size() - inside_) return piece_->data() + inside_;
    copy_to(room, n);
    return room;
  }
  [[nodiscard]] part_type part(std::size_t n) const {
    return chain_->slice_from(piece_, inside_, n);
  }

 private:
  const Chain* chain_;
  typename Chain::iterator piece_;
  std::size_t inside_ = 0;  // bytes of the piece that are behind this position
  std::size_t left_;
};

}  // namespace tarn::detail
