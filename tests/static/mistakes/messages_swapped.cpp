// SPDX-License-Identifier: MIT
// says: a stats policy stands in the place of the lock: first Lock, then Stats
#include <tarn/message_pool.hpp>

tarn::message_pool<tarn::message, tarn::counting_stats> pool;
