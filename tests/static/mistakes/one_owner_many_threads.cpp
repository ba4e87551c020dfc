// SPDX-License-Identifier: MIT
// says: fast_buffer: it has one owner; what several threads append to is a
// basic_concurrent_fast_buffer
#include <tarn/fast_buffer.hpp>

#include <mutex>

tarn::basic_fast_buffer<std::mutex> text;
