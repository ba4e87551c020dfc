// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn::detail {

/// A mutex of a log or a recorder that forks take as well: in the child it is free, and what it
/// guards is whole.
///
/// Lock order: outer ones, inner ones, the locks of pools. Nobody holds two of one rank, or makes
/// or ends one while holding another.
class fork_lock {
 public:
  enum class rank : unsigned char { outer, inner };

  explicit fork_lock(rank r) noexcept : rank_(r) {
    watch_forks();
    const guard<system_mutex> hold(list_lock);
    next_ = first;
    if (first != nullptr) first->previous_ = this;
    first = this;
  }
  fork_lock(const fork_lock&) = delete;
  fork_lock& operator=(const fork_lock&) = delete;
  ~fork_lock() {
    const guard<system_mutex> hold(list_lock);
    if (next_ != nullptr) next_->previous_ = previous_;
    (previous_ != nullptr ? previous_->next_ : first) = next_;
  }

  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  static void watch_forks() noexcept {
    // First: what is registered later is called earlier before a fork.
    native_env::prepare(native_env::registry());
    static const bool watching = register_fork_handlers(lock_all, unlock_all, unlock_all);
    static_cast<void>(watching);
  }
  static void lock_all() noexcept {
    list_lock.lock();
    for (const auto r : {rank::outer, rank::inner}) {
      for (auto* l = first; l != nullptr; l = l->next_) {
        if (l->rank_ == r) l->lock();
      }
    }
  }
  static void unlock_all() noexcept {
    for (auto* l = first; l != nullptr; l = l->next_)
      l->unlock();
    list_lock.unlock();
  }

  static inline constinit system_mutex list_lock;
  static inline constinit fork_lock* first = nullptr;  // this and the links: list_lock

  system_mutex mutex_;
  rank rank_;  // immutable
  fork_lock* next_ = nullptr;
  fork_lock* previous_ = nullptr;
};

}  // namespace tarn::detail
