// SPDX-License-Identifier: MIT
// says: a pool stands in the place of the lock: a buffer or a chain has the arguments of its pool,
// and a fast_buffer has fast_buffer_traits<Pool>, after Lock and Stats
#include <tarn/fast_buffer.hpp>

tarn::basic_fast_buffer<tarn::byte_pool<>> text;
