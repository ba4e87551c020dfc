// SPDX-License-Identifier: MIT
#pragma once

// AddressSanitizer, if this file is compiled with it.

#include <cstddef>

#include <tarn/detail/base/compiler.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define TARN_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TARN_ADDRESS_SANITIZER 1
#endif
#endif
#if !defined(TARN_ADDRESS_SANITIZER)
#define TARN_ADDRESS_SANITIZER 0
#endif

#if TARN_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace tarn::detail {

/// Whether this file is compiled with AddressSanitizer. Other files of the program may differ, so
/// nothing but the choice of a type may follow from it.
constexpr bool has_address_sanitizer = TARN_ADDRESS_SANITIZER != 0;

/// What AddressSanitizer is told of memory: nothing.
template <bool Tells>
struct address_sanitizer {
  static void hide(const void*, std::size_t) noexcept {}
  static void show(const void*, std::size_t) noexcept {}
};
#if TARN_ADDRESS_SANITIZER
template <>
struct address_sanitizer<true> {
  /// From here on an access to these bytes is reported, and ends the program.
  static void hide(const void* p, std::size_t n) noexcept { __asan_poison_memory_region(p, n); }
  static void show(const void* p, std::size_t n) noexcept { __asan_unpoison_memory_region(p, n); }
};
#endif

}  // namespace tarn::detail

#undef TARN_ADDRESS_SANITIZER
