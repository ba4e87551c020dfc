// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace test {

/// Writes the owner of a block into it: begin, end, and a word in every 512 bytes between.
inline void sign(void* block, std::size_t bytes, std::uint64_t owner) noexcept {
  auto* const begin = static_cast<unsigned char*>(block);
  for (std::size_t at = 0; at + sizeof owner <= bytes; at += 512) {
    std::memcpy(begin + at, &owner, sizeof owner);
  }
  if (bytes >= sizeof owner) std::memcpy(begin + bytes - sizeof owner, &owner, sizeof owner);
}

/// Returns: whether all bytes that `sign` wrote are unchanged.
[[nodiscard]] inline bool is_signed(const void* block, std::size_t bytes,
                                    std::uint64_t owner) noexcept {
  const auto* const begin = static_cast<const unsigned char*>(block);
  std::uint64_t found = owner;
  for (std::size_t at = 0; at + sizeof owner <= bytes && found == owner; at += 512) {
    // The last word may overlap this one; both have the same bytes, unless they only touch.
    if (at + sizeof owner > bytes - sizeof owner && at != bytes - sizeof owner) break;
    std::memcpy(&found, begin + at, sizeof owner);
  }
  if (bytes >= sizeof owner && found == owner) {
    std::memcpy(&found, begin + bytes - sizeof owner, sizeof owner);
  }
  return found == owner;
}

}  // namespace test
