// SPDX-License-Identifier: MIT
//
// Ages of followed blocks where samples are few: most ages come from a clock that is some
// milliseconds late.

#include <chrono>
#include <cstddef>
#include <thread>
#include <tuple>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using fewer = tarn::basic_recording_stats<256, 4>;
using few_policy = test::some_of<test::locks, std::tuple<fewer>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("an age lies between what both clocks say", "[leaks]", few_policy) {
  INFO(test::name_of<TestType>());
  using namespace std::chrono;
  test::byte_fixture<TestType> pool;
  std::vector<typename test::byte_fixture<TestType>::buffer> held;
  // The late clock bounds both: a block that is followed later has no earlier time than this.
  const nanoseconds begin(tarn::detail::coarse_nanoseconds());
  const auto since_begin = [&] { return nanoseconds(tarn::detail::steady_nanoseconds()) - begin; };
  for (int i = 0; i != 64; ++i) {
    held.push_back(pool->get(100));
    if (i % 16 == 15) std::this_thread::sleep_for(milliseconds(5));
  }
  const auto report = pool->live_blocks();
  const auto most = since_begin();
  CHECK(report.samples == 16);
  REQUIRE(report.sites.size() == 1);
  CHECK(report.sites[0].oldest >= milliseconds(20));
  CHECK(report.sites[0].oldest <= most);
  // Gives the blocks back one by one, and checks the oldest that is left, timed or not.
  std::size_t wrong = 0;
  while (!held.empty()) {
    held.erase(held.begin());
    const auto left = pool->live_blocks();
    if (left.empty()) continue;
    wrong += left.sites[0].oldest < milliseconds(5);
    wrong += left.sites[0].oldest > since_begin();
  }
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("one lifetime in four is measured, and stands for the others", "[leaks]",
                        few_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  constexpr std::size_t gets = 16 * 64;
  for (std::size_t i = 0; i != gets; ++i)
    pool->put(pool->get(100));
  const auto s = pool->snapshot();
  CHECK(s.samples == gets / 4);
  std::uint64_t lifetimes = 0;
  for (const auto n : s.lifetimes)
    lifetimes += n;
  CHECK(lifetimes == gets);
}
