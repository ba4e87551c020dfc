// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <tarn/detail/writing/crc32c.hpp>

namespace tarn::detail {

/// Bytes of a zigzag varint.
[[nodiscard]] constexpr std::size_t zigzag_size(std::int64_t value) noexcept {
  auto rest = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  std::size_t size = 1;
  for (; rest >= 0x80; rest >>= 7)
    ++size;
  return size;
}

/// A writer that keeps nothing but the checksum.
class checksum_writer {
 public:
  void append(std::span<const std::byte> bytes) noexcept { sum_.update(bytes); }
  template <std::integral T>
  void append_be(T value) noexcept {
    std::byte bytes[sizeof(T)];
    for (std::size_t i = 0; i != sizeof(T); ++i) {
      bytes[i] =
          static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
    }
    sum_.update(bytes);
  }
  void append_zigzag(std::int64_t value) noexcept {
    auto rest = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    for (; rest >= 0x80; rest >>= 7)
      append_be(static_cast<std::uint8_t>(rest | 0x80));
    append_be(static_cast<std::uint8_t>(rest));
  }
  [[nodiscard]] std::uint32_t value() const noexcept { return sum_.value(); }

 private:
  crc32c sum_;
};

}  // namespace tarn::detail
