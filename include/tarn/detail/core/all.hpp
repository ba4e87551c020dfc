// SPDX-License-Identifier: MIT
#pragma once

// A core with all its definitions.

#include <tarn/detail/core/acquire.hpp>
#include <tarn/detail/core/core.hpp>
#include <tarn/detail/core/give_back.hpp>
#include <tarn/detail/core/indices.hpp>
#include <tarn/detail/core/life.hpp>
#include <tarn/detail/core/numbers.hpp>
