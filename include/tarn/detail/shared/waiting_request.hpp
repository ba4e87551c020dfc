// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/guard.hpp>

namespace tarn::detail {

template <class Env>
class waiting_lines;
template <class Env>
class woken_requests;

/// One request that waits in a line of `waiting_lines`. Its owner looks for what it waits for, and
/// rests when it found nothing, until it is called.
///
/// It is asleep, or its owner is looking, or it was called while its owner was looking: then the
/// owner looks again. The state changes under the lock of the lines.
template <class Env>
class waiting_request {
 public:
  /// How a request without a thread is woken, by the thread that calls it. It is looking then.
  struct waker {
    /// Called under the lock of the lines, so the request can't leave meanwhile. Returns: what
    /// `wake` needs.
    void* (*hold)(waiting_request&) noexcept;
    /// Called without a lock. The request may be gone, if another thread may end it.
    void (*wake)(void* held) noexcept;
  };

  /// `how`: null if a thread sleeps in `sleep_until`.
  explicit waiting_request(std::uint32_t line, const waker* how = nullptr) noexcept
      : line_(line), waker_(how) {}
  std::int64_t began = 0;  // when it entered its line; only the owner uses it
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
  friend woken_requests<Env>;
  template <class T>
  using cell = typename Env::template cell<T>;

  static constexpr std::uint32_t asleep = 0, looking = 1, called = 2;

  typename Env::template atomic<std::uint32_t> state_{looking};
  std::uint32_t line_;  // immutable, as is `waker_`
  const waker* waker_;
  // All below: guarded by the lock of the lines.
  cell<std::uint64_t> ticket_{0};
  cell<std::uint64_t> epoch_{0};  // of the lines, when it entered
  cell<bool> wants_memory_{false};
  cell<waiting_request*> next_{nullptr};  // with the next two: in its line
  cell<waiting_request*> previous_{nullptr};
  cell<waiting_request*> last_{nullptr};          // of the line; only the first knows it
  cell<waiting_request*> next_head_{nullptr};     // the first of another line
  cell<woken_requests<Env>*> woken_in_{nullptr};  // the next two: in that list
  cell<waiting_request*> next_woken_{nullptr};
  cell<waiting_request*> previous_woken_{nullptr};
};

/// Requests that are to be woken when no lock is held, by the thread whose stack has the list. One
/// of them may end others of the list when it goes on: they leave the list as they leave the lines.
template <class Env>
class woken_requests {
 public:
  using request = waiting_request<Env>;

  woken_requests() = default;
  woken_requests(const woken_requests&) = delete;
  woken_requests& operator=(const woken_requests&) = delete;

  /// The caller keeps the lines.
  void wake_all() noexcept {
    if (lines_ == nullptr) return;  // without a lock: only the thread of the list sets it
    for (bool more = true; more;) {
      const typename request::waker* how = nullptr;
      void* held = nullptr;
      {
        const guard<typename Env::mutex> hold(lines_->lock_);
        const std::uint64_t epoch = lines_->epoch_;
        request* const r = first_;
        // After a fork in one of them, none of the parent goes on in the child.
        if (r == nullptr || epoch != epoch_) return;
        remove(*r);
        more = first_ != nullptr;
        how = r->waker_;
        held = how->hold(*r);
      }
      how->wake(held);
    }
  }

 private:
  friend waiting_lines<Env>;
  template <class T>
  using cell = typename Env::template cell<T>;

  // Under the lock of the lines.

  void add(request& r, waiting_lines<Env>& lines) noexcept {
    lines_ = &lines;
    const std::uint64_t epoch = lines.epoch_;
    epoch_ = epoch;
    request* const others = first_;
    r.next_woken_ = others;
    r.previous_woken_ = nullptr;
    r.woken_in_ = this;
    if (others != nullptr) others->previous_woken_ = &r;
    first_ = &r;
  }
  void remove(request& r) noexcept {
    request* const before = r.previous_woken_;
    request* const after = r.next_woken_;
    r.woken_in_ = nullptr;
    if (after != nullptr) after->previous_woken_ = before;
    if (before != nullptr) {
      before->next_woken_ = after;
    } else {
      first_ = after;
    }
  }

  waiting_lines<Env>* lines_ = nullptr;  // null if nothing was added
  std::uint64_t epoch_ = 0;
  cell<request*> first_{nullptr};  // the last one that was added
};

}  // namespace tarn::detail
