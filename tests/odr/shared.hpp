// SPDX-License-Identifier: MIT
//
// The interface of the program's two files. Both use all of tarn, with policies of their own and
// with the same ones.

#pragma once

#include <cstddef>
#include <mutex>
#include <string>

#include <tarn/interop/any_buffer.hpp>
#include <tarn/tarn.hpp>

using common_pool = tarn::byte_pool<std::mutex, tarn::recording_stats>;

// Defined in other.cpp.
tarn::buffer buffer_of_other(std::size_t size);
common_pool& pool_of_other();
const void* default_pool_of_other();
bool other_works();

// Defined in plugin.cpp.
using run_function = int (*)(int threads);
using take_function = void* (*)(std::size_t size);
using give_function = void (*)(void* p, std::size_t size);
using buffers_function = void (*)(tarn::any_buffer* out);
using in_use_function = std::size_t (*)();
