// SPDX-License-Identifier: MIT
//
// The one list of policies. Tests and benchmarks run over it. A test compares their registered
// names with products x locks x stats, so a new policy needs only a word here.

#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <tarn/policy/lock.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/spin_lock.hpp>
#include <tarn/policy/stats.hpp>

#include "support/user_policies.hpp"

namespace test {

template <class Lock, class Stats>
struct policies {
  using lock = Lock;
  using stats = Stats;
};

template <class Locks, class Stats>
struct cross;
template <class... Locks, class... Stats>
struct cross<std::tuple<Locks...>, std::tuple<Stats...>> {
  template <class Lock>
  using row = std::tuple<policies<Lock, Stats>...>;
  using type = decltype(std::tuple_cat(std::declval<row<Locks>>()...));
};

using locks = std::tuple<tarn::no_lock, std::mutex, tarn::spin_lock, counting_lock, tarn::lock_free,
                         tarn::thread_cached<>, tarn::thread_cached<tarn::spin_lock>,
                         tarn::thread_cached<counting_lock>>;
// With `per_cpu`, which blocks a test gets depends on where its thread runs.
using concurrent_locks = std::tuple<std::mutex, tarn::spin_lock, counting_lock, tarn::lock_free,
                                    tarn::thread_cached<>, tarn::thread_cached<tarn::spin_lock>,
                                    tarn::thread_cached<counting_lock>, tarn::per_cpu<>>;
using stats = std::tuple<tarn::no_stats, tarn::counting_stats, tarn::recording_stats, byte_stats>;

// Every `Step`th lock, each with another stats policy. `Step` times as many parts as there are
// stats policies are all pairs together.
template <std::size_t Part, class Locks, class Stats, std::size_t Step = 2,
          class =
              std::make_index_sequence<(std::tuple_size_v<Locks> + Step - 1 - Part % Step) / Step>>
struct part;
template <std::size_t Part, class Locks, class Stats, std::size_t Step, std::size_t... I>
struct part<Part, Locks, Stats, Step, std::index_sequence<I...>> {
  using type = std::tuple<
      policies<std::tuple_element_t<Step * I + Part % Step, Locks>,
               std::tuple_element_t<(I + Part / Step) % std::tuple_size_v<Stats>, Stats>>...>;
};

// All pairs, whatever the build selects.
using every_pair =
    cross<decltype(std::tuple_cat(std::declval<locks>(), std::tuple<tarn::per_cpu<>>())),
          stats>::type;

// The pairs that a test runs over: all, or the part that the build selected for this program (half,
// a quarter or an eighth of the locks, each with one stats policy), see cmake/tarn_targets.cmake.
#if defined(TARN_TEST_PART)
template <class Locks, class Stats>
using some_of = typename part<TARN_TEST_PART, Locks, Stats, TARN_TEST_PARTS / 4>::type;
#else
template <class Locks, class Stats>
using some_of = typename cross<Locks, Stats>::type;
#endif

// The list for most tests.
using every_policy = some_of<locks, stats>;
using concurrent_policy = some_of<concurrent_locks, stats>;
// For behaviour that does not depend on the stats policy.
using every_lock = some_of<locks, std::tuple<tarn::counting_stats>>;
using every_concurrent_lock = some_of<concurrent_locks, std::tuple<tarn::counting_stats>>;

// Names that benchmarks and tests print.
template <class Policy>
inline constexpr std::string_view policy_name = "";
template <>
inline constexpr std::string_view policy_name<tarn::no_lock> = "no_lock";
template <>
inline constexpr std::string_view policy_name<std::mutex> = "std::mutex";
template <>
inline constexpr std::string_view policy_name<tarn::spin_lock> = "spin_lock";
template <>
inline constexpr std::string_view policy_name<counting_lock> = "user's lock";
template <>
inline constexpr std::string_view policy_name<tarn::lock_free> = "lock_free";
template <>
inline constexpr std::string_view policy_name<tarn::thread_cached<>> = "thread_cached";
template <>
inline constexpr std::string_view policy_name<tarn::thread_cached<tarn::spin_lock>> =
    "thread_cached<spin_lock>";
template <>
inline constexpr std::string_view policy_name<tarn::thread_cached<counting_lock>> =
    "thread_cached<user's lock>";
template <>
inline constexpr std::string_view policy_name<tarn::per_cpu<>> = "per_cpu";
template <>
inline constexpr std::string_view policy_name<tarn::no_stats> = "no_stats";
template <>
inline constexpr std::string_view policy_name<tarn::counting_stats> = "counting_stats";
template <>
inline constexpr std::string_view policy_name<tarn::recording_stats> = "recording_stats";
template <>
inline constexpr std::string_view policy_name<byte_stats> = "user's stats";

template <class P>
[[nodiscard]] std::string name_of() {
  std::string name(policy_name<typename P::lock>);
  name += '/';  // not by operator+, where g++ 12 with -fsanitize=thread -O1 warns of std::string
  name += policy_name<typename P::stats>;
  return name;
}

}  // namespace test

#if defined(TARN_TEST_CORES_ARE_LINKED)
#include "support/cores.hpp"
#endif
