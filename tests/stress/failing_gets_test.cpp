// SPDX-License-Identifier: MIT
//
// Threads whose gets fail in the middle, while another thread reads the numbers: no counter ever
// falls, no put is seen before its get, and no block is lost.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr int threads = 3;
constexpr int rounds = 3000;

// Runs `work(thread)` in some threads, and reads the numbers of `pool` meanwhile. Returns: what was
// wrong with them.
template <class Pool, class Work>
[[nodiscard]] std::string watch(Pool& pool, Work&& work) {
  std::atomic<int> running{threads};
  std::vector<std::jthread> all;
  for (int i = 0; i != threads; ++i) {
    all.emplace_back([&, i] {
      work(i);
      running.fetch_sub(1);
    });
  }
  std::string wrong;
  auto before = pool.snapshot().tiers[0];
  while (running.load() != 0) {
    const auto now = pool.snapshot().tiers[0];
    for (const auto count : tarn::tier_snapshot::counts) {
      if (now.*count < before.*count) wrong = "a counter fell";
    }
    if (now.puts > now.gets) wrong = "a put before its get";
    before = now;
  }
  return wrong;
}

// Every third constructor of a thread throws.
struct moody {
  explicit moody(int& turn) {
    if (++turn % 3 == 0) throw std::runtime_error("moody");
  }
  std::byte bytes[200];
};

// Every third factory call throws.
struct moody_kept {
  moody_kept() {
    static std::atomic<int> turn{0};
    if (turn.fetch_add(1) % 3 == 2) throw std::runtime_error("moody");
  }
  void reset() noexcept {}
  void reserve(std::size_t n) {
    if (n % 3 == 2) throw std::runtime_error("moody");
  }
  std::byte bytes[200];
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("bulk gets that fail at the capacity beside others that succeed",
                        "[stress]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.capacity = 64});
  std::atomic<int> got{0};
  std::atomic<int> refused{0};
  const auto wrong = watch(*pool, [&](int) {
    std::vector<void*> out(40);
    for (int i = 0; i != rounds; ++i) {
      if (!pool->try_allocate_bulk(100, out)) {
        refused.fetch_add(1);
        continue;
      }
      got.fetch_add(1);
      if (i % 8 == 0) std::this_thread::yield();
      pool->deallocate_bulk(out, 100);
    }
  });
  CHECK(wrong == "");
  CHECK(got + refused == threads * rounds);
  CHECK(pool->occupancy().refusals[static_cast<std::size_t>(tarn::refusal::capacity)] ==
        static_cast<std::uint64_t>(refused.load()));
  CHECK(pool->snapshot().tiers[0].gets == 40 * static_cast<std::uint64_t>(got.load()));
  const auto t = pool->occupancy().tiers[0];
  CHECK(t.created - t.retired <= 64);
  std::vector<void*> all(64);
  CHECK(pool->try_allocate_bulk(100, all));
  pool->deallocate_bulk(all, 100);
}

TEMPLATE_LIST_TEST_CASE("constructors that throw in some threads", "[stress]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = tarn::object_pool<
      moody, typename TestType::lock, tarn::counting_stats,
      tarn::object_traits<tarn::build_objects, tarn::no_check, test::failing_source>>;
  test::failing_source source;
  pool_type pool({}, {}, source);
  const auto wrong = watch(pool, [&](int) {
    int turn = 0;
    std::vector<typename pool_type::handle> out;
    for (int i = 0; i != rounds; ++i) {
      try {
        out.push_back(pool.make(turn));
      } catch (const std::runtime_error&) {
        if (out.size() > 50) out.clear();
      }
    }
  });
  CHECK(wrong == "");
  CHECK(pool.snapshot().tiers[0].gets == threads * rounds / 3 * 2);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool, source) == "");
}

TEMPLATE_LIST_TEST_CASE("factories and reserves that throw in some threads", "[stress]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = tarn::object_pool<
      moody_kept, typename TestType::lock, tarn::counting_stats,
      tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;
  test::failing_source source;
  pool_type pool({.max_objects = 20}, {}, source);
  std::atomic<std::uint64_t> got{0};
  const auto wrong = watch(pool, [&](int thread) {
    std::vector<typename pool_type::handle> out(10);
    for (int i = 0; i != rounds; ++i) {
      try {
        if ((i + thread) % 2 == 0) {
          out[0] = pool.get(static_cast<std::size_t>(i));
          got.fetch_add(1);
        } else {
          pool.get_bulk(out);
          got.fetch_add(10);
        }
      } catch (const std::runtime_error&) {
      }
      if (i % 5 == 0) pool.put_bulk(out);
    }
  });
  CHECK(wrong == "");
  CHECK(pool.snapshot().tiers[0].gets == got.load());
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool, source) == "");
}
