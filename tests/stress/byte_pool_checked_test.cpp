// SPDX-License-Identifier: MIT
//
// Two threads put the same block: exactly one succeeds, and the other one is reported.

#include <atomic>
#include <cstddef>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

std::atomic<std::size_t> doubles{0};
std::atomic<std::size_t> others{0};

void listen(const tarn::misuse_report& report) noexcept {
  // A large block that came back has no owner any more, so the second put may be too late to be
  // recognised.
  const bool is_double = report.kind == tarn::misuse::double_put ||
                         (report.size > (2 << 20) && report.kind == tarn::misuse::foreign);
  ++(is_double ? doubles : others);
}

template <class P>
using checked_fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, tarn::checked>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("of two racing puts of one block exactly one wins", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  auto* const before = tarn::set_misuse_handler(listen);
  for (const std::size_t size : {std::size_t{100}, std::size_t{40'000}, std::size_t{3} << 20}) {
    INFO(size);
    doubles = others = 0;
    const std::size_t rounds = size > 1 << 20 ? 5 : 50;
    const std::size_t blocks = size > 1 << 20 ? 4 : 60;
    checked_fixture<TestType> pool;
    for (std::size_t round = 0; round != rounds; ++round) {
      std::vector<void*> out(blocks);
      pool->allocate_bulk(size, out);
      test::run_together(2, [&](std::size_t) {
        for (auto* const b : out)
          pool->deallocate(b, size);
      });
    }
    CHECK(doubles == rounds * blocks);
    CHECK(others == 0);
    CHECK(pool.imbalance() == "");
    CHECK(pool->occupancy().in_use() == 0);
  }
  tarn::set_misuse_handler(before);
}

TEMPLATE_LIST_TEST_CASE("checked work from many threads causes no report", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  auto* const before = tarn::set_misuse_handler(listen);
  doubles = others = 0;
  {
    checked_fixture<TestType> pool;
    test::run_together(5, [&](std::size_t me) {
      std::vector<void*> out;
      for (std::size_t i = 0; i != 1500; ++i) {
        const std::size_t size = std::size_t{128} << (me + i / 100) % 10;
        out.push_back(pool->allocate(size));
        if (i % 10 == 9) {
          for (auto* const b : out)
            pool->deallocate(b, size);
          out.clear();
        }
        if (i % 100 == 99) me % 2 == 0 ? void(pool->trim()) : pool->drain();
      }
    });
    CHECK(pool.imbalance() == "");
  }
  CHECK(doubles == 0);
  CHECK(others == 0);
  tarn::set_misuse_handler(before);
}
