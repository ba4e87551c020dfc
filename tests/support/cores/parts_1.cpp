// SPDX-License-Identifier: MIT
#define TARN_TEST_MAKES_CORES
#include "support/cores.hpp"

using quarter_1 = test::quarter<1, test::locks, test::stats>::type;
TARN_TEST_CORES(template, quarter_1, test::failing_source);
TARN_TEST_CORES(template, quarter_1, tarn::heap_source);
