// SPDX-License-Identifier: MIT
#include "pools.hpp"

TARN_INSTANTIATE_CORE(frame_pool);  // also the core of name_pool and event_pool
TARN_INSTANTIATE_BYTE_POOL(frame_pool);
TARN_INSTANTIATE_OBJECT_POOL(name_pool);
TARN_INSTANTIATE_MESSAGE_POOL(event_pool);

TARN_INSTANTIATE_CORE(page_pool);
TARN_INSTANTIATE_BYTE_POOL(page_pool);
