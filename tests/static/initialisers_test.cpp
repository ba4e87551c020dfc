// SPDX-License-Identifier: MIT
//
// The ways to write the options of a pool in braces: each compiles, and means the same.

#include <cstddef>
#include <mutex>
#include <vector>

#include <tarn/tarn.hpp>

#include "support/catch.hpp"

namespace {

using bounds = tarn::tier_bounds;

template <class Pool>
void check_bounds_of(const Pool& pool) {
  CHECK(pool.occupancy().tiers[0].max_idle == 0);
}

}  // namespace

TEST_CASE("bounds of tiers are a list in braces, also a list of one zero", "[options]") {
  const std::size_t none = 0;
  for (const auto& b : {bounds{0}, bounds({0}), bounds{none}, bounds(std::vector<std::size_t>(1))})
    CHECK(b.of(5) == 0);
  bounds assigned;
  assigned = {0};
  CHECK(assigned.largest() == 0);
  assigned = {};
  CHECK(assigned.empty());
  CHECK(tarn::options{.max_objects_by_tier = {0}}.max_objects_by_tier.of(0) == 0);
  CHECK(tarn::options{.max_objects_by_tier{0}}.max_objects_by_tier.of(0) == 0);
  CHECK(tarn::options{.max_objects_by_tier = {none, none}}.max_objects_by_tier.of(0) == 0);
}

TEST_CASE("each pool takes such options as they are", "[options]") {
  check_bounds_of(tarn::byte_pool<>({.max_objects_by_tier = {0}}));
  check_bounds_of(tarn::byte_pool<>{{.max_objects_by_tier = {0}}});
  check_bounds_of(tarn::byte_pool<std::mutex>({.max_objects_by_tier = {0}}, {}));
  check_bounds_of(tarn::byte_pool_of<tarn::fixed_tiers<64>>({.max_objects_by_tier = {0}}));
  check_bounds_of(tarn::object_pool<int>({.max_objects_by_tier = {0}}));
  check_bounds_of(tarn::built_pool<int>({.max_objects_by_tier = {0}}));
  check_bounds_of(tarn::message_pool<>({.max_objects_by_tier = {0}}));
  check_bounds_of(tarn::unsized_pool<>({.max_objects_by_tier = {0}}).sized());
  // With tiers of run time g++ 12 takes names in braces for an array of sizes: the type is named.
  using listed = tarn::byte_pool_of<tarn::runtime_tiers>;
  check_bounds_of(listed(tarn::options{.max_objects_by_tier = {0}}));
  check_bounds_of(listed({.max_objects_by_tier = {0}}, {100, 200}));
  check_bounds_of(listed({100, 200}, {.max_objects_by_tier = {0}}));
}
