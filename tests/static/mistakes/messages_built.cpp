// SPDX-License-Identifier: MIT
// says: message_pool: messages are kept and reset; build_objects is for object_pool
#include <tarn/message_pool.hpp>

tarn::message_pool<tarn::message, tarn::no_lock, tarn::no_stats,
                   tarn::object_traits<tarn::build_objects>>
    pool;
