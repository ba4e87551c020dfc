// SPDX-License-Identifier: MIT
//
// A pool uses the user's own ring for the requested sizes.

#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/spin_lock.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

using recording_policy = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;
using sizes = std::vector<std::size_t>;

/// A ring as a user writes it: it keeps all values.
struct endless {
  std::vector<std::size_t> all;
  void push(std::size_t size) { all.push_back(size); }
  [[nodiscard]] std::vector<std::size_t> values() const { return all; }
};

template <class Action>
[[nodiscard]] std::string refusal(Action&& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a ring of one's own sees every request at once, in order", "[byte_pool]",
                        recording_policy) {
  INFO(test::name_of<TestType>());
  tarn::ring_queue<std::size_t> mine(64);
  test::byte_fixture<TestType, tarn::power_of_two_tiers<128, 512>> pool({.recent_lengths = &mine});
  pool->put(pool->get(1));
  CHECK(mine.values() == sizes{1});
  CHECK(mine.size() == 1);
  pool->put(pool->get(1000));  // above the last tier
  pool->put(pool->get(100));
  pool->put(pool->get_at_least(200));
  std::vector<void*> raw(3);
  pool->allocate_bulk(77, raw);
  pool->deallocate_bulk(raw, 77);
  CHECK(mine.values() == sizes{1, 1000, 100, 200, 77, 77, 77});
  CHECK(pool->snapshot().recent_lengths == mine.values());
  for (std::size_t n = 1; n <= 100; ++n)
    pool->put(pool->get(n));
  sizes newest(64);
  std::iota(newest.begin(), newest.end(), std::size_t{37});
  CHECK(mine.values() == newest);
  CHECK(pool->snapshot().recent_lengths == newest);
  const auto s = pool->snapshot();
  CHECK(s.total().gets == 106);  // all other numbers count as always
  CHECK(s.total().misses <= 8);
}

TEMPLATE_LIST_TEST_CASE(
    "the pool's own ring is lock-free or locked, of 256 or as many as one likes", "[byte_pool]",
    recording_policy) {
  INFO(test::name_of<TestType>());
  for (const auto type : {tarn::ring_type::lock_free, tarn::ring_type::locked}) {
    test::byte_fixture<TestType> usual({.recent_lengths = type});
    test::byte_fixture<TestType> ten({.recent_lengths = tarn::length_ring(type, 10)});
    for (std::size_t n = 1; n <= 300; ++n) {
      usual->put(usual->get(n));
      ten->put(ten->get(n));
    }
    sizes newest(256);
    std::iota(newest.begin(), newest.end(), std::size_t{45});
    CHECK(usual->snapshot().recent_lengths == newest);
    CHECK(ten->snapshot().recent_lengths == sizes(newest.end() - 10, newest.end()));
  }
}

TEST_CASE("a user's own type of ring, and locked ones of all kinds, are rings", "[byte_pool]") {
  endless all;
  tarn::object_pool<int, tarn::no_lock, tarn::recording_stats> numbers({.recent_lengths = &all});
  numbers.put(numbers.get());
  numbers.put(numbers.get());
  CHECK(all.all == sizes{sizeof(int), sizeof(int)});

  tarn::locked_ring_queue<std::size_t, tarn::spin_lock> locked(3);
  tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> bytes({.recent_lengths = &locked});
  for (std::size_t n = 1; n <= 5; ++n)
    bytes.put(bytes.get(n));
  CHECK(locked.values() == sizes{3, 4, 5});
  std::size_t oldest = 0;
  CHECK(locked.try_pop(oldest));
  CHECK(bytes.snapshot().recent_lengths == sizes{4, 5});
}

TEST_CASE("two pools may share a ring, and all their threads", "[byte_pool]") {
  using pool_type = tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats>;
  const tarn::length_ring shared(tarn::ring_type::lock_free, 1000);
  pool_type a({.recent_lengths = shared});
  pool_type b({.recent_lengths = shared});
  test::run_together(4, [&](std::size_t thread) {
    for (std::size_t n = 0; n != 100; ++n) {
      auto& pool = n % 2 == 0 ? a : b;
      pool.put(pool.get(1 + thread));
    }
  });
  std::vector<int> seen(5);
  for (const auto size : shared.values())
    ++seen.at(size);
  CHECK(seen == std::vector{0, 100, 100, 100, 100});
}

TEST_CASE("no ring, no such type and no room are refused", "[byte_pool]") {
  using ring = tarn::ring_queue<std::size_t>;
  CHECK(refusal([] { tarn::length_ring none(static_cast<ring*>(nullptr)); }) ==
        "tarn: recent_lengths must not be a null ring");
  CHECK(refusal([] { tarn::length_ring none(nullptr); }) ==
        "tarn: recent_lengths must not be a null ring");
  CHECK(refusal([] { tarn::length_ring none(static_cast<tarn::ring_type>(2)); }) ==
        "tarn: ring type 2 must be at most 1");
  CHECK(refusal([] { tarn::length_ring none(tarn::ring_type::locked, 0); }) ==
        "tarn: ring capacity 0 must be at least 1");
  ring mine(4);
  CHECK(refusal([&] { tarn::byte_pool<> pool({.recent_lengths = &mine}); }) ==
        "tarn: recent_lengths needs a stats policy that records, such as recording_stats");
}
