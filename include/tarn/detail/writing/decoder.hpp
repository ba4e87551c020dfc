// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/value/basic/decode_result.hpp>

namespace tarn::detail {

/// Reads bytes of unknown origin from front to end. Every read returns whether it succeeded; the
/// first one that fails leaves its reason in `result`.
class decoder {
 public:
  explicit decoder(std::span<const std::byte> bytes) noexcept : bytes_(bytes), end_(bytes.size()) {}

  decode_result result;

  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return end_ - at_; }

  template <std::integral T>
  [[nodiscard]] bool read_be(T& into) noexcept {
    if (left() < sizeof(T)) return fail(decode_fault::truncated, at_, left(), sizeof(T));
    std::make_unsigned_t<T> made = 0;
    for (std::size_t i = 0; i != sizeof(T); ++i) {
      made = static_cast<std::make_unsigned_t<T>>(static_cast<std::uint64_t>(made) << 8 |
                                                  std::to_integer<std::uint64_t>(bytes_[at_ + i]));
    }
    at_ += sizeof(T);
    into = static_cast<T>(made);
    return true;
  }

  /// Reads a zigzag varint that fits `T`.
  template <std::signed_integral T>
  [[nodiscard]] bool read_zigzag(T& into) noexcept {
    const auto begin = at_;
    std::uint64_t made = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at_ == end_) return fail(decode_fault::truncated, begin, end_ - begin, end_ - begin + 1);
      const auto next = std::to_integer<std::uint64_t>(bytes_[at_++]);
      if (shift == 63 && next > 1) return fail(decode_fault::overflow, begin, next, 1);
      made |= (next & 0x7f) << shift;
      if (next < 0x80) break;
    }
    const auto value = static_cast<std::int64_t>((made >> 1) ^ (~(made & 1) + 1));
    into = static_cast<T>(value);
    if (into == value) return true;
    constexpr auto most = (std::numeric_limits<T>::max)();
    return fail(decode_fault::overflow, begin, value, std::int64_t{most});
  }

  /// Reads a zigzag length or count from `least` to `most`, for things of at least `each` bytes
  /// that follow.
  [[nodiscard]] bool read_length(std::int64_t& into, std::int64_t least, std::size_t most,
                                 std::size_t each = 1) noexcept {
    const auto begin = at_;
    std::int32_t length = 0;
    return read_zigzag(length) && check_length(begin, into = length, least, most, each);
  }
  [[nodiscard]] bool check_length(std::size_t begin, std::int64_t length, std::int64_t least,
                                  std::size_t most, std::size_t each = 1) noexcept {
    if (length < least) return fail(decode_fault::out_of_range, begin, length, least);
    if (length <= 0) return true;
    if (static_cast<std::size_t>(length) > most) {
      return fail(decode_fault::above_limit, begin, length, most);
    }
    return static_cast<std::size_t>(length) <= left() / each ||
           fail(decode_fault::truncated, begin, length, left() / each);
  }

  /// Takes the next `size` bytes. Preconditions: a length was checked for them.
  [[nodiscard]] std::span<const std::byte> take(std::size_t size) noexcept {
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  /// The bytes up to the end, without taking them.
  [[nodiscard]] std::span<const std::byte> rest() const noexcept {
    return bytes_.subspan(at_, left());
  }

  /// Ends the input after the next `size` bytes. Returns: the old end, for `widen`.
  [[nodiscard]] std::size_t narrow(std::size_t size) noexcept {
    const auto old = end_;
    end_ = at_ + size;
    return old;
  }
  /// Goes back to the outer end `end`. Returns: false if bytes are left before the inner end.
  [[nodiscard]] bool widen(std::size_t end) noexcept {
    if (left() != 0) return fail(decode_fault::trailing, at_, left(), 0);
    end_ = end;
    return true;
  }

  template <std::integral Value, std::integral Limit>
  [[nodiscard]] bool fail(decode_fault fault, std::size_t offset, Value value,
                          Limit limit) noexcept {
    result = {fault, offset, static_cast<std::int64_t>(value), static_cast<std::int64_t>(limit)};
    return false;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t end_;
};

}  // namespace tarn::detail
