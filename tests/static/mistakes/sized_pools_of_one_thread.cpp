// SPDX-License-Identifier: MIT
// says: basic_sized_pools: any thread uses these pools, so the lock can't be no_lock
#include <tarn/compat/global_pools.hpp>

tarn::basic_sized_pools<tarn::no_lock> pools;
