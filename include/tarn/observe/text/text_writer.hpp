// SPDX-License-Identifier: MIT
//
// Writes numbers and text in the formats of the exporters, to any output iterator.

#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// A number of a snapshot: an integer, a real, or nanoseconds that are written as seconds.
class metric_number {
 public:
  constexpr metric_number(std::uint64_t whole) noexcept
      : whole_(whole) {}  // implicit: fields are numbers
  constexpr metric_number(double real) noexcept : real_(real), kind_(kind::real) {}
  [[nodiscard]] static constexpr metric_number of_nanoseconds(std::int64_t n) noexcept {
    metric_number made(static_cast<std::uint64_t>(n));
    made.kind_ = kind::nanoseconds;
    return made;
  }
  /// A bound. The largest number means that there is no bound.
  [[nodiscard]] static constexpr metric_number of_bound(std::uint64_t bound) noexcept {
    return bound == ~std::uint64_t{0} ? metric_number(static_cast<double>(INFINITY))
                                      : metric_number(bound);
  }

  [[nodiscard]] constexpr bool is_whole() const noexcept { return kind_ == kind::whole; }
  [[nodiscard]] constexpr bool is_time() const noexcept { return kind_ == kind::nanoseconds; }
  [[nodiscard]] constexpr std::uint64_t whole() const noexcept { return whole_; }
  [[nodiscard]] constexpr std::int64_t nanoseconds() const noexcept {
    return static_cast<std::int64_t>(whole_);
  }
  [[nodiscard]] constexpr double real() const noexcept {
    if (kind_ == kind::whole) return static_cast<double>(whole_);
    if (kind_ == kind::nanoseconds) return static_cast<double>(nanoseconds()) / 1e9;
    return real_;
  }

 private:
  enum class kind : unsigned char { whole, real, nanoseconds };
  std::uint64_t whole_ = 0;
  double real_ = 0;
  kind kind_ = kind::whole;
};

/// Takes the first character off `text`. Returns: its bytes; empty if they are not UTF-8, and then
/// it takes one byte.
[[nodiscard]] constexpr std::string_view take_character(std::string_view& text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  std::size_t size = 1;
  unsigned char low = 0x80;  // of the second byte: no overlong forms, no surrogates, no 0x110000
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    size = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  bool good = size <= text.size() && (first < 0x80 || size > 1);
  for (std::size_t i = 1; good && i != size; ++i) {
    good = byte(i) >= (i == 1 ? low : 0x80) && byte(i) <= (i == 1 ? high : 0xBF);
  }
  const auto taken = good ? text.substr(0, size) : std::string_view{};
  text.remove_prefix(good ? size : 1);
  return taken;
}

/// Writes text and numbers, independent of the program's locale.
template <std::output_iterator<const char&> Out>
class text_writer {
 public:
  explicit text_writer(Out out) : out_(std::move(out)) {}
  [[nodiscard]] Out out() && { return std::move(out_); }

  void put(char c) {
    *out_ = c;
    ++out_;
  }
  void put(std::string_view text) {
    for (const char c : text)
      put(c);
  }
  template <class... Parts>
    requires(sizeof...(Parts) > 1)
  void put(const Parts&... parts) {
    (put(parts), ...);
  }
  template <std::integral Int>
    requires(!std::same_as<Int, char> && !std::same_as<Int, bool>)
  void put(Int n) {
    char digits[24];
    put(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, n).ptr));
  }

  /// Writes the shortest text that is read back as the same number.
  void put_real(double n) {
    if ((std::isnan)(n)) return put(std::string_view("NaN"));
    if ((std::isinf)(n)) return put(std::string_view(n < 0 ? "-Inf" : "+Inf"));
    char digits[32];
    put(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, n).ptr));
  }
  /// Writes nanoseconds as seconds with all digits: a double has too few for a date.
  void put_seconds(std::int64_t nanoseconds) {
    constexpr std::uint64_t second = 1'000'000'000;
    auto n = static_cast<std::uint64_t>(nanoseconds);
    if (nanoseconds < 0) {
      put('-');
      n = 0 - n;
    }
    put(n / second);
    if (n % second == 0) return;
    char digits[10];
    std::to_chars(digits, digits + sizeof digits, n % second + second);  // a 1 keeps the zeros
    std::size_t size = 10;
    while (digits[size - 1] == '0')
      --size;
    put('.');
    put(std::string_view(digits + 1, size - 1));
  }
  void put_number(const metric_number& n) {
    if (n.is_whole()) return put(n.whole());
    if (n.is_time()) return put_seconds(n.nanoseconds());
    put_real(n.real());
  }
  /// Writes a number as Go prints it, with `.0` after an integer: the form of the label `le`.
  void put_canonical(double n) {
    if (!(std::isfinite)(n)) return put_real(n);
    const auto size = n < 0 ? -n : n;
    const bool is_short = size == 0 || (size >= 1e-4 && size < 1e6);
    char digits[40];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, n,
                      is_short ? std::chars_format::fixed : std::chars_format::scientific)
            .ptr;
    const std::string_view text(digits, end);
    put(text);
    if (text.find_first_of(".e") == text.npos) put(std::string_view(".0"));
  }

  /// Writes text with a backslash before each of `escaped`, and `\n` for a line end. Bytes that are
  /// not UTF-8 become U+FFFD, since a reader would refuse the whole text.
  void put_escaped(std::string_view text, std::string_view escaped) {
    while (!text.empty()) {
      const auto character = take_character(text);
      if (character.empty()) {
        put(replacement);
      } else if (character == "\n") {
        put(std::string_view("\\n"));
      } else {
        if (character.size() == 1 && escaped.find(character[0]) != escaped.npos) put('\\');
        put(character);
      }
    }
  }
  /// Writes a string of JSON. `<`, `>` and `&` are escaped too, so that HTML may contain it.
  void put_json(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    put('"');
    while (!text.empty()) {
      const auto character = take_character(text);
      const auto first = character.empty() ? '\0' : character[0];
      if (character.empty()) {
        put(replacement);
      } else if (first == '"' || first == '\\') {
        put('\\', first);
      } else if (first == '\n') {
        put(std::string_view("\\n"));
      } else if (first == '\t') {
        put(std::string_view("\\t"));
      } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7F || first == '<' ||
                 first == '>' || first == '&') {
        const auto code = static_cast<unsigned char>(first);
        put(std::string_view("\\u00"), hex[code >> 4], hex[code & 15]);
      } else {
        put(character);
      }
    }
    put('"');
  }
  /// Writes a value of JSON, which has no text for infinity and NaN.
  void put_json(const metric_number& n) {
    if ((std::isfinite)(n.real())) return put_number(n);
    put(std::string_view("null"));
  }

 private:
  static constexpr std::string_view replacement = "\xEF\xBF\xBD";

  Out out_;
};

}  // namespace tarn::detail
