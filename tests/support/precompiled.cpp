// SPDX-License-Identifier: MIT
//
// The file whose target makes the precompiled header that tests use.

#include "support/precompiled.hpp"
