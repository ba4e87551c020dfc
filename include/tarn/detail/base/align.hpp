// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Alignment of every block below 64 bytes: what `operator new` promises on common systems.
inline constexpr std::size_t small_alignment = 16;
/// Alignment of every block of 64 bytes and more: one cache line of every common processor.
inline constexpr std::size_t line_alignment = 64;
/// Distance that keeps two hot objects apart: adjacent-line prefetchers pull pairs of lines.
inline constexpr std::size_t no_sharing_alignment = 128;
/// Largest size that can be requested; anything above overflows pointer differences.
inline constexpr std::size_t max_size = static_cast<std::size_t>(PTRDIFF_MAX);

/// Preconditions: `alignment` is a power of two; the result does not overflow.
[[nodiscard]] constexpr std::size_t align_up(std::size_t n, std::size_t alignment) noexcept {
  return (n + alignment - 1) & ~(alignment - 1);
}

/// The distance between blocks of `size` bytes: keeps 16-byte alignment below 64 bytes and
/// cache-line alignment from there on. Preconditions: `1 <= size <= 2^40`.
[[nodiscard]] constexpr std::size_t stride_for(std::size_t size) noexcept {
  return align_up(size, size < line_alignment ? small_alignment : line_alignment);
}

/// A `static_cast` to a type that differs from `From` only on some systems. Where both are the
/// same, a plain `static_cast` makes `-Wuseless-cast` complain in every program.
template <class To, class From>
[[nodiscard]] constexpr To cast_to(From value) noexcept {
  return static_cast<To>(value);
}

// These three stand here because <algorithm> is a third of a megabyte of text.
template <class T>
[[nodiscard]] constexpr T min_of(T a, T b) noexcept {
  return b < a ? b : a;
}
template <class T>
[[nodiscard]] constexpr T max_of(T a, T b) noexcept {
  return a < b ? b : a;
}
template <class T>
[[nodiscard]] constexpr T clamp_to(T n, T least, T most) noexcept {
  return min_of(max_of(n, least), most);
}

/// The largest power of two that divides `n`: what blocks `n` bytes apart are aligned to.
[[nodiscard]] constexpr std::size_t lowest_bit(std::size_t n) noexcept { return n & (~n + 1); }

}  // namespace tarn::detail
