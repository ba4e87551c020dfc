// SPDX-License-Identifier: MIT
//
// ticker: calls something every so often on a thread of its own.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include <tarn/detail/compiler.hpp>
#include <tarn/detail/error.hpp>
#include <tarn/detail/native_env.hpp>
#include <tarn/policy/time_span.hpp>

namespace tarn {

namespace detail {

/// How many forks lie between the first program and this one.
inline constinit std::atomic<std::uint64_t> fork_generation{0};

inline void count_forks() noexcept {
  static const bool counting = register_fork_handlers(
      [] {}, [] {}, [] { fork_generation.fetch_add(1, std::memory_order::relaxed); });
  static_cast<void>(counting);
}

}  // namespace detail

/// A thread that calls `action(now)` every interval; there is none until `start`.
///
/// It may be started and stopped any number of times; `stop` and the destructor wait for a call
/// that is under way. An action that throws is counted, and called again next time. A call that
/// takes longer than the interval delays the next one; those that were missed are left out.
///
/// In a fork's child there is no such thread: `running` is false there, and `start` begins anew.
///
/// Thread safety: one thread at a time may start and stop; the rest is for any thread.
class ticker {
 public:
  explicit ticker(std::function<void(time_span)> action)
      : shared_(std::make_shared<state>()), action_(std::move(action)) {
    detail::count_forks();
  }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;
  ~ticker() { stop(); }

  /// Begins to tick; the first time after one interval. If it runs already, the interval changes.
  ///
  /// Throws: `std::invalid_argument` if the interval is shorter than a millisecond;
  ///   `std::system_error` if there is no thread to be had.
  void start(time_span interval) {
    if (interval.count() < least_interval) {
      detail::throw_invalid("interval ns", interval.count(), "must be at least", least_interval);
    }
    stop();
    auto fresh = std::make_shared<state>();
    fresh->ticks.store(ticks(), std::memory_order::relaxed);
    fresh->failures.store(failures(), std::memory_order::relaxed);
    thread_ = std::make_unique<std::jthread>(
        [fresh, action = action_, interval] { run(*fresh, action, interval); });
    shared_ = std::move(fresh);
    generation_ = detail::fork_generation.load(std::memory_order::relaxed);  // this thread's own
  }

  /// Ends the thread, and waits for it unless this is the action itself, which can't. Does nothing
  /// if there is none.
  void stop() noexcept {
    if (thread_ == nullptr) return;
    if (is_foreign()) {
      // The thread is not in this process: nothing may wait for it. Its handle is given up.
      static_cast<void>(thread_.release());
      return;
    }
    // relaxed: the join orders all else; who waits looks again when it is woken.
    shared_->stopping.store(1, std::memory_order::relaxed);
    detail::native_env::wake_all(shared_->stopping);
    if (thread_->get_id() == std::this_thread::get_id()) thread_->detach();
    thread_.reset();
  }

  /// True from `start` to `stop`, in the process that started it.
  [[nodiscard]] bool running() const noexcept { return thread_ != nullptr && !is_foreign(); }
  /// Calls so far.
  [[nodiscard]] std::uint64_t ticks() const noexcept {
    return shared_->ticks.load(std::memory_order::relaxed);  // this and the next: statistics
  }
  /// Of those, how many threw.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return shared_->failures.load(std::memory_order::relaxed);
  }

 private:
  static constexpr std::int64_t least_interval = 1'000'000;

  struct state {
    std::atomic<std::uint32_t> stopping{0};
    std::atomic<std::uint64_t> ticks{0};
    std::atomic<std::uint64_t> failures{0};
  };

  [[nodiscard]] bool is_foreign() const noexcept {
    return generation_ != detail::fork_generation.load(std::memory_order::relaxed);
  }

  static void run(state& s, const std::function<void(time_span)>& action, time_span interval) {
    using env = detail::native_env;
    auto due = env::now() + interval.count();
    for (;;) {
      // relaxed: only this word is looked at.
      while (s.stopping.load(std::memory_order::relaxed) == 0 &&
             env::wait_until(s.stopping, 0, due)) {
      }
      if (s.stopping.load(std::memory_order::relaxed) != 0) return;
      try {
        action(time_span::of_nanoseconds(env::now()));
      } catch (...) {
        s.failures.fetch_add(1, std::memory_order::relaxed);
      }
      s.ticks.fetch_add(1, std::memory_order::relaxed);
      const auto now = env::now();
      due = due + interval.count() > now ? due + interval.count() : now + interval.count();
    }
  }

  std::shared_ptr<state> shared_;  // of the last thread
  std::function<void(time_span)> action_;
  std::unique_ptr<std::jthread> thread_;
  std::uint64_t generation_ = 0;
};

}  // namespace tarn
