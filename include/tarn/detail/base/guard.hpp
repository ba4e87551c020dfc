// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Holds a lock for one scope: `std::lock_guard` for any Lockable, without its header.
///
/// `guard`, `locked` and `try_locked` are the only places that take a lock.
template <class Lock>
class guard {
 public:
  explicit guard(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~guard() { lock_.unlock(); }
  guard(const guard&) = delete;
  guard& operator=(const guard&) = delete;

 private:
  Lock& lock_;
};

/// Runs `action` while `lock` is held and returns what it returns.
template <class Lock, class Action>
decltype(auto) locked(Lock& lock, Action&& action) {
  const guard<Lock> hold(lock);
  return action();
}

/// Runs `action` if `lock` can be taken without waiting. Returns: whether it ran.
template <class Lock, class Action>
TARN_FORCE_INLINE bool try_locked(Lock& lock, Action&& action) {
  if (!lock.try_lock()) return false;
  action();  // it only changes counters and can't throw
  lock.unlock();
  return true;
}

/// Waits until another thread changes `cell` from `old`. The caller holds no lock.
///
/// A lock for fibers has a `yield`, which runs other fibers on the calling thread meanwhile. The
/// fiber that changes the cell may be one of them, since it passes locks before it does so.
template <class Env, class Lock, class Cell>
void wait_with(const Cell& cell, std::uint32_t old) {
  if constexpr (requires { Lock::yield(); }) {
    // (2) acquire, as in Env::wait: pairs with the store that changes the cell.
    while (cell.load(std::memory_order::acquire) == old)
      Lock::yield();
  } else {
    Env::wait(cell, old);
  }
}

}  // namespace tarn::detail
