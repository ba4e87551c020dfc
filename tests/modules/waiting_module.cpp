// SPDX-License-Identifier: MIT

#include "modules/waiting.hpp"

extern "C" __attribute__((visibility("default"))) void get_and_put(modules::waiting_pool& pool);
void get_and_put(modules::waiting_pool& pool) { static_cast<void>(pool.get(100)); }
