// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <tarn/value/basic/decode_result.hpp>

namespace tarn {

/// The error for bytes that can't be decoded, or not within the limits.
class decode_error : public std::runtime_error {
 public:
  explicit decode_error(const decode_result& result)
      : std::runtime_error(text_of(result)), result_(result) {}
  decode_error(const decode_result& result, const std::string& text)
      : std::runtime_error(text), result_(result) {}
  [[nodiscard]] const decode_result& result() const noexcept { return result_; }

 private:
  [[nodiscard]] static std::string text_of(const decode_result& r) {
    constexpr const char* names[] = {"nothing",        "truncated",    "trailing bytes",
                                     "overflow",       "out of range", "above the limit",
                                     "wrong checksum", "not supported"};
    return std::string("tarn: decoding at byte ") + std::to_string(r.offset) + ": " +
           names[static_cast<std::size_t>(r.fault)] + ", " + std::to_string(r.value) + " against " +
           std::to_string(r.limit);
  }
  decode_result result_;
};

}  // namespace tarn
