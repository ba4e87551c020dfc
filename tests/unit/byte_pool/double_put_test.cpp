// SPDX-License-Identifier: MIT
//
// A raw double put in a pool that does not check: when both copies come home, the second is counted
// and not taken. Before that, nothing can tell; under `lock_free` nothing ever can.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/policy/per_cpu.hpp>
#include <tarn/policy/spin_lock.hpp>

#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::misuse;

template <class Lock>
using pool_of = tarn::byte_pool<Lock, tarn::counting_stats,
                                tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check>>;

using locks =
    std::tuple<tarn::no_lock, std::mutex, tarn::spin_lock, tarn::thread_cached<>, tarn::per_cpu<>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a block that comes home twice is counted and taken once", "[byte_pool]",
                        locks) {
  pool_of<TestType> pool;
  std::vector<void*> held;
  for (int i = 0; i != 5; ++i)
    held.push_back(pool.allocate(1000));  // so that the slab stays
  void* const twice = pool.allocate(1000);
  pool.deallocate(twice, 1000);
  CHECK(pool.snapshot().misuses.empty());
  pool.deallocate(twice, 1000);
  pool.trim(0);

  const auto s = pool.snapshot();
  REQUIRE(s.misuses.size() == tarn::misuse_count);
  CHECK(s.misuses[static_cast<std::size_t>(misuse::double_put)] == 1);
  CHECK(s.total().in_use == 5);
  CHECK(s.total().created == 6);
  CHECK(s.total().idle == 1);
  std::string text;
  tarn::write_json(std::back_inserter(text), std::span(&s, 1));
  CHECK(text.find("\"double_put\":1") != std::string::npos);

  // Later gets get each block once, and all can go.
  std::set<void*> out(held.begin(), held.end());
  for (int i = 0; i != 100; ++i)
    CHECK(out.insert(pool.allocate(1000)).second);
  for (void* const block : out)
    pool.deallocate(block, 1000);
  pool.trim(0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(pool.snapshot().misuses[static_cast<std::size_t>(misuse::double_put)] == 1);
  CHECK(pool.snapshot().slab_bytes == 0);
}

TEMPLATE_LIST_TEST_CASE("the second copy finds its slab gone", "[byte_pool]", locks) {
  pool_of<TestType> pool;
  void* const twice = pool.allocate(300000);  // a slab of its own
  pool.deallocate(twice, 300000);
  pool.deallocate(twice, 300000);
  pool.trim(0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(pool.snapshot().misuses[static_cast<std::size_t>(misuse::double_put)] == 1);
  CHECK(pool.snapshot().slab_bytes == 0);
  pool.deallocate(pool.allocate(300000), 300000);
}

TEST_CASE("a pool that meets no double put shows no misuses", "[byte_pool]") {
  pool_of<std::mutex> pool;
  for (int i = 0; i != 10; ++i)
    pool.get(1000).reset();
  pool.trim(0);
  CHECK(pool.snapshot().misuses.empty());
}
