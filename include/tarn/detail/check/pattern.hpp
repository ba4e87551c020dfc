// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

inline void fill_memory(std::byte* bytes, std::byte value, std::size_t n) noexcept {
  std::memset(bytes, std::to_integer<int>(value), n);
}

/// Whether all bytes are `value`. Complexity: O(n), at the speed of a comparison of memory.
[[nodiscard]] inline bool is_filled(const std::byte* bytes, std::byte value,
                                    std::size_t n) noexcept {
  // Each byte but the first is compared with the one before it.
  return n == 0 || (bytes[0] == value && same_memory(bytes, bytes + 1, n - 1));
}

}  // namespace tarn::detail
