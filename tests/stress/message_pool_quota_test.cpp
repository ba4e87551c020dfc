// SPDX-License-Identifier: MIT
//
// Capacities and quotas under load: no consumer gets more than its part, and no thread waits in
// vain.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"
#include "support/threads.hpp"

namespace {

using namespace std::chrono_literals;

template <class P>
using pool_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

constexpr int rounds = test::with_tsan || test::with_asan ? 2'000 : 20'000;

// Records how many threads are inside at once.
class turnstile {
 public:
  void enter() {
    const int now = inside_.fetch_add(1) + 1;
    int most = most_.load();
    while (now > most && !most_.compare_exchange_weak(most, now)) {
    }
  }
  void leave() { inside_.fetch_sub(1); }
  [[nodiscard]] int most() const { return most_.load(); }

 private:
  std::atomic<int> inside_{0};
  std::atomic<int> most_{0};
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("with one consumer holding its whole quota, the other gets within 1 ms",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  pool_type pool({.capacity = 8});
  auto a = pool.consumer(4);
  auto b = pool.consumer(4);
  std::atomic<bool> over{false};
  std::atomic<bool> holding{false};
  int got = 0;
  {
    // A holds its whole quota, and always wants more.
    std::jthread greedy([&] {
      std::vector<typename pool_type::handle> all;
      while (auto m = a.try_get())
        all.push_back(std::move(m));
      holding = true;
      while (!over) {
        if (a.get_for(100us)) break;
      }
    });
    while (!holding)
      std::this_thread::yield();
    for (int i = 0; i != 1000; ++i) {
      std::vector<typename pool_type::handle> mine;
      for (int n = 0; n != 4; ++n)
        mine.push_back(b.get_for(1ms));
      got += mine[0] && mine[1] && mine[2] && mine[3];
    }
    over = true;
  }
  CHECK(got == 1000);
  CHECK(pool.in_flight() == 0);
}

TEMPLATE_LIST_TEST_CASE("everybody who waits gets a message in the end, and never one too many",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 2});
  turnstile gate;
  std::atomic<std::uint64_t> empty{0};
  // More threads than messages, and no deadline: a lost wake-up hangs the test.
  test::run_together(4, [&](std::size_t) {
    for (int i = 0; i != rounds; ++i) {
      const auto m = pool.get_for(1h);
      empty += !m;
      gate.enter();
      if (i % 64 == 0) std::this_thread::yield();
      gate.leave();
    }
  });
  CHECK(empty == 0);
  CHECK(gate.most() <= 2);
  CHECK(pool.in_flight() == 0);
  CHECK(pool.occupancy().tiers[0].created <= 2);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("waits of all lengths among consumers lose neither wake-ups nor permits",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.capacity = 3});
  auto consumer = pool.consumer(1);
  turnstile gates[2];
  std::atomic<std::uint64_t> unserved{0};
  test::run_together(4, [&](std::size_t who) {
    const bool mine = who % 2 == 0;
    for (int i = 0; i != rounds / 4; ++i) {
      // Some short waits time out; the long waits of other threads must not time out because of
      // that.
      const bool patient = who < 2;
      const auto timeout = patient ? tarn::time_span(1h) : tarn::time_span(i % 3 * 1us);
      const auto m = mine ? consumer.get_for(timeout) : pool.get_for(timeout);
      if (!m) {
        unserved += patient;
        continue;
      }
      gates[mine].enter();
      if (i % 16 == 0) std::this_thread::yield();
      gates[mine].leave();
    }
  });
  CHECK(unserved == 0);
  CHECK(gates[1].most() <= 1);
  CHECK(gates[0].most() <= 2);
  CHECK(pool.in_flight() == 0);
}

TEMPLATE_LIST_TEST_CASE("consumers come and go while messages are out with other threads",
                        "[message_pool]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  std::atomic<int> wrong{0};
  for (int round = 0; round != rounds / 100; ++round) {
    std::vector<typename pool_type::handle> passed(4);
    {
      pool_type pool({.capacity = 4});
      test::run_together(2, [&](std::size_t who) {
        auto c = pool.consumer(2);
        passed[2 * who] = c.get();
        passed[2 * who + 1] = c.get();
        wrong += static_cast<bool>(c.try_get());
      });
      // The consumers are gone; their messages come back from other threads, while the pool ends.
      test::run_together(2, [&](std::size_t who) { passed[2 * who].reset(); });
      wrong += pool.in_flight() != 2;
      wrong += !pool.get_for(0ms);
    }
    test::run_together(2, [&](std::size_t who) { passed[2 * who + 1].reset(); });
  }
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("a waiting thread is not sent away while idle messages are being destroyed",
                        "[message_pool]", test::every_concurrent_lock) {
  struct slow_to_die {
    void reset() noexcept {}
    ~slow_to_die() { std::this_thread::yield(); }
  };
  tarn::message_pool<slow_to_die, typename TestType::lock> pool({.capacity = 2});
  std::atomic<int> empty{0};
  test::run_together(3, [&](std::size_t i) {
    for (int round = 0; round != 2000; ++round) {
      if (i == 2) {
        pool.trim();
      } else if (!pool.get_for(std::chrono::seconds(60))) {
        ++empty;
      }
    }
  });
  CHECK(empty == 0);
}

TEMPLATE_LIST_TEST_CASE("a waiting thread is not sent away while others make and destroy messages",
                        "[message_pool]", test::every_concurrent_lock) {
  // Its second object is being made, and its first one being destroyed, until `end` is set.
  struct gate {
    std::atomic<int> made{0};
    std::atomic<int> going{0};
    std::atomic<bool> end{false};
    void wait(std::atomic<int>& arrived, int first) {
      if (++arrived < first) return;
      while (!end)
        std::this_thread::yield();
    }
  };
  static gate* now = nullptr;
  struct slow {
    slow() { now->wait(now->made, 2); }
    ~slow() { now->wait(now->going, 1); }
    void reset() noexcept {}
  };
  gate g;
  now = &g;
  {
    tarn::message_pool<slow, typename TestType::lock> pool({.capacity = 2});
    static_cast<void>(pool.get());
    std::thread destroys([&] { pool.trim(); });
    while (g.going == 0)
      std::this_thread::yield();
    std::thread makes([&] { static_cast<void>(pool.get()); });
    while (g.made < 2)
      std::this_thread::yield();
    std::atomic<bool> is_back{false};
    bool got = false;
    std::thread waits([&] {
      got = static_cast<bool>(pool.get_for(std::chrono::seconds(60)));
      is_back = true;
    });
    // Long enough for a get that does not wait; one that waits is served after it.
    for (int i = 0; i != 200 && !is_back; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    g.end = true;
    waits.join();
    makes.join();
    destroys.join();
    CHECK(got);
  }
}
