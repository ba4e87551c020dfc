// SPDX-License-Identifier: MIT
//
// The pools of most tests, compiled once for all test programs (support/cores/) rather than once in
// each. Only programs that are linked with them include this file.

#pragma once

#include <cstddef>
#include <tuple>

#include <tarn/byte_pool.hpp>
#include <tarn/instances.hpp>

#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace test {

template <class Policies, std::size_t I, class Source>
using pool_at = tarn::byte_pool<typename std::tuple_element_t<I, Policies>::lock,
                                typename std::tuple_element_t<I, Policies>::stats,
                                tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>>;

// Names without commas, as arguments of macros.
template <class Policies>
struct pools_of {
  template <std::size_t I>
  using on_heap = pool_at<Policies, I, tarn::heap_source>;
  template <std::size_t I>
  using on_failing = pool_at<Policies, I, failing_source>;
};

}  // namespace test

#define TARN_TEST_INSTANTIATE(POOL) \
  TARN_INSTANTIATE_CORE(POOL);      \
  TARN_INSTANTIATE_BYTE_POOL(POOL)
// `ACTION` for the pools of a part, on both sources: four of an eighth, two of a sixteenth, one of
// a thirty-second.
#define TARN_TEST_ONE_POOL(ACTION, POLICIES)    \
  ACTION(test::pools_of<POLICIES>::on_heap<0>); \
  ACTION(test::pools_of<POLICIES>::on_failing<0>)
#define TARN_TEST_TWO_POOLS(ACTION, POLICIES)   \
  TARN_TEST_ONE_POOL(ACTION, POLICIES);         \
  ACTION(test::pools_of<POLICIES>::on_heap<1>); \
  ACTION(test::pools_of<POLICIES>::on_failing<1>)
#define TARN_TEST_FOUR_POOLS(ACTION, POLICIES)     \
  TARN_TEST_TWO_POOLS(ACTION, POLICIES);           \
  ACTION(test::pools_of<POLICIES>::on_heap<2>);    \
  ACTION(test::pools_of<POLICIES>::on_heap<3>);    \
  ACTION(test::pools_of<POLICIES>::on_failing<2>); \
  ACTION(test::pools_of<POLICIES>::on_failing<3>)

#if !defined(TARN_TEST_MAKES_CORES)
#if TARN_TEST_PARTS == 32
#define TARN_TEST_POOLS TARN_TEST_ONE_POOL
#elif TARN_TEST_PARTS == 16
#define TARN_TEST_POOLS TARN_TEST_TWO_POOLS
#else
#define TARN_TEST_POOLS TARN_TEST_FOUR_POOLS
#endif
TARN_TEST_POOLS(TARN_DECLARE_BYTE_POOL, test::every_policy);
TARN_TEST_POOLS(TARN_DECLARE_BYTE_POOL, test::every_lock);
#endif
