// SPDX-License-Identifier: MIT
#define TARN_TEST_MAKES_CORES
#include "support/cores.hpp"

using even = test::part<0, test::locks, test::stats>::type;
using odd = test::part<1, test::locks, test::stats>::type;
TARN_TEST_FOUR_POOLS(TARN_TEST_INSTANTIATE, even);
TARN_TEST_FOUR_POOLS(TARN_TEST_INSTANTIATE, odd);
