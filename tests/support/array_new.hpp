// SPDX-License-Identifier: MIT
//
// The forms of new and delete for arrays, for a program that replaces the others. Those of the
// standard library call the program's own; those of a sanitizer don't.

#pragma once

#include <cstddef>
#include <new>

[[gnu::noinline]] void* operator new[](std::size_t bytes) { return operator new(bytes); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { operator delete(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { operator delete(p); }
