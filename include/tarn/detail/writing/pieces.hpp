// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Copies the first and the last `sizeof(Word)` bytes of a piece of at least that and at most twice
/// that size: they overlap or touch. Both are read before anything is written.
template <class Word>
TARN_FORCE_INLINE void copy_ends(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  Word first;
  Word last;
  std::memcpy(&first, from, sizeof first);
  std::memcpy(&last, from + n - sizeof last, sizeof last);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + n - sizeof last, &last, sizeof last);
}

/// Copies a piece that is probably short: up to 16 bytes without a call, since a call of memcpy
/// costs more than copying them. `from` may be null if `n` is 0.
TARN_FORCE_INLINE void copy_piece(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n > 2 * sizeof(std::uint64_t)) {
    std::memcpy(to, from, n);
  } else if (n >= sizeof(std::uint64_t)) {
    copy_ends<std::uint64_t>(to, from, n);
  } else if (n >= sizeof(std::uint32_t)) {
    copy_ends<std::uint32_t>(to, from, n);
  } else if (n >= sizeof(std::uint16_t)) {
    copy_ends<std::uint16_t>(to, from, n);
  } else if (n != 0) {
    *to = *from;
  }
}

/// `std::memmove` without a call for up to 32 bytes, the usual size of names and keys.
TARN_FORCE_INLINE void move_bytes(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  struct pair {
    std::uint64_t words[2];
  };
  if (n > 2 * sizeof(pair)) {
    std::memmove(to, from, n);
  } else if (n >= sizeof(pair)) {
    copy_ends<pair>(to, from, n);
  } else {
    copy_piece(to, from, n);
  }
}

/// Copies `n` bytes; both pointers may be null if `n` is 0.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n != 0) std::memcpy(to, from, n);
}

}  // namespace tarn::detail
