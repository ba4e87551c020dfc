// SPDX-License-Identifier: MIT
// says: object_traits: the first argument must be tarn::keep_objects<Factory, Reset> or
// tarn::build_objects; then come check policy and source
#include <tarn/object_pool.hpp>

tarn::object_pool<int, tarn::no_lock, tarn::no_stats, tarn::object_traits<tarn::checked>> pool;
