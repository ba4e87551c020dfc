// SPDX-License-Identifier: MIT
//
// byte_reader: reads what the append functions of a fast_buffer wrote, from front to end.
//
//   tarn::byte_reader in(received.bytes());         // or tarn::chain_reader in(chain)
//   const auto id = in.read_be<std::uint32_t>();
//   const auto name = in.read_prefixed<std::string_view>(255);  // a length, and so many bytes
//   if (auto more = in.try_read_varint()) use(*more);           // no exception
//   received.remove_prefix(in.position());
//
// The bytes may come from anywhere: no read goes past their end, and no length that they tell makes
// the reader allocate or wait.

#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <tarn/detail/writing/byte_cursor.hpp>
#include <tarn/detail/writing/wire.hpp>
#include <tarn/fwd.hpp>
#include <tarn/value/decode_error.hpp>

namespace tarn {

namespace detail {
template <class Chain>
struct reader_parts {
  using source = Chain;
  using cursor = chain_cursor<Chain>;
};
template <>
struct reader_parts<void> {
  using source = std::span<const std::byte>;
  using cursor = span_cursor;
};
}  // namespace detail

/// A position in bytes that another object owns: a span, or a chain (include chain.hpp).
///
/// A read that fails throws `decode_error`, whose text names position, wanted and left, or returns
/// an empty result if its name begins with `try_`. The position is unchanged then. `result` tells
/// what the last failure was: bytes are missing (`truncated`), so more of them may help, or no
/// number of bytes would help.
///
/// A copy is another position in the same bytes: read ahead on it.
/// Preconditions: the bytes stay, and a chain is unchanged, as long as the reader is used.
/// Complexity: O(bytes read), and O(pieces passed) in a chain. Thread safety: as an `int`.
template <class Chain>
class basic_byte_reader {
  using cursor_type = typename detail::reader_parts<Chain>::cursor;
  static constexpr bool is_contiguous = std::is_void_v<Chain>;
  template <class Form>
  static constexpr bool is_form = std::same_as<Form, typename cursor_type::part_type> ||
                                  (is_contiguous && std::same_as<Form, std::string_view>);

 public:
  /// What it reads: a span of bytes, or a chain.
  using source_type = typename detail::reader_parts<Chain>::source;
  /// What `read` returns of these bytes: a span of them, or a chain that shares them.
  using part_type = typename cursor_type::part_type;

  explicit basic_byte_reader(const source_type& bytes) noexcept
      : cursor_(bytes), size_(bytes.size()) {}
  // A template, since clang 14 instantiates a member whose constraint does not hold.
  template <std::convertible_to<std::string_view> Text>
    requires is_contiguous
  explicit basic_byte_reader(const Text& text) noexcept
      : basic_byte_reader(std::as_bytes(std::span(static_cast<std::string_view>(text)))) {}
  explicit basic_byte_reader(const source_type&&)
    requires(!is_contiguous)
  = delete;  // it refers to the chain

  /// The number of bytes that were read.
  [[nodiscard]] std::size_t position() const noexcept { return size_ - left(); }
  [[nodiscard]] std::size_t left() const noexcept { return cursor_.left(); }
  [[nodiscard]] bool empty() const noexcept { return left() == 0; }
  /// The last failure; no fault if no read failed. Of `truncated`, the value is what was wanted
  /// from the offset on, and the limit what was left there.
  [[nodiscard]] const decode_result& result() const noexcept { return result_; }

  /// Reads an integer, float or double, lowest byte first. The opposite of `append_le`.
  template <detail::wire_number T>
  [[nodiscard]] T read_le() {
    return value_of(try_read_le<T>());
  }
  template <detail::wire_number T>
  [[nodiscard]] std::optional<T> try_read_le() noexcept {
    return try_number<std::endian::little, T>();
  }
  /// The same, highest byte first. The opposite of `append_be`.
  template <detail::wire_number T>
  [[nodiscard]] T read_be() {
    return value_of(try_read_be<T>());
  }
  template <detail::wire_number T>
  [[nodiscard]] std::optional<T> try_read_be() noexcept {
    return try_number<std::endian::big, T>();
  }
  [[nodiscard]] std::byte read_byte() { return value_of(try_read_byte()); }
  [[nodiscard]] std::optional<std::byte> try_read_byte() noexcept {
    const auto read = try_read_be<std::uint8_t>();
    return read ? std::optional(static_cast<std::byte>(*read)) : std::nullopt;
  }
  /// Reads a varint. The opposite of `append_varint`. A number above 64 bits is an `overflow`.
  [[nodiscard]] std::uint64_t read_varint() { return value_of(try_read_varint()); }
  [[nodiscard]] std::optional<std::uint64_t> try_read_varint() noexcept {
    std::uint64_t value = 0;
    const auto size = look_at_varint(value);
    if (size == 0) return std::nullopt;
    cursor_.skip(size);
    return value;
  }
  /// Reads a zigzag varint. The opposite of `append_zigzag`.
  [[nodiscard]] std::int64_t read_zigzag() { return value_of(try_read_zigzag()); }
  [[nodiscard]] std::optional<std::int64_t> try_read_zigzag() noexcept {
    const auto read = try_read_varint();
    return read ? std::optional(detail::from_zigzag(*read)) : std::nullopt;
  }

