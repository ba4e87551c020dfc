// SPDX-License-Identifier: MIT
// says: message_pool: the fourth argument must be tarn::object_traits<Lifecycle, Check, Source>, as
// in tarn::object_traits<tarn::keep_objects<>, tarn::checked>
#include <tarn/message_pool.hpp>

tarn::message_pool<tarn::message, tarn::no_lock, tarn::no_stats, tarn::traits<>> pool;
