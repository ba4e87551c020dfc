// SPDX-License-Identifier: MIT

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"

namespace {

constexpr std::size_t largest_size = SIZE_MAX;

// The definition, in its simplest form.
std::size_t search(const std::vector<std::size_t>& sizes, std::size_t n) {
  std::size_t tier = 0;
  while (tier < sizes.size() && sizes[tier] < n)
    ++tier;
  return tier;
}

template <class Tiers>
std::vector<std::size_t> list(const Tiers& tiers) {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < tiers.count(); ++i)
    sizes.push_back(tiers.size_of(i));
  return sizes;
}

// One comparison per size, and one assertion per table: a CHECK per size takes minutes.
template <class Tiers>
bool agrees(const Tiers& tiers, const std::vector<std::size_t>& sizes, std::size_t n) {
  const std::size_t tier = tiers.tier_for(n);
  const std::size_t expected = search(sizes, n);
  bool open_agrees = true;
  if constexpr (tarn::detail::has_open_search<Tiers>) {
    const std::size_t open = tiers.open_tier_for(n);
    open_agrees = n != 0 && expected < sizes.size()
                      ? open == expected
                      : open >= sizes.size() && open < tiers.open_count();
  }
  if (open_agrees && (expected == sizes.size() ? tier >= sizes.size() : tier == expected))
    return true;
  UNSCOPED_INFO("size " << n << " got tier " << tier << ", not " << expected);
  return false;
}

template <class Tiers>
bool agrees_everywhere(const Tiers& tiers) {
  const auto sizes = list(tiers);
  for (std::size_t n = 0; n <= 70000; ++n) {
    if (!agrees(tiers, sizes, n)) return false;
  }
  for (const std::size_t size : sizes) {
    for (const std::size_t n : {size - 1, size, size + 1}) {
      if (!agrees(tiers, sizes, n)) return false;
    }
  }
  for (std::size_t bit = 1; bit != 0; bit <<= 1) {
    for (const std::size_t n : {bit - 1, bit, bit + 1}) {
      if (!agrees(tiers, sizes, n)) return false;
    }
  }
  return agrees(tiers, sizes, 0) && agrees(tiers, sizes, largest_size) &&
         agrees(tiers, sizes, largest_size - 1);
}

template <std::size_t From, std::size_t Step, class Sequence>
struct row;

template <std::size_t From, std::size_t Step, std::size_t... I>
struct row<From, Step, std::index_sequence<I...>> {
  using type = tarn::fixed_tiers<(From + I * Step)...>;
};

// 64 tiers from `From` on, `Step` apart.
template <std::size_t From, std::size_t Step>
using row_of_64 = typename row<From, Step, std::make_index_sequence<64>>::type;

using odd_sizes = tarn::fixed_tiers<1, 7, 8, 9, 31, 33, 100, 1000, 4095, 4096, 4097, 4111, 4112,
                                    4113, 5000, 9999, 65535, 65537, 69999>;
// 2^40 where a size has 64 bits.
constexpr std::size_t widest = tarn::detail::max_tier_bytes;
using wide_sizes = tarn::fixed_tiers<3, 65537, 1000003, (widest >> 7) + 1, widest - 1, widest>;

