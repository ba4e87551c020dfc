// SPDX-License-Identifier: MIT
//
// The sanitizer of this build, for tests that must then be smaller or milder.

#pragma once

namespace test {

#if defined(__has_feature)
#define TARN_TEST_HAS(feature) __has_feature(feature)
#else
#define TARN_TEST_HAS(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TARN_TEST_HAS(address_sanitizer)
extern "C" int __asan_address_is_poisoned(void const volatile* addr);
inline constexpr bool with_asan = true;
#else
inline constexpr bool with_asan = false;
#endif
#if defined(__SANITIZE_THREAD__) || TARN_TEST_HAS(thread_sanitizer)
inline constexpr bool with_tsan = true;
#else
inline constexpr bool with_tsan = false;
#endif

/// Whether AddressSanitizer reports an access to the byte at `p`.
inline bool is_hidden([[maybe_unused]] const void* p) {
#if defined(__SANITIZE_ADDRESS__) || TARN_TEST_HAS(address_sanitizer)
  return __asan_address_is_poisoned(p) != 0;
#else
  return false;
#endif
}

/// With a sanitizer everything takes some ten times as long. Tests of random or repeated work do
/// this many times less of it then.
inline constexpr int slowdown = with_asan || with_tsan ? 10 : 1;

}  // namespace test
