// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

/// The faults of bytes that can't be decoded.
enum class decode_fault : std::uint8_t {
  none,
  truncated,     ///< a length reaches past the end
  trailing,      ///< bytes are left over
  overflow,      ///< a number has more bits than its field
  out_of_range,  ///< a number that its field can't have
  above_limit,   ///< a number above a limit of the caller
  checksum,      ///< the checksum does not match
  unsupported,   ///< another format, or compressed
};

/// The place and the reason of a decoding fault. True if there was no fault.
struct decode_result {
  decode_fault fault = decode_fault::none;
  std::size_t offset = 0;  ///< of the field, from the first byte
  std::int64_t value = 0;  ///< the value that was found
  std::int64_t limit = 0;  ///< the right value, or the largest one

  [[nodiscard]] explicit operator bool() const noexcept { return fault == decode_fault::none; }
};

}  // namespace tarn
