// SPDX-License-Identifier: MIT
//
// Waiting for a thread that gets no time slice while the waiting thread can run.

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <tarn/detail/frontend/native_env.hpp>

#include "support/catch.hpp"
#include "support/processors.hpp"

TEST_CASE("a thread that waits lets threads of a lower real-time priority run", "[pause]") {
  const auto processors = test::usable_processors();
  if (processors.empty()) return;
  std::atomic<bool> is_free{false}, has_started{false};
  std::atomic<bool> is_real_time{false};
  unsigned turns = 0;
  std::thread owner([&] {
    test::run_on(processors[0]);
    has_started = true;
    // Longer than a wait that only yields needs to come here first.
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < end) {
    }
    is_free = true;
  });
  std::thread waiting([&] {
    test::run_on(processors[0]);
    while (!has_started)
      std::this_thread::yield();
    sched_param highest{};
    highest.sched_priority = 1;
    is_real_time = pthread_setschedparam(pthread_self(), SCHED_FIFO, &highest) == 0;
    for (; !is_free; ++turns)
      tarn::detail::native_env::pause(turns);
  });
  owner.join();
  waiting.join();
  // Without the right to real-time priorities this shows nothing.
  if (is_real_time) CHECK(turns < 100'000);
}
