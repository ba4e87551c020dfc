// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/extents/extent.hpp>

namespace tarn::detail {

/// Extents that nothing uses. Guarded by its owner; memory is taken without the lock.
///
/// They are made many at a time and lie side by side: a walk through the books of 16,000 blocks
/// then meets some hundred pages, where extents made one by one, each behind its block, have a page
/// each. That was ten times as slow.
class extent_store {
 public:
  extent_store() noexcept = default;
  extent_store(const extent_store&) = delete;
  extent_store& operator=(const extent_store&) = delete;
  ~extent_store() {
    while (chunks_ != nullptr) {
      chunk* const c = chunks_;
      chunks_ = c->next;
      delete c;
    }
  }

  /// Null if there is none.
  [[nodiscard]] extent* pop() noexcept {
    extent* const e = unused_;
    if (e != nullptr) unused_ = e->next;
    return e;
  }
  void push(extent* e) noexcept {
    e->next = unused_;
    unused_ = e;
  }
  /// One of these, or of those that it makes. `lock`, the owner's, is not held. Returns: null if
  /// there is no memory.
  template <class Lock>
  [[nodiscard]] extent* obtain(Lock& lock) noexcept {
    if (auto* const e = locked(lock, [&] { return pop(); })) return e;
    auto* const made = new (std::nothrow) chunk;
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

  extent* unused_ = nullptr;
  chunk* chunks_ = nullptr;
};

}  // namespace tarn::detail
