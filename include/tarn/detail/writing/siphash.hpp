// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// A hash with a key, which takes its bytes in pieces of any size. Without the key an attacker
/// can't make many inputs with the same hash.
///
/// Source: SipHash-1-3, Aumasson & Bernstein, 2012, with the rounds that Rust's maps use.
class siphash {
 public:
  siphash(std::uint64_t k0, std::uint64_t k1) noexcept
      : v_{k0 ^ 0x736f'6d65'7073'6575, k1 ^ 0x646f'7261'6e64'6f6d, k0 ^ 0x6c79'6765'6e65'7261,
           k1 ^ 0x7465'6462'7974'6573} {}

  void update(std::span<const std::byte> bytes) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    if (const auto held = cast_to<std::size_t>(total_ % word_bytes); held != 0) {
      const auto n = min_of(left, word_bytes - held);
      copy_in(held, at, n);
      at += n;
      left -= n;
      total_ += n;
      if (held + n != word_bytes) return;
      take(word_of(rest_));
    }
    total_ += left;
    for (; left >= word_bytes; left -= word_bytes, at += word_bytes)
      take(word_of(at));
    copy_in(0, at, left);
  }
  /// Returns: the hash of all bytes until now.
  [[nodiscard]] std::uint64_t value() const noexcept {
    siphash end = *this;
    const auto held = cast_to<std::size_t>(total_ % word_bytes);
    zero_memory(end.rest_ + held, word_bytes - held);
    end.take(word_of(end.rest_) ^ total_ << 56);
    end.v_[2] ^= 0xff;
    for (int i = 0; i != 3; ++i)
      end.mix();
    return end.v_[0] ^ end.v_[1] ^ end.v_[2] ^ end.v_[3];
  }

 private:
  static constexpr std::size_t word_bytes = 8;

  /// Lowest byte first, as the source has it: the same hash on all systems.
  [[nodiscard]] static std::uint64_t word_of(const std::byte* bytes) noexcept {
    std::uint64_t word;
    copy_memory(&word, bytes, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
      std::uint64_t turned = 0;
      for (std::size_t i = 0; i != word_bytes; ++i, word >>= 8)
        turned = turned << 8 | (word & 0xff);
      word = turned;
    }
    return word;
  }
  void copy_in(std::size_t held, const std::byte* from, std::size_t n) noexcept {
    if (n != 0) copy_memory(rest_ + held, from, n);
  }
  void take(std::uint64_t word) noexcept {
    v_[3] ^= word;
    mix();
    v_[0] ^= word;
  }
  void mix() noexcept {
    v_[0] += v_[1];
    v_[1] = std::rotl(v_[1], 13) ^ v_[0];
    v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[3];
    v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] += v_[3];
    v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] += v_[1];
    v_[1] = std::rotl(v_[1], 17) ^ v_[2];
    v_[2] = std::rotl(v_[2], 32);
  }

  std::uint64_t v_[4];
  std::uint64_t total_ = 0;
  std::byte rest_[word_bytes]{};  // the bytes behind the last whole word
};

}  // namespace tarn::detail
