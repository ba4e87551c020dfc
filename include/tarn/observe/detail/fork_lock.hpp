// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/system/thread_word.hpp>

namespace tarn::detail {

class fork_lock;

/// All fork locks that the code of one module made. Never destroyed.
struct fork_list {
  system_mutex lock;
  fork_lock* first = nullptr;  // this and the links: lock

  inline void before_fork() noexcept;
  inline void after_fork_in_parent() noexcept;
  inline void after_fork_in_child() noexcept;
};

/// The list of one module. A module keeps its own list, whatever the visibility of symbols.
template <bool ForLibrary>
struct [[TARN_MODULE_LOCAL]] module_forks {
  static inline constinit fork_list list;

  /// Also called when the module is loaded.
  TARN_AT_LOAD TARN_COLD static void watch() noexcept {
    static const bool watching = register_fork_handlers([] { list.before_fork(); },  //
                                                        [] { list.after_fork_in_parent(); },
                                                        [] { list.after_fork_in_child(); });
    static_cast<void>(watching);
  }
  /// The list, which stays loaded from now on.
  [[nodiscard]] TARN_COLD static fork_list& kept() noexcept {
    watch();
    if constexpr (ForLibrary) {
      static const bool is_kept = (keep_module(&list), true);
      static_cast<void>(is_kept);
    }
    return list;
  }
};

/// A mutex of what watches pools. Forks take it as well: in the child it is free, and what it
/// guards is whole.
///
/// A leaf: its owner takes no other lock, and calls no pool, no heap (which may be a pool) and no
/// user code. So the handlers of all modules may take fork locks and the locks of pools in any
/// order, whichever module came first.
class fork_lock {
 public:
  /// Called in a fork's child, where only the calling thread is left, while the lock is held.
  using mender = void (*)(void* whom) noexcept;

  fork_lock() noexcept : fork_lock(nullptr, nullptr) {}
  /// May be ended by the code of another module: it leaves the list that it is in.
  fork_lock(mender in_child, void* whom) noexcept
      : list_(module_forks<for_library>::kept()), in_child_(in_child), whom_(whom) {
    const guard<system_mutex> hold(list_.lock);
    next_ = list_.first;
    if (next_ != nullptr) next_->previous_ = this;
    list_.first = this;
  }
  fork_lock(const fork_lock&) = delete;
  fork_lock& operator=(const fork_lock&) = delete;
  ~fork_lock() {
    const guard<system_mutex> hold(list_.lock);
    if (next_ != nullptr) next_->previous_ = previous_;
    (previous_ != nullptr ? previous_->next_ : list_.first) = next_;
  }

  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  friend fork_list;

  system_mutex mutex_;
  fork_list& list_;
  mender in_child_;  // this and the next: immutable
  void* whom_;
  fork_lock* next_ = nullptr;
  fork_lock* previous_ = nullptr;
};

inline void fork_list::before_fork() noexcept {
  lock.lock();
  for (auto* l = first; l != nullptr; l = l->next_)
    l->lock();
}
inline void fork_list::after_fork_in_parent() noexcept {
  for (auto* l = first; l != nullptr; l = l->next_)
    l->unlock();
  lock.unlock();
}
inline void fork_list::after_fork_in_child() noexcept {
  for (auto* l = first; l != nullptr; l = l->next_) {
    if (l->in_child_ != nullptr) l->in_child_(l->whom_);
  }
  after_fork_in_parent();
}

}  // namespace tarn::detail
