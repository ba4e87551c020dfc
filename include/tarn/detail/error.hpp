// SPDX-License-Identifier: MIT
//
// Errors with the facts in them: every text names the value and the limit it broke.

#pragma once

#include <stdexcept>
#include <string>

#include <tarn/detail/compiler.hpp>

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

}  // namespace tarn::detail
