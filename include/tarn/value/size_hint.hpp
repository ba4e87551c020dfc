// SPDX-License-Identifier: MIT
//
// size_hint: the usual size of things of one kind.
//
//   tarn::size_hint replies;                                // one for all replies
//   tarn::fast_buffer out(pool, {.hint = &replies});        // starts at their usual size

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// Learns a start size from reported sizes. A larger report raises it at once. More than ten
/// smaller reports in a row lower it to the largest of them.
///
/// Must outlive all buffers that report to it. Thread safety: any thread may call any member.
/// Source: the per-owner first allocation of bytepool's BytesPoolWithMemory.
class size_hint {
 public:
  /// The number of smaller reports in a row that do not lower the size yet.
  static constexpr unsigned patience = 10;

  constexpr size_hint() noexcept = default;
  constexpr explicit size_hint(std::size_t first_bytes) noexcept : bytes_(first_bytes) {}
  size_hint(const size_hint&) = delete;
  size_hint& operator=(const size_hint&) = delete;

  /// Returns: the start size; 0 before the first report.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order::relaxed);
  }

  /// Reports that `used` bytes were needed. Ignores zero.
  ///
  /// All orders are relaxed: the hint is a single number and publishes nothing. Of concurrent
  /// reports any but the largest may be lost.
  void report(std::size_t used) noexcept {
    if (used == 0) return;
    constexpr auto relaxed = std::memory_order::relaxed;
    std::size_t known = bytes_.load(relaxed);
    while (used > known && !bytes_.compare_exchange_weak(known, used, relaxed, relaxed)) {
    }
    if (used >= known) {
      if (row_.load(relaxed) != 0) row_.store(0, relaxed);  // skip the write if it changes nothing
      return;
    }
    std::uint64_t row = row_.load(relaxed);
    std::uint64_t next = 0;
    std::uint64_t largest = 0;
    do {
      largest = row >> count_bits;
      if (used > largest) largest = used;
      const std::uint64_t count = (row & count_mask) + 1;
      next = count > patience ? 0 : largest << count_bits | count;
    } while (!row_.compare_exchange_weak(row, next, relaxed, relaxed));
    // The exchange fails if the size was raised meanwhile.
    if (next == 0) {
      bytes_.compare_exchange_strong(known, detail::cast_to<std::size_t>(largest), relaxed,
                                     relaxed);
    }
  }

 private:
  static constexpr unsigned count_bits = 8;
  static constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;

  std::atomic<std::size_t> bytes_;
  std::atomic<std::uint64_t> row_{0};  // of smaller reports: the largest, and their number
};

}  // namespace tarn
