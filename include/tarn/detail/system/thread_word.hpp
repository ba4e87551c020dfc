// SPDX-License-Identifier: MIT
#pragma once

// A pointer that each thread has for itself, found by a number that means the same in every module
// of the program.
//
// C++ offers thread_local for this, but its address belongs to one module, and compilers keep it in
// a register across calls: a fiber that a call moved to another thread would go on with the pointer
// of the thread it left. So the place of the pointer is a plain number here, its distance from the
// thread's own pointer, and each read asks the processor for that anew.

#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

#if defined(__x86_64__) && defined(__LP64__) && defined(__gnu_linux__) && \
    !(defined(_MSC_VER) && !defined(__clang__))
#define TARN_THREAD_POINTER 1
#elif defined(__aarch64__) && defined(__LP64__) && defined(__gnu_linux__)
#define TARN_THREAD_POINTER 2
#else
#define TARN_THREAD_POINTER 0
#endif

// Hidden, so that each module has its own, and at a fixed distance from the thread's pointer.
#if TARN_THREAD_POINTER != 0
#define TARN_MODULE_LOCAL gnu::visibility("hidden")
#define TARN_FIXED_PLACE gnu::tls_model("initial-exec")
#elif defined(__GNUC__) && !defined(_WIN32)
#define TARN_MODULE_LOCAL gnu::visibility("hidden")
#define TARN_FIXED_PLACE maybe_unused
#else
#define TARN_MODULE_LOCAL maybe_unused
#define TARN_FIXED_PLACE maybe_unused
#endif

namespace tarn::detail {

/// Where a thread keeps a pointer; see `thread_word_at`.
using thread_word = std::uintptr_t;

/// The getter of a pointer where the system has no fixed places: a function of the module that the
/// pointer belongs to. The optimiser can't look through the call.
struct thread_getter {
  void* (*get)(std::uint32_t number) noexcept = nullptr;
  std::uint32_t number = 0;
};

#if TARN_THREAD_POINTER == 1
inline constexpr bool has_fixed_places = true;
/// The thread pointer: the calling thread's variables lie at fixed distances from it.
[[nodiscard]] TARN_FORCE_INLINE std::uintptr_t thread_pointer() noexcept {
  std::uintptr_t p = 0;
  asm volatile("movq %%fs:0, %0" : "=r"(p));
  return p;
}
/// The pointer that the calling thread keeps at `place`.
[[nodiscard]] TARN_FORCE_INLINE void* thread_word_at(thread_word place) noexcept {
  void* found = nullptr;
  asm volatile("movq %%fs:(%1), %0" : "=r"(found) : "r"(place));
  return found;
}
#elif TARN_THREAD_POINTER == 2
inline constexpr bool has_fixed_places = true;
[[nodiscard]] TARN_FORCE_INLINE std::uintptr_t thread_pointer() noexcept {
  std::uintptr_t p = 0;
  asm volatile("mrs %0, tpidr_el0" : "=r"(p));
  return p;
}
[[nodiscard]] TARN_FORCE_INLINE void* thread_word_at(thread_word place) noexcept {
  return *reinterpret_cast<void* const*>(thread_pointer() + place);
}
#else
inline constexpr bool has_fixed_places = false;
[[nodiscard]] inline std::uintptr_t thread_pointer() noexcept {
  static thread_local char mine = 0;
  return reinterpret_cast<std::uintptr_t>(&mine);
}
[[nodiscard]] inline void* thread_word_at(thread_word place) noexcept {
  const auto* const getter = reinterpret_cast<const thread_getter*>(place);
  return getter->get(getter->number);
}
#endif

/// Makes what was stored through a pointer visible to `thread_word_at` in the same thread.
TARN_FORCE_INLINE void stored_thread_word() noexcept {
#if TARN_THREAD_POINTER != 0
  asm volatile("" : : : "memory");
#endif
}

}  // namespace tarn::detail
