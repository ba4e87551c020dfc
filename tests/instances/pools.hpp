// SPDX-License-Identifier: MIT
//
// Declares pools as a program of many files does.

#pragma once

#include <cstddef>
#include <mutex>
#include <string>

#include <tarn/byte_pool.hpp>
#include <tarn/instances.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

using frame_pool = tarn::byte_pool<>;
TARN_DECLARE_BYTE_POOL(frame_pool);

using page_pool = tarn::byte_pool<std::mutex, tarn::no_stats,
                                  tarn::traits<tarn::page_tiers, tarn::checked, tarn::page_source>>;
TARN_DECLARE_BYTE_POOL(page_pool);

using name_pool = tarn::object_pool<std::string>;
TARN_DECLARE_OBJECT_POOL(name_pool);

using event_pool = tarn::message_pool<>;
TARN_DECLARE_MESSAGE_POOL(event_pool);

// other.cpp
void* exchange(frame_pool& pool, void* old, std::size_t size);
std::size_t use(page_pool& pages, name_pool& names, event_pool& events);
