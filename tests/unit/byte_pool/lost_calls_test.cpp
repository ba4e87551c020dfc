// SPDX-License-Identifier: MIT
//
// What a waiting get needs comes in ways that are no put: each of them calls it. Where the call
// is lost, these gets sleep until their deadlines.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/lock_free.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr auto long_time = 15s;

/// Heap memory; an allocation stops at a gate that is shut.
struct gated_source {
  void* allocate(std::size_t bytes, std::size_t alignment) {
    bool shut = true;
    if (gate->shut.compare_exchange_strong(shut, false)) {
      gate->is_reached = true;
      while (!gate->opens)
        std::this_thread::yield();
    }
    return tarn::heap_source{}.allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    tarn::heap_source{}.deallocate(p, bytes, alignment);
  }
  struct state {
    std::atomic<bool> shut{false}, is_reached{false}, opens{false};
  };
  std::shared_ptr<state> gate = std::make_shared<state>();
};
using gated_pool =
    tarn::byte_pool<std::mutex, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, gated_source>>;

void until(const std::atomic<bool>& flag) {
  while (!flag)
    std::this_thread::yield();
}
template <class Pool>
void until_waiting(const Pool& pool, std::uint64_t requests) {
  while (tarn::detail::access::core_of(pool)->waiting().count() != requests)
    std::this_thread::yield();
}

}  // namespace

TEST_CASE("a slab that another get brings is for those who wait for its tier, too", "[byte_pool]") {
  gated_source source;
  gated_pool pool({.limit_bytes = 128 * kib}, {}, source);
  const auto half = pool.get(64 * kib);
  source.gate->shut = true;
  std::atomic<bool> done{false};
  std::jthread first([&] {
    const auto block = pool.get(100);
    until(done);
  });
  until(source.gate->is_reached);
  // An older request waits for memory, so the next one does not ask for any.
  std::jthread older([&] { static_cast<void>(pool.get_for(128 * kib, 1min)); });
  until_waiting(pool, 1);
  std::atomic<bool> got{false};
  std::jthread waiter([&] {
    got = static_cast<bool>(pool.get_for(100, long_time));
    done = true;
  });
  until_waiting(pool, 2);
  std::this_thread::sleep_for(50ms);
  source.gate->opens = true;
  waiter.join();
  CHECK(got);
  pool.close();  // the older one need not wait any longer
}

TEST_CASE("memory that a request does not want after all is for the next one", "[byte_pool]") {
  gated_source source;
  gated_pool pool({.capacity = 1, .limit_bytes = 128 * kib}, {}, source);
  auto half = pool.get(64 * kib);
  source.gate->shut = true;
  std::atomic<bool> done{false};
  std::jthread holder([&] {
    const auto block = pool.get(100);
    until(done);
  });
  until(source.gate->is_reached);
  std::jthread older([&] { static_cast<void>(pool.get_for(128 * kib, 700ms)); });
  until_waiting(pool, 1);
  std::jthread same_tier([&] { static_cast<void>(pool.get_for(100, 1min)); });
  until_waiting(pool, 2);
  std::atomic<bool> got{false};
  std::jthread waiter([&] {
    got = static_cast<bool>(pool.get_for(1000, long_time));
    done = true;
  });
  until_waiting(pool, 3);
  std::this_thread::sleep_for(50ms);
  source.gate->opens = true;
  std::this_thread::sleep_for(50ms);
  half.reset();
  waiter.join();
  CHECK(got);
}

TEST_CASE("a kept large block that only lost its pages is called for", "[byte_pool]") {
  tarn::byte_pool<> pool({.limit_bytes = 8 * mib, .large_cache_bytes = 8 * mib});
  {
    auto block = pool.get(6 * mib);
    std::memset(block.data(), 1, 6 * mib);
  }
  std::atomic<bool> got{false};
  std::optional<std::jthread> waiter;
  pool.set_callback([&](const tarn::operation& o) {
    if (o.kind != tarn::operation_kind::cleanup || waiter) return;
    waiter.emplace([&] { got = static_cast<bool>(pool.get_for(6 * mib, long_time)); });
    until_waiting(pool, 1);
    std::this_thread::sleep_for(50ms);
  });
  CHECK(pool.purge() != 0);
  REQUIRE(waiter);
  waiter->join();
  CHECK(got);
}

TEST_CASE("large blocks that a bulk get puts back are called for", "[byte_pool]") {
  constexpr std::size_t half = 9 * mib / 2;
  tarn::byte_pool<std::mutex> pool({.limit_bytes = 9 * mib, .large_cache_bytes = 9 * mib});
  const auto small = pool.get(100);
  {
    const auto kept = pool.get(half);
  }
  std::atomic<bool> over{false};
  std::jthread other([&] {
    std::vector<decltype(pool)::buffer> two(2);
    while (!over)
      static_cast<void>(pool.try_get_bulk(half, two));
  });
  int empty = 0;
  for (int i = 0; i != 300 && empty == 0; ++i)
    empty += !pool.get_for(half, long_time);
  over = true;
  CHECK(empty == 0);
}

TEST_CASE("gets that wait at a capacity do not cost objects that are kept", "[object_pool]") {
  std::atomic<int> made{0};
  auto factory = [&made] {
    ++made;
    return std::string("x");
  };
  using traits = tarn::object_traits<tarn::keep_objects<decltype(factory)>>;
  tarn::object_pool<std::string, tarn::lock_free, tarn::counting_stats, traits> pool(
      {.capacity = 2}, {factory});
  {
    const auto one = pool.get();
    const auto two = pool.get();
  }
  std::atomic<int> empty{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t != 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i != 2000; ++i) {
          empty += !pool.get_for(long_time);
          if (i % 16 == 0) std::this_thread::yield();
        }
      });
    }
  }
  CHECK(empty == 0);
  CHECK(made == 2);
  CHECK(test::imbalance(pool) == "");
}
