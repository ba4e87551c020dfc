// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <climits>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Integers that have a form on the wire: all types but bool.
template <class T>
concept wire_integer = std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool>;

/// Floating-point numbers that have one: those of IEEE 754 with 32 and 64 bits.
template <class T>
concept wire_float =
    (std::same_as<T, float> || std::same_as<T, double>) && std::numeric_limits<T>::is_iec559;
template <class T>
concept wire_number = wire_integer<T> || wire_float<T>;

/// The bits of a number.
template <wire_number T>
[[nodiscard]] constexpr auto bits_of(T value) noexcept {
  if constexpr (std::same_as<T, float>) {
    return std::bit_cast<std::uint32_t>(value);
  } else if constexpr (std::same_as<T, double>) {
    return std::bit_cast<std::uint64_t>(value);
  } else {
    return static_cast<std::make_unsigned_t<T>>(value);
  }
}

/// A number as bytes in the given order.
template <std::endian Order, class T>
struct wire_bytes {
  constexpr explicit wire_bytes(T value) noexcept {
    auto rest = bits_of(value);
    for (std::size_t i = 0; i != sizeof(T); ++i) {
      bytes[Order == std::endian::little ? i : sizeof(T) - 1 - i] = static_cast<std::byte>(rest);
      if constexpr (sizeof(T) > 1) rest = static_cast<decltype(rest)>(rest >> CHAR_BIT);
    }
  }
  std::byte bytes[sizeof(T)]{};
};

/// The number that has these bytes in the given order.
template <std::endian Order, wire_number T>
[[nodiscard]] constexpr T number_of(const std::byte* bytes) noexcept {
  using bits = decltype(bits_of(T()));
  bits made = 0;
  for (std::size_t i = 0; i != sizeof(T); ++i) {
    const auto next = bytes[Order == std::endian::big ? i : sizeof(T) - 1 - i];
    if constexpr (sizeof(T) > 1) made = static_cast<bits>(made << CHAR_BIT);
    made = static_cast<bits>(made | std::to_integer<bits>(next));
  }
  if constexpr (std::integral<T>) {
    return static_cast<T>(made);
  } else {
    return std::bit_cast<T>(made);
  }
}

/// An unsigned number in groups of seven bits, lowest first, each but the last with the eighth bit
/// set. Source: LEB128, the "varint" of many formats.
struct varint {
  static constexpr std::size_t max_bytes = 10;

  constexpr explicit varint(std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7)
      bytes[size++] = static_cast<std::byte>(value | 0x80);
    bytes[size++] = static_cast<std::byte>(value);
  }
  std::byte bytes[max_bytes]{};
  std::size_t size = 0;
};

/// What `read_varint` found.
struct varint_found {
  std::uint64_t value = 0;
  std::size_t size = 0;      // bytes of the varint; 0 if it was not read
  std::uint64_t excess = 0;  // the byte that makes it more than 64 bits; 0 if bytes are missing
};
/// Reads a varint that begins at `bytes`, of which there are `n`.
[[nodiscard]] constexpr varint_found read_varint(const std::byte* bytes, std::size_t n) noexcept {
  varint_found found;
  for (std::size_t i = 0; i != n; ++i) {
    const auto next = std::to_integer<std::uint64_t>(bytes[i]);
    // The last of the groups has one bit, and no other one follows.
    if (i + 1 == varint::max_bytes && next > 1) {
      found.excess = next;
      break;
    }
    found.value |= (next & 0x7f) << (7 * i);
    if (next >= 0x80) continue;
    found.size = i + 1;
    break;
  }
  return found;
}

/// Maps numbers near zero to small ones: 0, -1, 1, -2 ... to 0, 1, 2, 3 ...
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
/// The opposite.
[[nodiscard]] constexpr std::int64_t from_zigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace tarn::detail
