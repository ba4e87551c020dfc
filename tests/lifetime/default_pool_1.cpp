// SPDX-License-Identifier: MIT
#include "default_pool.hpp"

static default_pool_user before_main(1);
