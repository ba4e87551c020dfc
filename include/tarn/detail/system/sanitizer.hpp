// SPDX-License-Identifier: MIT
#pragma once

// What AddressSanitizer is told of memory. Without it these functions are empty.

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

inline constexpr bool has_address_sanitizer = TARN_ADDRESS_SANITIZER != 0;

/// From here on an access to these bytes is reported, and ends the program.
inline void hide_memory([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t n) noexcept {
#if TARN_ADDRESS_SANITIZER
  __asan_poison_memory_region(p, n);
#endif
}
inline void show_memory([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t n) noexcept {
#if TARN_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(p, n);
#endif
}

}  // namespace tarn::detail

#undef TARN_ADDRESS_SANITIZER
