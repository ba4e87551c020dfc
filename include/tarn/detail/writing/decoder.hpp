// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/writing/wire.hpp>
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

  template <wire_number T>
  [[nodiscard]] bool read_be(T& into) noexcept {
    if (left() < sizeof(T)) return fail(decode_fault::truncated, at_, left(), sizeof(T));
    into = number_of<std::endian::big, T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return true;
  }

  /// Reads a zigzag varint that fits `T`.
  template <std::signed_integral T>
  [[nodiscard]] bool read_zigzag(T& into) noexcept {
    const auto begin = at_;
    const auto found = read_varint(bytes_.data() + begin, left());
    if (found.excess != 0) return fail(decode_fault::overflow, begin, found.excess, 1);
    if (found.size == 0) return fail(decode_fault::truncated, begin, left(), left() + 1);
    at_ += found.size;
    const auto value = from_zigzag(found.value);
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
