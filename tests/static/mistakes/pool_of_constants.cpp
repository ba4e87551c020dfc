// SPDX-License-Identifier: MIT
// says: object_pool: T must be an object type, and neither const nor an array
#include <tarn/object_pool.hpp>

tarn::object_pool<const int> pool;
