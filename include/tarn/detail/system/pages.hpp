// SPDX-License-Identifier: MIT
//
// Memory in whole pages, aligned to any power of two.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

// Pages are at least 4 KiB and at most 64 KiB on the systems we know. A multiple of both is right
// for every page size between, so the system need not be asked for it.
inline constexpr std::size_t smallest_page = 4096;
inline constexpr std::size_t largest_page = 65536;

// A source declares whether its memory is private and anonymous: whether pages that are dropped
// read zero and are there again at the next touch.
template <class Source>
inline constexpr bool is_purgeable_v = false;
template <class Source>
  requires requires {
    { Source::is_purgeable } -> std::convertible_to<bool>;
  }
inline constexpr bool is_purgeable_v<Source> = Source::is_purgeable;

// The bytes that are mapped for a request of `bytes`; 0 if that overflows.
[[nodiscard]] constexpr std::size_t page_bytes(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t page = alignment <= smallest_page ? smallest_page : largest_page;
  return (bytes + (bytes == 0) + page - 1) & ~(page - 1);
}

[[nodiscard]] inline bool is_aligned(const void* p, std::size_t alignment) noexcept {
  return (reinterpret_cast<std::uintptr_t>(p) & (alignment - 1)) == 0;
}

// Drops the whole pages that lie inside of `bytes` bytes at `p`; see `drop_pages`. Returns: the
// bytes of those pages; 0 if there are no such pages, or the system refuses.
[[nodiscard]] inline std::size_t drop_inside(void* p, std::size_t bytes, bool lazily) noexcept {
  static const std::uintptr_t page = page_size();
  const auto at = reinterpret_cast<std::uintptr_t>(p);
  const auto first = (at + page - 1) & ~(page - 1);
  const auto end = (at + bytes) & ~(page - 1);
  if (first >= end || !drop_pages(static_cast<std::byte*>(p) + (first - at), end - first, lazily)) {
    return 0;
  }
  return end - first;
}

// Maps pages of at least `bytes`; null if the system refuses or the size overflows.
// Preconditions: `alignment` is a power of two.
[[nodiscard]] inline void* map_aligned(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t wanted = page_bytes(bytes, alignment);
  if (wanted == 0) return nullptr;

  // Most mappings lie side by side, so after the first one the plain call is often aligned.
  void* const plain = map_pages(wanted);
  if (plain == nullptr || is_aligned(plain, alignment)) return plain;
  unmap_pages(plain, wanted);

  // Map enough for an aligned piece to lie inside, then give the ends back. Both ends are whole
  // pages, since `alignment` is above smallest_page here and the head is rounded to largest_page.
  const std::size_t step = alignment < largest_page ? largest_page : alignment;
  const std::size_t span = wanted + step;
  if (span < wanted) return nullptr;
  auto* const base = static_cast<std::byte*>(map_pages(span));
  if (base == nullptr) return nullptr;
  const std::size_t past = reinterpret_cast<std::uintptr_t>(base) & (step - 1);
  const std::size_t head = past == 0 ? 0 : step - past;
  const std::size_t tail = span - head - wanted;
  if (head != 0) unmap_pages(base, head);
  if (tail != 0) unmap_pages(base + head + wanted, tail);
  return base + head;
}

// Gives back what `map_aligned` returned for the same two numbers.
inline void unmap_aligned(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  unmap_pages(p, page_bytes(bytes, alignment));
}

}  // namespace tarn::detail
