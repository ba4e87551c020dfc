// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>

#include "support/ratio.hpp"

namespace bench {

/// Both threads do the same at the same time; the result is the time of the slower one.
class two_threads {
 public:
  two_threads() : second_([this] { serve(); }) {}
  two_threads(const two_threads&) = delete;
  two_threads& operator=(const two_threads&) = delete;
  ~two_threads() {
    run([](std::size_t) {}, [](std::size_t) {}, 0);
    second_.join();
  }

  template <class First, class Second>
  void run(First&& first, Second&& second, std::size_t times) {
    const auto call = [](void* work, std::size_t n) {
      (*static_cast<std::remove_reference_t<Second>*>(work))(n);
    };
    work_ = &second;
    call_ = call;
    times_ = times;
    const auto turn = turn_.fetch_add(1, std::memory_order::release) + 1;
    first(times);
    while (done_.load(std::memory_order::acquire) != turn) {
    }
  }

 private:
  void serve() {
    pin(1);
    for (std::uint64_t turn = 1;; ++turn) {
      while (turn_.load(std::memory_order::acquire) != turn) {
      }
      const auto times = times_;
      if (times != 0) call_(work_, times);
      done_.store(turn, std::memory_order::release);
      if (times == 0) return;
    }
  }

  void* work_ = nullptr;
  void (*call_)(void*, std::size_t) = nullptr;
  std::size_t times_ = 0;
  alignas(128) std::atomic<std::uint64_t> turn_{0};
  alignas(128) std::atomic<std::uint64_t> done_{0};
  std::thread second_;
};

}  // namespace bench
