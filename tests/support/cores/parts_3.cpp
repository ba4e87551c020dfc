// SPDX-License-Identifier: MIT
#define TARN_TEST_MAKES_CORES
#include "support/cores.hpp"

using quarter_3 = test::quarter<3, test::locks, test::stats>::type;
TARN_TEST_CORES(template, quarter_3, test::failing_source);
TARN_TEST_CORES(template, quarter_3, tarn::heap_source);
