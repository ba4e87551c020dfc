// SPDX-License-Identifier: MIT
//
// Counts the program's calls of the heap; see heap.cpp.

#pragma once

#include <cstdint>

namespace pipeline {

/// Calls of operator new by the calling thread since the thread began.
[[nodiscard]] std::uint64_t heap_calls_of_this_thread() noexcept;

}  // namespace pipeline
