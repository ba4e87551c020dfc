// SPDX-License-Identifier: MIT
// says: fast_buffer: the third argument must be tarn::fast_buffer_traits<Pool>
#include <tarn/fast_buffer.hpp>

tarn::basic_fast_buffer<tarn::no_lock, tarn::no_stats, tarn::byte_pool<>> text;
