// SPDX-License-Identifier: MIT
//
// The main job's judgement of its rounds.

#include <vector>

#include "../examples/pipeline/judgement.hpp"
#include "support/catch.hpp"

using pipeline::judge;
using pipeline::judgement;

TEST_CASE("rounds that agree are believed", "[pipeline]") {
  CHECK(judge({1.3}, 1.3) == judgement::faster);
  CHECK(judge({1.3, 1.4, 2.79, 1.2, 1.3}, 1.3) == judgement::faster);
  CHECK(judge({0.9, 0.8, 0.95, 0.9, 0.5}, 0.9) == judgement::slower);
  CHECK(judge({1.0, 1.01, 0.99, 1.0, 1.0}, 1.0) == judgement::same);
}

TEST_CASE("one round in five that says the contrary changes nothing", "[pipeline]") {
  CHECK(judge({1.3, 1.4, 0.4, 1.2, 1.3}, 1.3) == judgement::faster);
  CHECK(judge({0.9, 0.8, 1.5, 0.9, 0.9}, 0.9) == judgement::slower);
}

TEST_CASE("rounds that disagree say nothing", "[pipeline]") {
  CHECK(judge({0.4, 2.79}, 1.6) == judgement::noisy);
  CHECK(judge({0.4, 0.7, 0.9, 1.5, 2.79}, 0.9) == judgement::noisy);
  CHECK(judge({1.3, 0.4, 1.0, 0.9, 1.5}, 1.0) == judgement::noisy);
  CHECK(judge({0.5, 1.3, 1.4, 1.2}, 1.25) == judgement::noisy);
}
