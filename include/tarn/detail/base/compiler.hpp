// SPDX-License-Identifier: MIT
#pragma once

// Every header includes this one before any code of its own.
#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) <= 201703L
#error tarn needs C++20 (-std=c++20 or /std:c++20)
#include <C++20>  // no such file: ends the compilation here, before errors that only follow from it
#endif

// Only this file tests which compiler it is, and only detail/system/ tests which system.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <typeinfo>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#include <cstring>
#define TARN_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#define TARN_FORCE_INLINE __forceinline
#define TARN_ALWAYS_INLINE __forceinline
#define TARN_COLD __declspec(noinline)
#else
#define TARN_NO_UNIQUE_ADDRESS [[no_unique_address]]
#define TARN_COLD [[gnu::__noinline__, gnu::__cold__]]
#define TARN_ALWAYS_INLINE [[gnu::__always_inline__]] inline
#if defined(__OPTIMIZE__)
#define TARN_FORCE_INLINE TARN_ALWAYS_INLINE
#else
// Without optimisation forced inlining gains nothing: it would only make programs large and a
// debugger's steps confusing.
#define TARN_FORCE_INLINE inline
#endif
#endif

namespace tarn::detail {

// True in object files that may become part of a shared library. Programs have room for large
// thread-local variables at a fixed place; a library that is loaded later has almost none.
#if defined(__PIC__) && !defined(__PIE__)
inline constexpr bool for_library = true;
#else
inline constexpr bool for_library = false;
#endif

/// A text that contains the name of `T`, for compilers that were told not to keep type names.
template <class T>
[[nodiscard]] constexpr const char* signature_with() noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
  return __FUNCSIG__;
#else
  return __PRETTY_FUNCTION__;
#endif
}

/// The compiler's name for `T`.
template <class T>
[[nodiscard]] const char* name_of_type() noexcept {
#if defined(__cpp_rtti) || (defined(_MSC_VER) && defined(_CPPRTTI))
  return typeid(T).name();
#else
  return signature_with<T>();
#endif
}

/// Tells the optimiser that `fact` holds.
TARN_FORCE_INLINE void promise(bool fact) noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
  __assume(fact);
#else
  if (!fact) __builtin_unreachable();
#endif
}

/// With clang, keeps a pointer in one register, for code that reads and writes through it: clang
/// would compute the address again for every access. g++ makes the computation a part of each
/// access, which costs nothing.
template <class T>
[[nodiscard]] TARN_FORCE_INLINE T* in_register(T* p) noexcept {
#if defined(__clang__)
  asm("" : "+r"(p));
#endif
  return p;
}

/// The position of the highest bit that is set. Preconditions: one is.
[[nodiscard]] constexpr std::size_t highest_bit(std::uint64_t x) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  // As a bare scan: compilers take its result for an int, and extend that once more.
  if (!__builtin_is_constant_evaluated() && !__builtin_constant_p(x)) {
    std::uint64_t position = 0;
    asm("bsrq %1, %0" : "=r"(position) : "r"(x) : "cc");
    return position;
  }
#endif
  return std::size_t{63} ^ static_cast<std::size_t>(std::countl_zero(x));
}

/// The upper half of the product.
[[nodiscard]] constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(__SIZEOF_INT128__)
  __extension__ using wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<wide>(a) * b >> 64);
#else
  constexpr std::uint64_t low = 0xffffffff;
  const auto middle = (a & low) * (b >> 32) + ((a & low) * (b & low) >> 32);
  const auto other = (a >> 32) * (b & low) + (middle & low);
  return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
#endif
}

/// Tells the processor that this thread is spinning, so that a sibling thread gets its resources.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

// Memory functions without <cstring>, which is 12 KB of text.
#if defined(_MSC_VER) && !defined(__clang__)
inline void zero_memory(void* to, std::size_t n) noexcept { std::memset(to, 0, n); }
inline void copy_memory(void* to, const void* from, std::size_t n) noexcept {
  std::memcpy(to, from, n);
}
[[nodiscard]] inline bool same_memory(const void* a, const void* b, std::size_t n) noexcept {
  return std::memcmp(a, b, n) == 0;
}
[[nodiscard]] inline int order_of_memory(const void* a, const void* b, std::size_t n) noexcept {
  return std::memcmp(a, b, n);
}
inline void move_memory(void* to, const void* from, std::size_t n) noexcept {
  std::memmove(to, from, n);
}
/// Writes zeros that the optimiser may not remove, even if they are never read.
inline void secure_zero(void* bytes, std::size_t size) noexcept {
  auto* volatile p = static_cast<volatile unsigned char*>(bytes);
  while (size-- != 0)
    *p++ = 0;
}
#else
inline void zero_memory(void* to, std::size_t n) noexcept { __builtin_memset(to, 0, n); }
inline void copy_memory(void* to, const void* from, std::size_t n) noexcept {
  __builtin_memcpy(to, from, n);
}
[[nodiscard]] inline bool same_memory(const void* a, const void* b, std::size_t n) noexcept {
  return __builtin_memcmp(a, b, n) == 0;
}
[[nodiscard]] inline int order_of_memory(const void* a, const void* b, std::size_t n) noexcept {
  return __builtin_memcmp(a, b, n);
}
inline void move_memory(void* to, const void* from, std::size_t n) noexcept {
  __builtin_memmove(to, from, n);
}
inline void secure_zero(void* bytes, std::size_t size) noexcept {
  zero_memory(bytes, size);
  asm volatile("" : : "r"(bytes) : "memory");  // the zeros count as read
}
#endif

/// Zeroes the first `used` bytes, and the rest if any byte of it differs from zero. The rest may be
/// written but seldom is, and reading it leaves its pages and cache lines as they are.
inline void zero_used(void* bytes, std::size_t used, std::size_t size) noexcept {
  zero_memory(bytes, used);
  char* const rest = static_cast<char*>(bytes) + used;
  const std::size_t n = size - used;
  if (n != 0 && (*rest != 0 || !same_memory(rest, rest + 1, n - 1))) zero_memory(rest, n);
}

}  // namespace tarn::detail
