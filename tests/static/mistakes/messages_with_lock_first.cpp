// SPDX-License-Identifier: MIT
// says: message_pool: the message type comes first, then the lock policy
#include <tarn/message_pool.hpp>

#include <mutex>

tarn::message_pool<std::mutex> pool;
