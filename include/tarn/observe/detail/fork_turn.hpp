// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include <tarn/detail/frontend/native_env.hpp>

namespace tarn::detail {

/// A recursive lock that may be held for long, while pools and user code are called. A fork does
/// not wait for its owner. So in the child what it guards may be half changed.
class fork_turn {
 public:
  fork_turn() = default;
  fork_turn(const fork_turn&) = delete;
  fork_turn& operator=(const fork_turn&) = delete;

  void lock() noexcept {
    if (try_lock()) return;
    // (2) acquire, pairs with (1): the owner sees what the last owner did. The mark stays until a
    // thread finds it free, so no wake is lost.
    while (word_.exchange(awaited, std::memory_order::acquire) != vacant)
      native_env::wait(word_, awaited);
    begin();
  }
  /// Returns: false if another thread has it.
  [[nodiscard]] bool try_lock() noexcept {
    if (is_mine()) return ++depth_, true;
    auto seen = vacant;
    if (!word_.compare_exchange_strong(seen, taken, std::memory_order::acquire,  // (2)
                                       std::memory_order::relaxed)) {
      return false;
    }
    begin();
    return true;
  }
  void unlock() noexcept {
    if (--depth_ != 0) return;
    owner_.store({}, std::memory_order::relaxed);
    if (word_.exchange(vacant, std::memory_order::release) == awaited) {  // (1)
      native_env::notify_all(word_);
    }
  }
  /// Runs `action` unless a thread has the turn, be it this one. Returns: whether it ran.
  template <class Action>
  bool try_run(Action&& action) {
    if (is_mine() || !try_lock()) return false;
    const struct until_done {
      ~until_done() { turn.unlock(); }
      fork_turn& turn;
    } has_turn{*this};
    action();
    return true;
  }
  /// True if the calling thread has it, in whatever module.
  [[nodiscard]] bool is_mine() const noexcept {
    // relaxed: a thread reads its own number only if it has stored it.
    return owner_.load(std::memory_order::relaxed) == std::this_thread::get_id();
  }

  /// In a fork's child: frees it, unless the forking thread has it.
  void forget() noexcept {
    if (is_mine()) return;
    depth_ = 0;
    owner_.store({}, std::memory_order::relaxed);  // this and the next: one thread is left
    word_.store(vacant, std::memory_order::relaxed);
  }

 private:
  static constexpr std::uint32_t vacant = 0, taken = 1, awaited = 2;

  void begin() noexcept {
    owner_.store(std::this_thread::get_id(), std::memory_order::relaxed);
    depth_ = 1;
  }

  std::atomic<std::uint32_t> word_{vacant};
  std::atomic<std::thread::id> owner_{};
  unsigned depth_ = 0;  // the owner's
};

}  // namespace tarn::detail
