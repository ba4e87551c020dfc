// SPDX-License-Identifier: MIT
//
// The cores behind the pools of the tests, compiled once for all test programs (support/cores/)
// rather than once in each. Only programs that are linked with them see this file.

#pragma once

#include <cstddef>
#include <tuple>

#include <tarn/detail/core/all.hpp>
#include <tarn/policy/traits.hpp>

#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace test {

template <class Policies, std::size_t I, class Source>
using core_config_at = tarn::detail::core_config<typename std::tuple_element_t<I, Policies>::lock,
                                                 typename std::tuple_element_t<I, Policies>::stats,
                                                 tarn::no_check, Source>;

}  // namespace test

// `extern template` where cores are used, `template` where they are made.
#define TARN_TEST_CORE(TEMPLATE, POLICIES, I, SOURCE)                           \
  TEMPLATE class tarn::detail::core<test::core_config_at<POLICIES, I, SOURCE>>; \
  TEMPLATE struct tarn::detail::upkeep<test::core_config_at<POLICIES, I, SOURCE>>
#define TARN_TEST_CORES(TEMPLATE, POLICIES, SOURCE) \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 0, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 1, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 2, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 3, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 4, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 5, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 6, SOURCE);    \
  TARN_TEST_CORE(TEMPLATE, POLICIES, 7, SOURCE)

#if !defined(TARN_TEST_MAKES_CORES)
TARN_TEST_CORES(extern template, test::every_policy, test::failing_source);
TARN_TEST_CORES(extern template, test::every_policy, tarn::heap_source);
TARN_TEST_CORES(extern template, test::every_lock, test::failing_source);
TARN_TEST_CORES(extern template, test::every_lock, tarn::heap_source);
#endif
