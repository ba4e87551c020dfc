// SPDX-License-Identifier: MIT
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class Pair, class Part>
inline constexpr std::size_t times_in = 0;
template <class Pair, class... Pairs>
inline constexpr std::size_t times_in<Pair, std::tuple<Pairs...>> =
    (std::size_t{std::is_same_v<Pair, Pairs>} + ...);

template <class Locks, class Pair, std::size_t Step>
inline constexpr std::size_t times = []<std::size_t... Part>(std::index_sequence<Part...>) {
  return (times_in<Pair, typename test::part<Part, Locks, test::stats, Step>::type> + ...);
}(std::make_index_sequence<4 * Step>());

template <class Locks, class Pairs, std::size_t Step>
inline constexpr bool each_once = false;
template <class Locks, class... Pairs, std::size_t Step>
inline constexpr bool each_once<Locks, std::tuple<Pairs...>, Step> =
    ((times<Locks, Pairs, Step> == 1) && ...);
template <class Locks, std::size_t Step>
inline constexpr bool covers =
    each_once<Locks, typename test::cross<Locks, test::stats>::type, Step>;

template <class Stats, class Pairs>
inline constexpr bool has_stats = false;
template <class Stats, class... Pairs>
inline constexpr bool has_stats<Stats, std::tuple<Pairs...>> =
    (std::is_same_v<Stats, typename Pairs::stats> || ...);

template <class Pairs, class Stats>
inline constexpr bool has_all = false;
template <class Pairs, class... Stats>
inline constexpr bool has_all<Pairs, std::tuple<Stats...>> = (has_stats<Stats, Pairs> && ...);

}  // namespace

TEST_CASE("each pair of policies is in one of the 8, 16 or 32 parts", "[policies]") {
  STATIC_REQUIRE(std::tuple_size_v<test::stats> == 4);
  STATIC_REQUIRE(covers<test::locks, 2>);
  STATIC_REQUIRE(covers<test::concurrent_locks, 2>);
  STATIC_REQUIRE(covers<test::locks, 4>);
  STATIC_REQUIRE(covers<test::concurrent_locks, 4>);
  STATIC_REQUIRE(covers<test::locks, 8>);
  STATIC_REQUIRE(covers<test::concurrent_locks, 8>);
}

TEST_CASE("an eighth has each stats policy", "[policies]") {
  using eighth = test::part<3, test::locks, test::stats>::type;
  STATIC_REQUIRE(std::tuple_size_v<eighth> == std::tuple_size_v<test::locks> / 2);
  STATIC_REQUIRE(has_all<eighth, test::stats>);
  STATIC_REQUIRE(std::tuple_size_v<test::every_policy> >= 1);
}
