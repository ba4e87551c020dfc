// SPDX-License-Identifier: MIT
#include <cstddef>
#include <vector>

#include <tarn/value/tier_bounds.hpp>

#include "support/catch.hpp"

TEST_CASE("the last bound of a list holds for all further tiers", "[tier_bounds]") {
  const tarn::tier_bounds list{5, 9, 2};
  CHECK(list.of(0) == 5);
  CHECK(list.of(1) == 9);
  CHECK(list.of(2) == 2);
  CHECK(list.of(1000) == 2);
  CHECK(list.largest() == 9);
  CHECK(list.least() == 2);
  CHECK(list == tarn::tier_bounds(std::vector<std::size_t>{5, 9, 2}));
}

TEST_CASE("no list is no bound, and a bound of zero is one", "[tier_bounds]") {
  const tarn::tier_bounds none;
  CHECK(none.empty());
  CHECK(none.of(3) == tarn::tier_bounds::no_bound);
  CHECK(none.largest() == tarn::tier_bounds::no_bound);
  CHECK(none.least() == tarn::tier_bounds::no_bound);
  const tarn::tier_bounds zero{0};
  CHECK_FALSE(zero.empty());
  CHECK(zero.of(3) == 0);
  CHECK(zero.largest() == 0);
}

TEST_CASE("bounds that halve end at the least one", "[tier_bounds]") {
  const auto slots = tarn::tier_bounds::halving(256, 8);
  for (std::size_t tier = 0; tier != 64; ++tier) {
    const std::size_t half = tier < 9 ? 256u >> tier : 0;
    CHECK(slots.of(tier) == (half > 8 ? half : 8));
  }
  CHECK(tarn::tier_bounds::halving(3, 8) == tarn::tier_bounds{8});
  CHECK(tarn::tier_bounds::halving(2, 0) == tarn::tier_bounds{2, 1, 0});
  CHECK(tarn::tier_bounds::halving(tarn::tier_bounds::no_bound, 1).of(1) ==
        tarn::tier_bounds::no_bound / 2);
}
