// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/extents/extent.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// Unused extents. Guarded by its owner; memory is allocated without the lock.
///
/// Extents are made many at a time and lie side by side: a walk through those of 16,000 blocks then
/// touches some hundred pages. Extents made one by one, each behind its block, have a page each,
/// which was ten times as slow.
class extent_store {
 public:
  /// Extents come from `own`.
  explicit extent_store(const own_memory& own = own_memory()) noexcept : own_(own) {}
  extent_store(const extent_store&) = delete;
  extent_store& operator=(const extent_store&) = delete;
  ~extent_store() {
    while (chunks_ != nullptr) {
      chunk* const c = chunks_;
      chunks_ = c->next;
      own_.destroy(c);
    }
  }

  /// Returns: null if no extent is unused.
  [[nodiscard]] extent* pop() noexcept {
    extent* const e = unused_;
    if (e != nullptr) unused_ = e->next;
    return e;
  }
  void push(extent* e) noexcept {
    e->next = unused_;
    unused_ = e;
  }
  /// Takes an unused extent, or makes more and takes one of these. `lock` is the owner's and is not
  /// held. Returns: null if there is no memory.
  template <class Lock>
  [[nodiscard]] extent* obtain(Lock& lock) noexcept {
    if (auto* const e = locked(lock, [&] { return pop(); })) return e;
    auto* const made = own_.make<chunk>();
    if (made == nullptr) return nullptr;
    return locked(lock, [&] {
      made->next = chunks_;
      chunks_ = made;
      for (auto& e : made->extents)
        push(&e);
      return pop();
    });
  }

 private:
  struct chunk {
    chunk* next = nullptr;
    extent extents[32];
  };

  own_memory own_;
  extent* unused_ = nullptr;
  chunk* chunks_ = nullptr;
};

}  // namespace tarn::detail
