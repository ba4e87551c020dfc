// SPDX-License-Identifier: MIT
//
// record: one record of a log. record_batch.hpp has batches of records and their binary form.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/detail/writing/zero_when_moved.hpp>
#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>

namespace tarn {

/// One record of a batch. Thread safety: as an `int`.
struct record {
  std::int32_t offset_delta = 0;     ///< from the base offset of the batch
  std::int64_t timestamp_delta = 0;  ///< from the first timestamp of the batch
  byte_string key{};
  byte_string value{};
  bool key_is_null = false;    ///< there is no key, which differs from an empty key
  bool value_is_null = false;  ///< there is no value: this record deletes its key
  header_list headers{};       ///< a null value is read as an empty one

  /// Gives every field its initial value. Key, value and headers keep their memory.
  void reset() noexcept {
    offset_delta = 0;
    timestamp_delta = 0;
    key.clear();
    value.clear();
    key_is_null = false;
    value_is_null = false;
    headers.clear();
  }
  /// As `reset`, and overwrites all memory that it keeps. See `byte_string::wipe`.
  void wipe() noexcept {
    reset();
    key.wipe();
    value.wipe();
    headers.wipe();
  }
  [[nodiscard]] std::size_t kept_bytes() const noexcept {
    return key.capacity() + value.capacity() + headers.kept_bytes();
  }
  /// Drops each of key, value and headers that keeps more than a third of `most` bytes, and gives
  /// its memory back.
  void shrink(std::size_t most) noexcept {
    const auto part = most / 3;
    if (key.capacity() > part) key.shrink();
    if (value.capacity() > part) value.shrink();
    if (headers.kept_bytes() > part) headers.shrink();
  }
  friend bool operator==(const record&, const record&) noexcept = default;
};

using record_pool = message_pool<record>;

namespace detail {

/// The records of a batch, and behind them the spare records: reset, with their memory.
class record_list {
 public:
  record_list() noexcept = default;
  /// The copy has no spare records.
  record_list(const record_list& other) : all_(other.begin(), other.end()) {
    count_.value = all_.size();
  }
  record_list(record_list&&) noexcept = default;
  record_list& operator=(const record_list& other) { return *this = record_list(other); }
  record_list& operator=(record_list&&) noexcept = default;
  ~record_list() = default;

  record& add() {
    if (count_.value == all_.size()) {
      all_.emplace_back();
    } else {
      spare_bytes_.value -= all_[count_.value].kept_bytes();
    }
    return all_[count_.value++];
  }
  /// Complexity: O(size).
  void reset() noexcept {
    for (record& r : *this) {
      r.reset();
      spare_bytes_.value += r.kept_bytes();
    }
    count_.value = 0;
  }
  void shrink() noexcept { *this = record_list(); }
  /// As `reset`. Complexity: O(bytes of all records, with the spare ones).
  void wipe() noexcept {
    reset();
    for (record& r : all_)
      r.wipe();
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_.value; }
  [[nodiscard]] record* begin() noexcept { return all_.data(); }
  [[nodiscard]] record* end() noexcept { return begin() + size(); }
  [[nodiscard]] const record* begin() const noexcept { return all_.data(); }
  [[nodiscard]] const record* end() const noexcept { return begin() + size(); }
  /// Complexity: O(size), for any number of spare records.
  [[nodiscard]] std::size_t kept_bytes() const noexcept {
    std::size_t sum = all_.capacity() * sizeof(record) + spare_bytes_.value;
    for (const record& r : *this)
      sum += r.kept_bytes();
    return sum;
  }

 private:
  std::vector<record> all_;  // the first `count_` are in use; the others are spare
  zero_when_moved<std::size_t> count_;
  zero_when_moved<std::size_t> spare_bytes_;  // memory that the spare records keep
};

}  // namespace detail

}  // namespace tarn
