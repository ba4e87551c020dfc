// SPDX-License-Identifier: MIT
//
// The program's own heap, which fails on request. It replaces operator new: include it in one file
// of a program only.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "support/array_new.hpp"

namespace test {

// Counts this thread's calls of operator new down to the failing one.
inline thread_local std::size_t heap_calls_left = SIZE_MAX;
inline thread_local bool heap_failed_once = false;
inline thread_local bool heap_has_failed = false;
inline std::atomic<std::int64_t> heap_live{0};

inline void* failing_memory(std::size_t bytes, std::size_t alignment) noexcept {
  if (heap_calls_left != SIZE_MAX && heap_calls_left-- == 0) {
    heap_calls_left = heap_failed_once ? SIZE_MAX : 0;  // else all later calls fail, too
    heap_has_failed = true;
    return nullptr;
  }
  void* const p = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                      ? std::malloc(bytes != 0 ? bytes : 1)
                      : std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
  if (p != nullptr) heap_live.fetch_add(1);
  return p;
}

inline void give_back_memory(void* p) noexcept {
  if (p == nullptr) return;
  heap_live.fetch_sub(1);
  std::free(p);
}

/// Calls `action()` with a heap that fails at its call `n`, counted from 0, and from then on unless
/// `once`. Returns: whether one failed.
template <class Action>
bool with_failing_heap(std::size_t n, Action&& action, bool once = false) {
  heap_has_failed = false;
  heap_failed_once = once;
  heap_calls_left = n;
  action();
  heap_calls_left = SIZE_MAX;
  return heap_has_failed;
}

}  // namespace test

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const p = test::failing_memory(bytes, 0)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const p = test::failing_memory(bytes, static_cast<std::size_t>(alignment))) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return test::failing_memory(bytes, 0);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return test::failing_memory(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { test::give_back_memory(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { test::give_back_memory(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept {
  test::give_back_memory(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  test::give_back_memory(p);
}
