// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <climits>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Integers that have a form on the wire: all types but bool.
template <class T>
concept wire_integer = std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool>;

/// An integer as bytes in the given order.
template <std::endian Order, class T>
struct wire_bytes {
  constexpr explicit wire_bytes(T value) noexcept {
    auto rest = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i != sizeof(T); ++i) {
      bytes[Order == std::endian::little ? i : sizeof(T) - 1 - i] = static_cast<std::byte>(rest);
      if constexpr (sizeof(T) > 1) rest = static_cast<decltype(rest)>(rest >> CHAR_BIT);
    }
  }
  std::byte bytes[sizeof(T)]{};
};

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

/// Maps numbers near zero to small ones: 0, -1, 1, -2 ... to 0, 1, 2, 3 ...
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace tarn::detail
