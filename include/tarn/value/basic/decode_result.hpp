// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace tarn {

/// What is wrong with bytes that were to be decoded.
enum class decode_fault : std::uint8_t {
  none,
  truncated,     ///< a length reaches past the end
  trailing,      ///< bytes are left over
  overflow,      ///< a number has more bits than its field
  out_of_range,  ///< a number that its field can't have
  above_limit,   ///< a number above what the caller allows
  checksum,      ///< the bytes are not those that were written
  unsupported,   ///< another format, or compressed
};

/// Where decoding stopped and why; true if it did not.
struct decode_result {
  decode_fault fault = decode_fault::none;
  std::size_t offset = 0;  ///< of the field, from the first byte
  std::int64_t value = 0;  ///< what was found
  std::int64_t limit = 0;  ///< what would have been right, or the most that would

  [[nodiscard]] explicit operator bool() const noexcept { return fault == decode_fault::none; }
};

}  // namespace tarn
