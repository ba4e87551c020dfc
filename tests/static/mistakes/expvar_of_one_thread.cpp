// SPDX-License-Identifier: MIT
// says: expvar_registry: a pool with no_lock can't be published, because a thread that reads it
// would be a second one; use another lock policy
#include <tarn/byte_pool.hpp>
#include <tarn/compat/expvar.hpp>

tarn::byte_pool<tarn::no_lock> pool;
const auto token = tarn::expvars().publish_pool(pool, "mine_");
