// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

template <class Env>
class waiting_lines;

/// One request that waits in a line of `waiting_lines`. Its owner looks for what it waits for, and
/// rests when it found nothing, until it is called.
///
/// It is asleep, or its owner is looking, or it was called while its owner was looking: then the
/// owner looks again. The state changes under the lock of the lines.
template <class Env>
class waiting_request {
 public:
  /// Called without a lock, by the thread that calls the request. The request is looking then.
  using wake_type = void (*)(waiting_request&) noexcept;

  /// `wake`: null if a thread sleeps in `sleep_until`.
  explicit waiting_request(std::uint32_t line, wake_type wake = nullptr) noexcept
      : line_(line), wake_(wake) {}
  waiting_request(const waiting_request&) = delete;
  waiting_request& operator=(const waiting_request&) = delete;

  /// Sleeps until the request is called or the deadline passes. A lock for fibers runs other fibers
  /// meanwhile, see `wait_with`. Returns: whether it was called.
  template <class Lock>
  [[nodiscard]] bool sleep_until(std::int64_t deadline) noexcept {
    // acquire, pairs with the release in `waiting_lines::rouse`.
    for (bool in_time = true; state_.load(std::memory_order::acquire) == asleep;) {
      if (!in_time) return false;
      if constexpr (requires { Lock::yield(); }) {
        Lock::yield();
        in_time = Env::now() < deadline;
      } else {
        in_time = Env::wait_until(state_, asleep, deadline);
      }
    }
    return true;
  }

 private:
  friend waiting_lines<Env>;
  template <class T>
  using cell = typename Env::template cell<T>;

  static constexpr std::uint32_t asleep = 0, looking = 1, called = 2;

  typename Env::template atomic<std::uint32_t> state_{looking};
  std::uint32_t line_;  // immutable, as is `wake_`
  wake_type wake_;
  // All below: guarded by the lock of the lines.
  cell<std::uint64_t> ticket_{0};
  cell<bool> wants_memory_{false};
  cell<waiting_request*> next_{nullptr};  // with the next two: in its line
  cell<waiting_request*> previous_{nullptr};
  cell<waiting_request*> last_{nullptr};       // of the line; only the first knows it
  cell<waiting_request*> next_head_{nullptr};  // the first of another line
  cell<waiting_request*> next_woken_{nullptr};
};

}  // namespace tarn::detail
