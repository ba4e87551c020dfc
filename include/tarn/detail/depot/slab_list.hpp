// SPDX-License-Identifier: MIT
#pragma once

#include <tarn/detail/depot/slab.hpp>

namespace tarn::detail {

/// A doubly linked list of slabs. Guarded by the lock of its owner.
template <class Env>
class slab_list {
 public:
  [[nodiscard]] slab<Env>* front() const noexcept { return head_; }

  void push(slab<Env>* s) noexcept {
    s->previous = nullptr;
    s->next = head_;
    if (head_ != nullptr) head_->previous = s;
    head_ = s;
  }

  void remove(slab<Env>* s) noexcept {
    if (s->next != nullptr) s->next->previous = s->previous;
    (s->previous != nullptr ? s->previous->next : head_) = s->next;
  }

  [[nodiscard]] slab<Env>* pop() noexcept {
    auto* const s = head_;
    if (s != nullptr) remove(s);
    return s;
  }

 private:
  slab<Env>* head_ = nullptr;
};

}  // namespace tarn::detail
