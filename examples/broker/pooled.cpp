// SPDX-License-Identifier: MIT
#include "memory.hpp"
#include "server.hpp"

int broker::serve_on_tarn(const options& o) { return serve<pool_memory<>>(o); }
