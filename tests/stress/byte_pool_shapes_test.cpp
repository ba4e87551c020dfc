// SPDX-License-Identifier: MIT
//
// Many threads get and put; no block ever has two owners, and no block is lost.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

// The number of rounds per thread; in each round it gets or puts, with up to 16 blocks out.
template <class Pool>
std::size_t run_shape(Pool& pool, std::size_t threads, std::size_t rounds) {
  std::atomic<std::size_t> torn{0};
  test::run_together(threads, [&](std::size_t me) {
    struct held {
      void* block;
      std::size_t size;
      std::uint64_t owner;
    };
    std::vector<held> out;
    std::mt19937 random(static_cast<unsigned>(me) + 1);
    for (std::size_t i = 0; i != rounds; ++i) {
      if (out.size() == 16 || (!out.empty() && random() % 2 == 0)) {
        const auto at = random() % out.size();
        const held h = out[at];
        out[at] = out.back();
        out.pop_back();
        if (!test::is_signed(h.block, h.size, h.owner)) ++torn;
        pool.deallocate(h.block, h.size);
      } else {
        // All tiers and larger sizes, mostly small ones.
        const std::size_t size = 1 + random() % (std::size_t{64} << random() % 9);
        const std::uint64_t owner = (std::uint64_t{me} << 32) + i;
        void* const block = pool.allocate(size);
        test::sign(block, size, owner);
        out.push_back({block, size, owner});
      }
    }
    for (const auto& h : out) {
      if (!test::is_signed(h.block, h.size, h.owner)) ++torn;
      pool.deallocate(h.block, h.size);
    }
  });
  return torn;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("blocks have one owner each, whatever the number of threads", "[byte_pool]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  struct shape {
    std::size_t threads;
    std::size_t rounds;
  };
  for (const auto& s : {shape{50, 50}, shape{100, 1000}, shape{10, 50}, shape{8, 10000}}) {
    INFO(s.threads << " threads, " << s.rounds << " rounds");
    test::byte_fixture<TestType> pool;
    CHECK(run_shape(*pool, s.threads, s.rounds) == 0);
    CHECK(pool.imbalance() == "");
    CHECK(pool->occupancy().in_use() == 0);
    if constexpr (TestType::stats::counts) {
      const auto total = pool->snapshot().total();
      CHECK(total.gets == total.puts);
    }
    // The threads are gone, and with them their caches.
    if (test::has_thread_caches<TestType>) {
      for (const auto& t : pool->occupancy().tiers)
        CHECK(t.idle_in_threads == 0);
    }
    pool->trim();
    CHECK(pool.source.live_bytes() == 0);
  }
}
