// SPDX-License-Identifier: MIT
// says: object_pool: the fourth argument must be tarn::object_traits<Lifecycle, Check, Source>, as
// in tarn::object_traits<tarn::build_objects>
#include <tarn/object_pool.hpp>

tarn::object_pool<int, tarn::no_lock, tarn::no_stats, tarn::traits<>> pool;
