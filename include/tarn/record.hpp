// SPDX-License-Identifier: MIT
//
// record: one record of a log; see record_batch.hpp for many of them, and for their bytes.

#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>

namespace tarn {

/// One record of a batch. Thread safety: as an `int`.
struct record {
  std::int32_t offset_delta = 0;     ///< from the base offset of the batch
  std::int64_t timestamp_delta = 0;  ///< from its first timestamp
  byte_string key{};
  byte_string value{};
  bool key_is_null = false;    ///< there is none, which is not the same as an empty one
  bool value_is_null = false;  ///< likewise: this record deletes its key
  header_list headers{};       ///< a null value is read as an empty one

  /// Makes every field what it was at first; key, value and headers keep their memory.
  void reset() noexcept {
    offset_delta = 0;
    timestamp_delta = 0;
    key.clear();
    value.clear();
    key_is_null = false;
    value_is_null = false;
    headers.clear();
  }
  [[nodiscard]] std::size_t kept_bytes() const noexcept {
    return key.capacity() + value.capacity() + headers.kept_bytes();
  }
  /// Gives back what holds more than a third of `most` bytes, and with it what is in there.
  void shrink(std::size_t most) noexcept {
    const auto part = most / 3;
    if (key.capacity() > part) key.shrink();
    if (value.capacity() > part) value.shrink();
    if (headers.kept_bytes() > part) headers.shrink();
  }
  friend bool operator==(const record&, const record&) noexcept = default;
};

using record_pool = message_pool<record>;

}  // namespace tarn
