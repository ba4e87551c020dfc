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

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/fork_turn.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

namespace detail {

/// The time after an interval; the end of time if that is before it.
[[nodiscard]] inline std::int64_t later(std::int64_t now, time_span interval) noexcept {
  return now > 0 && interval.count() > INT64_MAX - now ? INT64_MAX : now + interval.count();
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
/// Thread safety: any thread may call anything. The action may stop the ticker, but neither start
/// nor end it.
class ticker {
 public:
  explicit ticker(std::function<void(time_span)> action) : action_(std::move(action)) {}
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;
  ~ticker() { stop(); }

  /// Begins to tick; the first time after one interval. If it runs already, the interval changes,
  /// after a call that is under way.
  /// Returns: false, and does nothing, if this is the action.
  ///
  /// Throws: `std::invalid_argument` if the interval is shorter than a millisecond;
  ///   `std::system_error` if there is no thread to be had.
  bool start(time_span interval) {
    if (interval.count() < least_interval) {
      detail::throw_invalid("interval ns", interval.count(), "must be at least", least_interval);
    }
    if (is_action()) return false;
    const detail::guard hold(turn_);
    end();
    // relaxed, here and below: numbers by themselves.
    const auto round = round_.fetch_add(1, std::memory_order::relaxed) + 1;
    thread_ = std::make_unique<std::thread>([this, interval, round] { run(interval, round); });
    started_.store(round, std::memory_order::relaxed);
    return true;
  }

  /// Ends the thread, and waits for it unless this is the action itself, which ends it after this
  /// call. Does nothing if there is none.
  void stop() noexcept {
    ask_to_stop();
    if (is_action()) return;  // without the turn: the thread that waits for this one has it
    const detail::guard hold(turn_);
    end();
  }

  /// True from `start` to `stop`, in the process that started it.
  [[nodiscard]] bool running() const noexcept {
    return started_.load(std::memory_order::relaxed) == round_.load(std::memory_order::relaxed);
  }
  /// Calls so far.
  [[nodiscard]] std::uint64_t ticks() const noexcept {
    return ticks_.load(std::memory_order::relaxed);
  }
  /// Of those, how many threw.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return failures_.load(std::memory_order::relaxed);
  }

 private:
  static constexpr std::int64_t least_interval = 1'000'000;

  /// Whether the calling thread is the one that runs the action, in whatever module.
  [[nodiscard]] bool is_action() const noexcept {
    // relaxed: a thread reads its own number only if it has stored it.
    return runner_.load(std::memory_order::relaxed) == std::this_thread::get_id();
  }

  void ask_to_stop() noexcept {
    // relaxed: the join orders all else; who waits looks again when it is woken.
    round_.fetch_add(1, std::memory_order::relaxed);
    detail::native_env::wake_all(round_);
  }
  /// Waits for the thread, if there is one. The caller has the turn.
  void end() noexcept {
    if (thread_ == nullptr) return;
    ask_to_stop();
    thread_->join();
    thread_.reset();
  }
  /// In a fork's child. If the action forked, its thread is the only one; it ends as after `stop`.
  static void forget_thread(void* whom) noexcept {
    auto& t = *static_cast<ticker*>(whom);
    static_cast<void>(t.thread_.release());  // of another process: no thread may wait for it here
    t.round_.fetch_add(1, std::memory_order::relaxed);
    if (!t.is_action()) t.runner_.store({}, std::memory_order::relaxed);
    t.turn_.forget();
  }

  void run(time_span interval, std::uint32_t round) {
    using env = detail::native_env;
    runner_.store(std::this_thread::get_id(), std::memory_order::relaxed);
    const struct until_end {
      ~until_end() { runner.store({}, std::memory_order::relaxed); }
      std::atomic<std::thread::id>& runner;
    } is_running{runner_};
    auto due = detail::later(env::now(), interval);
    for (;;) {
      // relaxed: only this word is looked at.
      while (round_.load(std::memory_order::relaxed) == round &&
             env::wait_until(round_, round, due)) {
      }
      if (round_.load(std::memory_order::relaxed) != round) return;
      try {
        action_(time_span::of_nanoseconds(env::now()));
      } catch (...) {
        failures_.fetch_add(1, std::memory_order::relaxed);
      }
      ticks_.fetch_add(1, std::memory_order::relaxed);
      const auto now = env::now();
      due = detail::later(detail::later(due, interval) > now ? due : now, interval);
    }
  }

  std::function<void(time_span)> action_;
  detail::fork_turn turn_;  // of the next
  std::unique_ptr<std::thread> thread_;
  std::atomic<std::thread::id> runner_{};
  std::atomic<std::uint32_t> round_{1};    // grows with each start and each stop
  std::atomic<std::uint32_t> started_{0};  // the round of the last start
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::uint64_t> failures_{0};
  detail::fork_lock fork_{forget_thread, this};  // only for its call in a child
};

}  // namespace tarn
