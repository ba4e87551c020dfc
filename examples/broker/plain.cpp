// SPDX-License-Identifier: MIT
#include "malloc_memory.hpp"
#include "server.hpp"

int broker::serve_on_malloc(const options& o) { return serve<malloc_memory>(o); }
