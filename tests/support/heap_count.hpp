// SPDX-License-Identifier: MIT
//
// Counts the program's calls of the heap. It replaces operator new: include it in one file of a
// program only.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/array_new.hpp"

namespace test {

inline std::atomic<std::size_t> heap_calls{0};
/// Blocks that operator new returned and operator delete has not taken back.
inline std::atomic<std::ptrdiff_t> heap_blocks{0};

/// Bytes requested from operator new, and the largest request since it was set to 0.
inline std::atomic<std::size_t> heap_bytes{0};
inline std::atomic<std::size_t> heap_largest{0};

/// Calls of operator new, of any form and on any thread, while `action` runs.
template <class Action>
[[nodiscard]] std::size_t heap_calls_of(Action&& action) {
  const auto before = heap_calls.load();
  action();
  return heap_calls.load() - before;
}

inline void* counted_memory(std::size_t bytes, std::size_t alignment) noexcept {
  heap_calls.fetch_add(1);
  heap_blocks.fetch_add(1);
  heap_bytes.fetch_add(bytes);
  auto largest = heap_largest.load();
  while (largest < bytes && !heap_largest.compare_exchange_weak(largest, bytes)) {
  }
  if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return std::malloc(bytes != 0 ? bytes : 1);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}

inline void uncounted_memory(void* p) noexcept {
  if (p != nullptr) heap_blocks.fetch_sub(1);
  std::free(p);
}

}  // namespace test

// They are out of line: a compiler
// that sees malloc behind new, but not free behind delete, reports a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const p = test::counted_memory(bytes, 0)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const p = test::counted_memory(bytes, static_cast<std::size_t>(alignment))) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return test::counted_memory(bytes, 0);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return test::counted_memory(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { test::uncounted_memory(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { test::uncounted_memory(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept {
  test::uncounted_memory(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  test::uncounted_memory(p);
}
