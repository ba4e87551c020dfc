// SPDX-License-Identifier: MIT
//
// operator new with a counter per thread, so that counting costs both sides the same: one addition.

#include "heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
constinit thread_local std::uint64_t calls = 0;
}

namespace pipeline {
std::uint64_t heap_calls_of_this_thread() noexcept { return calls; }
}  // namespace pipeline

namespace {
void* counted(std::size_t bytes, std::size_t alignment) noexcept {
  ++calls;
  if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return std::malloc(bytes != 0 ? bytes : 1);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}
}  // namespace

// The array forms of the standard library call these. They are out of line: a compiler that sees
// malloc behind new, but not free behind delete, reports a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const p = counted(bytes, 0)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const p = counted(bytes, static_cast<std::size_t>(alignment))) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted(bytes, 0);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(p);
}
