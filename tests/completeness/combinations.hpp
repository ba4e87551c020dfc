// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace test {

/// Registers `Case::run<Policy>` for every pair of policies, under names that can be compared with
/// those of the benchmarks: `product/lock:.../stats:...`.
template <class Case, class... Policies>
bool register_all(const std::string& product, const std::tuple<Policies...>*) {
  const auto add = [&]<class Policy>(const Policy*) {
    const std::string name = product + "/lock:" + std::string(policy_name<typename Policy::lock>) +
                             "/stats:" + std::string(policy_name<typename Policy::stats>);
    REGISTER_TEST_CASE(Case::template run<Policy>, name, "[combination]");
  };
  (add(static_cast<const Policies*>(nullptr)), ...);
  return true;
}

}  // namespace test
