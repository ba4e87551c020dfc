// SPDX-License-Identifier: MIT
//
// Counts what the program takes from the heap; see heap.cpp.

#pragma once

#include <cstdint>

namespace pipeline {

/// Calls of operator new by the calling thread since it began.
[[nodiscard]] std::uint64_t heap_calls_of_this_thread() noexcept;

}  // namespace pipeline
