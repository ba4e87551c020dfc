// SPDX-License-Identifier: MIT
//
// Blocks are followed while threads get them, hand them over and read the live blocks.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t workers = 4;
constexpr std::size_t rounds = 3000;

using all = tarn::basic_recording_stats<256, 1>;
using policy = test::some_of<test::concurrent_locks, std::tuple<all, tarn::recording_stats>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("blocks that wander between threads are followed to their end",
                        "[leaks][stress]", policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto& pool = *f;
  // Where a worker leaves a block for the next one.
  std::vector<std::atomic<void*>> places(16);
  std::atomic<std::size_t> working{workers};
  std::atomic<std::uint64_t> strange{0};
  test::run_together(workers + 1, [&](std::size_t thread) {
    if (thread == workers) {
      do {
        const auto report = pool.live_blocks();
        for (const auto& site : report.sites) {
          // All of one line and of one size: a torn sample differs in one of them.
          if (std::string(site.where.file_name()).find("leaks_test.cpp") == std::string::npos) {
            ++strange;
          }
          if (site.bytes != site.samples * 100 ||
              site.estimated_bytes != site.estimated_blocks * 100)
            ++strange;
        }
        static_cast<void>(pool.snapshot());
      } while (working.load() != 0);
      return;
    }
    for (std::size_t i = 0; i != rounds; ++i) {
      void* const mine = pool.allocate(100);
      void* const other = places[(i * 7 + thread) % places.size()].exchange(mine);
      if (other != nullptr) pool.deallocate(other, 100);
    }
    --working;
  });
  for (auto& place : places) {
    if (void* const left = place.exchange(nullptr)) pool.deallocate(left, 100);
  }
  CHECK(strange == 0);
  CHECK(pool.live_blocks().empty());
  const auto s = pool.snapshot();
  CHECK(s.total().requested_bytes == workers * rounds * 100);
  std::uint64_t followed = 0;
  for (const auto n : s.lifetimes)
    followed += n;
  const auto all_of_them = s.samples * TestType::stats::sample_every;
  if (TestType::stats::sample_every == 1) CHECK(followed == all_of_them);
  CHECK(followed + 512 > all_of_them);  // one in four is timed where samples are few
  CHECK(followed < all_of_them + 512);
  CHECK(s.tiers[0].most_in_use <= workers + places.size() + 1);
}
