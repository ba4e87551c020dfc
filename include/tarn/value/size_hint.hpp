// SPDX-License-Identifier: MIT
//
// How large things of one kind usually become.
//
//   tarn::size_hint replies;                                // one for all replies
//   tarn::fast_buffer out(pool, {.hint = &replies});        // starts as large as they became

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// Learns a start size from the sizes that were needed: it goes up at once to the largest that is
/// reported, and down, to the largest of the row, after more than ten smaller ones in a row.
///
/// Must outlive whoever reports to it. Thread safety: any thread may call anything.
/// Source: the per-owner first allocation of bytepool's BytesPoolWithMemory.
class size_hint {
 public:
  /// How many smaller reports in a row it takes to no longer believe in the old size.
  static constexpr unsigned patience = 10;

  constexpr size_hint() noexcept = default;
  constexpr explicit size_hint(std::size_t first_bytes) noexcept : bytes_(first_bytes) {}
  size_hint(const size_hint&) = delete;
  size_hint& operator=(const size_hint&) = delete;

  /// Returns: the size to start with; 0 if nothing was reported yet.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order::relaxed);
  }

  /// Something needed `used` bytes. Zero is not a report.
  ///
  /// All orders are relaxed: a hint is a number of its own and publishes nothing. Of reports at
  /// the same time one may be forgotten, but for the largest.
  void report(std::size_t used) noexcept {
    if (used == 0) return;
    constexpr auto relaxed = std::memory_order::relaxed;
    std::size_t known = bytes_.load(relaxed);
    while (used > known && !bytes_.compare_exchange_weak(known, used, relaxed, relaxed)) {
    }
    if (used >= known) {
      if (row_.load(relaxed) != 0) row_.store(0, relaxed);  // only written if that says something
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
    // Not if it was raised meanwhile.
    if (next == 0) {
      bytes_.compare_exchange_strong(known, detail::cast_to<std::size_t>(largest), relaxed,
                                     relaxed);
    }
  }

 private:
  static constexpr unsigned count_bits = 8;
  static constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;

  std::atomic<std::size_t> bytes_;
  std::atomic<std::uint64_t> row_{0};  // of smaller reports: the largest, and how many
};

}  // namespace tarn
