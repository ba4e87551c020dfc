// SPDX-License-Identifier: MIT
#define TARN_TEST_MAKES_CORES
#include "support/cores.hpp"

using quarter_2 = test::quarter<2, test::locks, test::stats>::type;
TARN_TEST_CORES(template, quarter_2, test::failing_source);
TARN_TEST_CORES(template, quarter_2, tarn::heap_source);
