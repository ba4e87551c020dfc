// SPDX-License-Identifier: MIT
//
// What the tests of misuse share: the locks, the pools, and the one report that is expected.

#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/lock_free.hpp>

#include "support/catch.hpp"

namespace test {

// One of each shape, whatever part of the policies the build selects.
using misused_locks = std::tuple<tarn::no_lock, std::mutex, tarn::lock_free, tarn::thread_cached<>>;

template <class Lock, class Check>
using guarded_pool =
    tarn::byte_pool<Lock, tarn::counting_stats, tarn::traits<tarn::power_of_two_tiers<>, Check>>;

/// A class of misuse.
struct row {
  const char* name;
  void (*run)();
};

inline std::atomic<std::size_t> heard{0};
inline tarn::misuse_report last_heard{};
inline std::string last_pool;  // the report's name may end with the pool

/// Hears the reports of one scope.
struct hearing {
  hearing()
      : before(tarn::set_misuse_handler([](const tarn::misuse_report& report) noexcept {
          last_heard = report;
          last_pool.assign(report.pool);
          ++heard;
        })) {}
  ~hearing() { tarn::set_misuse_handler(before); }
  hearing(const hearing&) = delete;
  hearing& operator=(const hearing&) = delete;

  tarn::misuse_handler before;
};

inline std::size_t reports() { return heard; }
inline void forget_reports() {
  heard = 0;
  last_heard = {};
  last_pool.clear();
}

/// Checks that exactly this was reported since `forget_reports`.
inline void check_report(std::string_view pool, tarn::misuse kind, const void* block,
                         std::size_t size) {
  CHECK(heard == 1);
  CHECK(std::string(tarn::to_string(last_heard.kind)) == tarn::to_string(kind));
  CHECK(last_pool == pool);
  CHECK(last_heard.block == block);
  CHECK(last_heard.size == size);
}

/// Checks that `action` causes exactly this report, is counted as that, and that no block counts as
/// got or given back by it.
template <class Pool, class Action>
void expect_report(Pool& pool, tarn::misuse kind, const void* block, std::size_t size,
                   Action&& action) {
  const auto before = pool.snapshot();
  forget_reports();
  action();
  check_report(pool.name(), kind, block, size);
  const auto change = pool.snapshot() - before;
  for (std::size_t k = 0; k != tarn::misuse_count; ++k)
    CHECK(change.misuses[k] == (k == static_cast<std::size_t>(kind) ? 1u : 0u));
  CHECK(change.total().gets == 0);
  CHECK(change.total().puts == 0);
  CHECK(change.large.puts == 0);
}

}  // namespace test
