// SPDX-License-Identifier: MIT
//
// Errors with the facts in them: every text names the value and the limit it broke.

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

// An argument that breaks a rule: `std::invalid_argument`.
template <class Value, class Limit>
[[noreturn]] void throw_invalid(const char* what, Value value, const char* rule, Limit limit) {
  throw std::invalid_argument(limit_text(what, value, rule, limit));
}

// As above, for a rule that names its limits itself.
template <class Value>
[[noreturn]] void throw_invalid(const char* what, Value value, const char* rule) {
  throw std::invalid_argument("tarn: " + std::string(what) + ' ' + std::to_string(value) + ' ' +
                              rule);
}

// A size that no block can have: `std::length_error`.
template <class Value, class Limit>
[[noreturn]] void throw_length(const char* what, Value value, const char* rule, Limit limit) {
  throw std::length_error(limit_text(what, value, rule, limit));
}

// A place outside of what there is: `std::out_of_range`.
template <class Value, class Limit>
[[noreturn]] void throw_range(const char* what, Value value, const char* rule, Limit limit) {
  throw std::out_of_range(limit_text(what, value, rule, limit));
}

// A text that needs no memory; what does not fit is cut off.
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