  /// Reads `n` bytes, without a copy. `Form`: `part_type`; of bytes in one piece also
  /// `std::string_view`. Throws: `decode_error`; of a chain also `std::bad_alloc`.
  template <class Form = part_type>
    requires is_form<Form>
  [[nodiscard]] Form read(std::size_t n) {
    return value_of(try_read<Form>(n));
  }
  template <class Form = part_type>
    requires is_form<Form>
  [[nodiscard]] std::optional<Form> try_read(std::size_t n) noexcept(is_contiguous) {
    if (!has(n)) return std::nullopt;
    return take<Form>(n);
  }
  /// Reads a number of bytes as a varint, and so many bytes. The opposite of `append_prefixed`.
  ///
  /// A number above `limit` is an error at once (`above_limit`), not when so many bytes are there:
  /// give a limit if you wait for more bytes when some are missing. Throws: as `read`.
  template <class Form = part_type>
    requires is_form<Form>
  [[nodiscard]] Form read_prefixed(std::size_t limit = SIZE_MAX) {
    return value_of(try_read_prefixed<Form>(limit));
  }
  template <class Form = part_type>
    requires is_form<Form>
  [[nodiscard]] std::optional<Form> try_read_prefixed(std::size_t limit = SIZE_MAX) noexcept(
      is_contiguous) {
    std::uint64_t n = 0;
    const auto prefix = look_at_varint(n);
    if (prefix == 0) return std::nullopt;
    if (n > limit) return fail(decode_fault::above_limit, n, limit), std::nullopt;
    if (n > left() - prefix) {
      const auto wanted = n > UINT64_MAX - prefix ? n : n + prefix;
      return fail(decode_fault::truncated, wanted, left()), std::nullopt;
    }
    auto ahead = *this;
    ahead.cursor_.skip(prefix);
    std::optional<Form> read(ahead.template take<Form>(detail::cast_to<std::size_t>(n)));
    cursor_ = ahead.cursor_;
    return read;
  }
  /// Reads all bytes that are left. Throws: of a chain `std::bad_alloc`.
  template <class Form = part_type>
    requires is_form<Form>
  [[nodiscard]] Form rest() noexcept(is_contiguous) {
    return take<Form>(left());
  }

  /// Copies the next bytes to `to`, as many as fit there.
  void read_to(std::span<std::byte> to) {
    if (!try_read_to(to)) fail_here();
  }
  /// Returns: false if so many are not left; `to` is unchanged then.
  [[nodiscard]] bool try_read_to(std::span<std::byte> to) noexcept {
    if (!has(to.size())) return false;
    cursor_.copy_to(to.data(), to.size());
    cursor_.skip(to.size());
    return true;
  }
  void skip(std::size_t n) {
    if (!try_skip(n)) fail_here();
  }
  [[nodiscard]] bool try_skip(std::size_t n) noexcept {
    if (!has(n)) return false;
    cursor_.skip(n);
    return true;
  }

 private:
  template <std::endian Order, class T>
  [[nodiscard]] std::optional<T> try_number() noexcept {
    if (!has(sizeof(T))) return std::nullopt;
    std::byte room[sizeof(T)];
    const T value = detail::number_of<Order, T>(cursor_.look(sizeof(T), room));
    cursor_.skip(sizeof(T));
    return value;
  }
  /// Decodes a varint and stays where it is. Returns: its bytes; 0 if that failed.
  [[nodiscard]] std::size_t look_at_varint(std::uint64_t& into) noexcept {
    std::byte room[detail::varint::max_bytes];
    const auto n = detail::min_of(left(), detail::varint::max_bytes);
    const auto found = detail::read_varint(cursor_.look(n, room), n);
    into = found.value;
    if (found.excess != 0) fail(decode_fault::overflow, found.excess, 1);
    if (found.size == 0 && found.excess == 0) fail(decode_fault::truncated, n + 1, n);
    return found.size;
  }
  template <class Form>
  [[nodiscard]] Form take(std::size_t n) noexcept(is_contiguous) {
    auto part = cursor_.part(n);
    cursor_.skip(n);
    if constexpr (std::same_as<Form, part_type>) {
      return part;
    } else {
      return {reinterpret_cast<const char*>(part.data()), part.size()};
    }
  }

  [[nodiscard]] bool has(std::size_t n) noexcept {
    if (n <= left()) [[likely]]
      return true;
    fail(decode_fault::truncated, n, left());
    return false;
  }
  TARN_COLD void fail(decode_fault fault, std::uint64_t value, std::uint64_t limit) noexcept {
    const auto shown = [](std::uint64_t number) {
      return static_cast<std::int64_t>(detail::min_of(number, std::uint64_t{INT64_MAX}));
    };
    result_ = {fault, position(), shown(value), shown(limit)};
  }
  template <class T>
  [[nodiscard]] T value_of(std::optional<T>&& read) const {
    if (!read) [[unlikely]]
      fail_here();
    return *std::move(read);
  }
  [[noreturn]] TARN_COLD void fail_here() const {
    if (result_.fault != decode_fault::truncated) throw decode_error(result_);
    throw decode_error(result_, "tarn: reading " + std::to_string(result_.value) +
                                    " bytes at byte " + std::to_string(result_.offset) + ": only " +
                                    std::to_string(result_.limit) + " are left");
  }

  cursor_type cursor_;
  std::size_t size_;
  decode_result result_;
};

/// `tarn::basic_byte_reader in(c)` reads a chain of any policies.
template <class Lock, class Stats, class Traits>
basic_byte_reader(const basic_chain<Lock, Stats, Traits>&)
    -> basic_byte_reader<basic_chain<Lock, Stats, Traits>>;
basic_byte_reader(std::span<const std::byte>) -> basic_byte_reader<>;

}  // namespace tarn