std::string message_of(std::span<const std::size_t> sizes) {
  try {
    const tarn::runtime_tiers tiers(sizes);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEMPLATE_TEST_CASE("a table gives every size its smallest tier", "[tiers]",
                   tarn::power_of_two_tiers<>, (tarn::power_of_two_tiers<16, 65536>),
                   (tarn::power_of_two_tiers<16, 16>), (tarn::power_of_two_tiers<4096, 8192>),
                   (tarn::power_of_two_tiers<64, widest>), tarn::stream_tiers, tarn::kafka_tiers,
                   tarn::page_tiers, tarn::small_tiers, tarn::cache_tiers, tarn::single_tier<1>,
                   tarn::single_tier<100>, tarn::single_tier<65536>, odd_sizes, wide_sizes,
                   (row_of_64<1, 1>), (row_of_64<4090, 1>), (row_of_64<60001, 3>),
                   (row_of_64<16, 16>), (row_of_64<1000, 999>), tarn::runtime_tiers) {
  const TestType tiers;
  CHECK(agrees_everywhere(tiers));
  CHECK(tiers.tier_for(0) == 0);
  CHECK(tiers.tier_for(largest_size) >= tiers.count());
}

TEMPLATE_TEST_CASE("a run-time table agrees with the static one of its sizes", "[tiers]",
                   tarn::power_of_two_tiers<>, tarn::stream_tiers, tarn::kafka_tiers,
                   tarn::page_tiers, tarn::small_tiers, tarn::cache_tiers, odd_sizes, wide_sizes,
                   (row_of_64<1, 1>), (row_of_64<4090, 1>), (row_of_64<1000, 999>)) {
  const auto sizes = list(TestType{});
  const tarn::runtime_tiers tiers(sizes);
  CHECK(list(tiers) == sizes);
  CHECK(agrees_everywhere(tiers));
}

TEST_CASE("a run-time table is the power-of-two ladder by default", "[tiers]") {
  CHECK(list(tarn::runtime_tiers{}) == list(tarn::power_of_two_tiers<>{}));
}

TEST_CASE("a run-time table sorts its sizes and drops duplicates", "[tiers]") {
  CHECK(list(tarn::runtime_tiers{4096, 512, 65536, 512}) ==
        std::vector<std::size_t>{512, 4096, 65536});
  CHECK(list(tarn::runtime_tiers{7}) == std::vector<std::size_t>{7});

  // More sizes than tiers are allowed, if at most 64 of them differ.
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 1000; ++i)
    sizes.push_back(64 - i % 64);
  CHECK(tarn::runtime_tiers(sizes).count() == 64);
}

TEST_CASE("a run-time table names the value and the limit that it refuses", "[tiers]") {
  const std::size_t most = widest;
  CHECK(message_of({}) == "tarn: number of tiers 0 must be at least 1");

  const std::array<std::size_t, 2> zero{128, 0};
  CHECK(message_of(zero) == "tarn: tier size 0 must be at least 1");

  const std::array<std::size_t, 2> large{128, most + 1};
  CHECK(has(message_of(large), std::to_string(most + 1)));
  CHECK(has(message_of(large), "at most " + std::to_string(most)));

  const std::array<std::size_t, 2> fits{1, most};
  CHECK(message_of(fits) == "no error");

  std::vector<std::size_t> many(64);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = i + 1;
  CHECK(message_of(many) == "no error");
  many.push_back(1000);
  CHECK(message_of(many) == "tarn: number of tiers 65 must be at most 64");
}

TEST_CASE("random tables agree with a linear search", "[tiers]") {
  std::mt19937_64 random(20);
  bool all = true;
  for (int round = 0; round < 2000 && all; ++round) {
    const std::size_t spread = std::size_t{1} << random() % std::bit_width(widest);
    const std::size_t base = round % 3 == 0 ? 0 : random() % (widest - spread + 1);
    std::vector<std::size_t> given;
    std::set<std::size_t> sorted;
    for (std::size_t i = random() % 64 + 1; i > 0; --i) {
      given.push_back(std::max<std::size_t>(1, base + random() % spread));
      sorted.insert(given.back());
    }
    const std::vector<std::size_t> sizes(sorted.begin(), sorted.end());
    const tarn::runtime_tiers tiers(given);
    all = all && list(tiers) == sizes;
    for (const std::size_t size : sizes) {
      for (const std::size_t n :
           {size - 1, size, size + 1, base + static_cast<std::size_t>(random() % spread)}) {
        all = all && agrees(tiers, sizes, n);
      }
    }
    for (int i = 0; i < 100; ++i)
      all = all && agrees(tiers, sizes, random() >> (random() % 64));
  }
  CHECK(all);
}
