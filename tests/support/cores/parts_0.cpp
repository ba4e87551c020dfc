// SPDX-License-Identifier: MIT
#define TARN_TEST_MAKES_CORES
#include "support/cores.hpp"

using quarter_0 = test::quarter<0, test::locks, test::stats>::type;
TARN_TEST_CORES(template, quarter_0, test::failing_source);
TARN_TEST_CORES(template, quarter_0, tarn::heap_source);
