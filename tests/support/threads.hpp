// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace test {

/// Runs `action(0)` to `action(n - 1)`, each on its own thread; all start at once.
///
/// Returns when all have ended. Throws: the first exception of a thread.
template <class Action>
void run_together(std::size_t n, Action&& action) {
  std::atomic<std::size_t> waiting{n};
  std::exception_ptr failure;
  std::mutex failure_lock;
  {
    std::vector<std::jthread> threads;
    threads.reserve(n);
    for (std::size_t i = 0; i != n; ++i) {
      threads.emplace_back([&, i] {
        waiting.fetch_sub(1);
        while (waiting.load() != 0)
          std::this_thread::yield();
        try {
          action(i);
        } catch (...) {
          const std::lock_guard hold(failure_lock);
          if (failure == nullptr) failure = std::current_exception();
        }
      });
    }
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace test
