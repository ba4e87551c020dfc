// SPDX-License-Identifier: MIT
//
// The cache of blocks above the last tier while threads get, put, age, purge and trim.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t kib = 1024;

struct purgeable_source : test::failing_source {
  static constexpr bool is_purgeable = true;
};
template <class P>
using purgeable_pool =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::fixed_tiers<128>, tarn::no_check, purgeable_source>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("large blocks come and go beside six threads that age, purge and trim",
                        "[byte_pool][stress]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  for (const auto how : {tarn::idle_memory::give_back, tarn::idle_memory::purge}) {
    purgeable_source source;
    {
      purgeable_pool<TestType> pool({.large_cache_bytes = 8192 * kib, .idle_memory = how}, {},
                                    source);
      std::atomic<std::size_t> torn{0};
      std::atomic<std::size_t> working{3};
      std::atomic<int> second{1};
      test::run_together(9, [&](std::size_t me) {
        if (me < 3) {
          struct held {
            void* block;
            std::size_t size;
          };
          std::vector<held> out;
          std::mt19937 random(static_cast<unsigned>(me) + 1);
          for (int i = 0; i != 20'000; ++i) {
            if (out.size() == 200 || (!out.empty() && random() % 2 == 0)) {
              const auto h = out.back();
              out.pop_back();
              torn += !test::is_signed(h.block, 64, me);
              pool.deallocate(h.block, h.size);
            } else {
              const std::size_t size = 1 * kib + random() % (20 * kib);
              void* const block = pool.try_allocate(size);
              if (block == nullptr) continue;
              test::sign(block, 64, me);
              out.push_back({block, size});
            }
          }
          for (const auto& h : out)
            pool.deallocate(h.block, h.size);
          --working;
          return;
        }
        while (working != 0) {
          if (me < 5) pool.maintain(std::chrono::seconds(second++));
          if (me == 5 || me == 6) pool.purge();
          if (me == 7) pool.trim(2048 * kib);
          if (me == 8) static_cast<void>(pool.snapshot());
        }
      });
      CHECK(torn == 0);
      const auto large = pool.occupancy().large;
      CHECK(large.in_use == 0);
      CHECK(large.in_use_bytes == 0);
      CHECK(large.kept_bytes <= 8192 * kib);
      CHECK(test::imbalance(pool, source) == "");
      pool.close();
      CHECK(pool.occupancy().large.kept == 0);
      CHECK(pool.occupancy().large.kept_bytes == 0);
      CHECK(source.live_bytes() == 0);
    }
    CHECK(source.faults() == 0);
  }
}
