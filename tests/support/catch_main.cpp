// SPDX-License-Identifier: MIT
// Only built where Catch2 2 brings no ready main for this standard library (cmake/catch2.cmake).
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
