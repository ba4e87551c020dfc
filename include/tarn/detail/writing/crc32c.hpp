// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The cyclic redundancy check of Castagnoli's polynomial, as in iSCSI and Kafka.
///
/// Source: "slicing by 8", Kounavis & Berry, 2005: eight bytes with eight look-ups that do not wait
/// for each other.
class crc32c {
 public:
  constexpr void update(std::span<const std::byte> bytes) noexcept {
    std::uint32_t state = state_;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
      state = look_up(7, byte_of(state, 0) ^ at[0]) ^ look_up(6, byte_of(state, 1) ^ at[1]) ^
              look_up(5, byte_of(state, 2) ^ at[2]) ^ look_up(4, byte_of(state, 3) ^ at[3]) ^
              look_up(3, at[4]) ^ look_up(2, at[5]) ^ look_up(1, at[6]) ^ look_up(0, at[7]);
    }
    for (; left != 0; --left, ++at)
      state = (state >> 8) ^ look_up(0, byte_of(state, 0) ^ *at);
    state_ = state;
  }
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return ~state_; }

 private:
  using table = std::array<std::uint32_t, 256>;

  [[nodiscard]] static constexpr std::array<table, 8> make_tables() noexcept {
    std::array<table, 8> made{};
    for (std::uint32_t i = 0; i != 256; ++i) {
      std::uint32_t rest = i;
      for (int bit = 0; bit != 8; ++bit)
        rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f6'3b78 : 0);
      made[0][i] = rest;
    }
    for (std::size_t t = 1; t != 8; ++t) {
      for (std::size_t i = 0; i != 256; ++i)
        made[t][i] = (made[t - 1][i] >> 8) ^ made[0][made[t - 1][i] & 0xff];
    }
    return made;
  }
  static const std::array<table, 8> tables;

  [[nodiscard]] static constexpr std::uint32_t look_up(std::size_t t, std::byte b) noexcept;
  [[nodiscard]] static constexpr std::byte byte_of(std::uint32_t word, int number) noexcept {
    return static_cast<std::byte>(word >> (8 * number));
  }

  std::uint32_t state_ = ~std::uint32_t{0};
};

inline constexpr std::array<crc32c::table, 8> crc32c::tables = crc32c::make_tables();

constexpr std::uint32_t crc32c::look_up(std::size_t t, std::byte b) noexcept {
  return tables[t][std::to_integer<std::size_t>(b)];
}

}  // namespace tarn::detail
