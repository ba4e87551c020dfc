// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace pipeline {

std::string text(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string made(static_cast<std::size_t>(std::max(length, 0)), '\0');
  std::vsnprintf(made.data(), made.size() + 1, format, again);
  va_end(again);
  return made;
}

std::string quoted(const std::string& raw) {
  std::string s = "\"";
  for (const char c : raw) {
    if (c == '"' || c == '\\') s += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      s += text("\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      s += c;
    }
  }
  return s + '"';
}

json_writer& json_writer::raw(const char* key, const std::string& value) {
  if (s_.size() != 1) s_ += ',';
  if (key != nullptr) s_ += quoted(key) + ':';
  s_ += value;
  return *this;
}

std::string json_writer::close() {
  s_ += s_.front() == '{' ? '}' : ']';
  return s_;
}

}  // namespace pipeline
