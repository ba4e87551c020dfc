// SPDX-License-Identifier: MIT
//
// The pools of most tests, compiled once for all test programs (support/cores/) rather than once in
// each. Only programs that are linked with them see this file.

#pragma once

#include <cstddef>
#include <tuple>

#include <tarn/byte_pool.hpp>

#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace test {

template <class Policy, class Source>
using core_config = tarn::detail::core_config<typename Policy::lock, typename Policy::stats,
                                              tarn::no_check, Source>;
template <class Source>
using pool_traits = tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>;
template <class Policy, class Source>
using pool_config =
    tarn::detail::byte_config<typename Policy::lock, typename Policy::stats, pool_traits<Source>>;

}  // namespace test

// `extern template` where pools are used, `template` where they are made.
#define TARN_TEST_POOL(TEMPLATE, POLICIES, I, SOURCE)                                              \
  TEMPLATE class tarn::detail::core<test::core_config<std::tuple_element_t<I, POLICIES>, SOURCE>>; \
  TEMPLATE struct tarn::detail::upkeep<                                                            \
      test::core_config<std::tuple_element_t<I, POLICIES>, SOURCE>>;                               \
  TEMPLATE struct tarn::detail::bounds<                                                            \
      test::core_config<std::tuple_element_t<I, POLICIES>, SOURCE>>;                               \
  TEMPLATE class tarn::detail::byte_core<                                                          \
      test::pool_config<std::tuple_element_t<I, POLICIES>, SOURCE>>;                               \
  TEMPLATE class tarn::detail::pool_base<                                                          \
      tarn::detail::byte_core<test::pool_config<std::tuple_element_t<I, POLICIES>, SOURCE>>>;      \
  TEMPLATE class tarn::byte_pool<std::tuple_element_t<I, POLICIES>::lock,                          \
                                 std::tuple_element_t<I, POLICIES>::stats,                         \
                                 test::pool_traits<SOURCE>>
#define TARN_TEST_POOLS_ON(TEMPLATE, POLICIES, SOURCE) \
  TARN_TEST_POOL(TEMPLATE, POLICIES, 0, SOURCE);       \
  TARN_TEST_POOL(TEMPLATE, POLICIES, 1, SOURCE);       \
  TARN_TEST_POOL(TEMPLATE, POLICIES, 2, SOURCE);       \
  TARN_TEST_POOL(TEMPLATE, POLICIES, 3, SOURCE)
#define TARN_TEST_POOLS(TEMPLATE, POLICIES)                     \
  TARN_TEST_POOLS_ON(TEMPLATE, POLICIES, test::failing_source); \
  TARN_TEST_POOLS_ON(TEMPLATE, POLICIES, tarn::heap_source)

#if !defined(TARN_TEST_MAKES_CORES)
TARN_TEST_POOLS(extern template, test::every_policy);
TARN_TEST_POOLS(extern template, test::every_lock);
#endif
