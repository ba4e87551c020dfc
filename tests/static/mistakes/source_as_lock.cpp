// SPDX-License-Identifier: MIT
// says: a tier table, a check, a source and a lifecycle belong into the traits, which stand after
// Lock and Stats: byte_pool<Lock, Stats, traits<Tiers, Check, Source>>
#include <tarn/byte_pool.hpp>

tarn::byte_pool<tarn::page_source> pool;
