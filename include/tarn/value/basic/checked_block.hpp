// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/value/basic/misuse.hpp>

namespace tarn {

/// A block on its way out or home, as a part of a check sees it. Only the calling thread has it.
struct checked_block {
  std::byte* bytes = nullptr;  ///< where the block begins
  std::size_t size = 0;        ///< the bytes that were asked for, or given back
  std::size_t capacity = 0;    ///< the bytes that the user may write
  std::byte* room = nullptr;   ///< the part's own bytes behind the capacity: its `room_bytes`

  /// Whether the part may write the bytes up to the capacity. False for an object that is kept, and
  /// where the pool's `zeroing` says what they are.
  bool is_free = false;
  /// In `on_get`: whether these bytes must still be as `on_idle` left them. False for a block that
  /// was never given back or lost its pages, and for memory of larger or smaller blocks.
  bool is_left = false;
};

/// What a part of a check found: nothing, or a misuse.
class check_finding {
 public:
  constexpr check_finding() noexcept = default;
  constexpr check_finding(misuse kind) noexcept : kind_(kind), is_bad_(true) {}

  [[nodiscard]] constexpr explicit operator bool() const noexcept { return is_bad_; }
  /// Preconditions: there is one.
  [[nodiscard]] constexpr misuse kind() const noexcept { return kind_; }

 private:
  misuse kind_ = misuse::null;
  bool is_bad_ = false;
};

}  // namespace tarn
