// SPDX-License-Identifier: MIT
//
// Errors that state the facts: each text names the value and the limit that it broke.

#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

// Joins "tarn: <what> <value> <rule> <limit>", as in
// "tarn: tier size 0 must be at least 1".
template <class Value, class Limit>
[[nodiscard]] std::string limit_text(const char* what, Value value, const char* rule, Limit limit) {
  std::string text = "tarn: ";
  text += what;
  text += ' ';
  text += std::to_string(value);
  text += ' ';
  text += rule;
  text += ' ';
  text += std::to_string(limit);
  return text;
}

// Throws `std::invalid_argument`: an argument breaks a rule.
template <class Value, class Limit>
[[noreturn]] void throw_invalid(const char* what, Value value, const char* rule, Limit limit) {
  throw std::invalid_argument(limit_text(what, value, rule, limit));
}

// The same for a rule whose text names its limits.
template <class Value>
[[noreturn]] void throw_invalid(const char* what, Value value, const char* rule) {
  throw std::invalid_argument("tarn: " + std::string(what) + ' ' + std::to_string(value) + ' ' +
                              rule);
}

// Throws `std::length_error`: no block can have this size.
template <class Value, class Limit>
[[noreturn]] void throw_length(const char* what, Value value, const char* rule, Limit limit) {
  throw std::length_error(limit_text(what, value, rule, limit));
}

// Throws `std::out_of_range`: a place is outside the range.
template <class Value, class Limit>
[[noreturn]] void throw_range(const char* what, Value value, const char* rule, Limit limit) {
  throw std::out_of_range(limit_text(what, value, rule, limit));
}

// A text that allocates no memory. What does not fit is cut off.
class error_text {
 public:
  error_text& put(const char* text) noexcept { return print("%s", text); }
  error_text& put(std::size_t number) noexcept { return print("%zu", number); }
  error_text& put_name(const std::string& name) noexcept { return print("%.60s", name.c_str()); }
  // "3 objects", "1 object".
  error_text& put(std::size_t number, const char* what) noexcept {
    return print("%zu %s%s", number, what, number == 1 ? "" : "s");
  }
  // "1.5 MiB", "900 bytes".
  error_text& put_bytes(std::size_t bytes) noexcept {
    constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return put(bytes, "byte");
    const char* const* unit = units;
    for (; bytes >= 1024 * 1024; bytes /= 1024)
      ++unit;
    const auto tenths = bytes % 1024 * 10 / 1024;
    return tenths == 0 ? print("%zu %s", bytes / 1024, *unit)
                       : print("%zu.%zu %s", bytes / 1024, tenths, *unit);
  }
  [[nodiscard]] const char* c_str() const noexcept { return chars_; }

 private:
  template <class... Values>
  error_text& print(const char* format, Values... values) noexcept {
    const int more = std::snprintf(chars_ + length_, sizeof chars_ - length_, format, values...);
    length_ += more > 0 ? static_cast<std::size_t>(more) : 0;
    if (length_ > sizeof chars_ - 1) length_ = sizeof chars_ - 1;
    return *this;
  }

  char chars_[301] = {};
  std::size_t length_ = 0;
};

}  // namespace tarn::detail
