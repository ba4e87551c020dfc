// SPDX-License-Identifier: MIT
//
// What most tests include, precompiled. No file includes this one; see tests/CMakeLists.txt.

#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
