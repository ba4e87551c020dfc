// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace pipeline {

/// As printf, into a string.
[[nodiscard, gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

/// A string of JSON.
[[nodiscard]] std::string quoted(const std::string& raw);

/// Writes an object or an array of JSON, one member at a time.
class json_writer {
 public:
  explicit json_writer(char open) : s_(1, open) {}

  json_writer& raw(const char* key, const std::string& value);
  json_writer& add(const char* key, std::uint64_t n) { return raw(key, std::to_string(n)); }
  json_writer& add(const char* key, double n) { return raw(key, text("%.6g", n)); }
  json_writer& add(const char* key, const std::string& s) { return raw(key, quoted(s)); }
  json_writer& flag(const char* key, bool b) { return raw(key, b ? "true" : "false"); }
  json_writer& hex(const char* key, std::uint64_t n) {
    return add(key, text("%016llx", static_cast<unsigned long long>(n)));
  }
  [[nodiscard]] std::string close();

 private:
  std::string s_;
};

}  // namespace pipeline
