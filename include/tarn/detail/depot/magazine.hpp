// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// A fixed array of block pointers, which the depot moves between its lists as a whole.
/// Source: Bonwick & Adams, "Magazines and Vmem" (2001).
template <class Env>
struct magazine {
  template <class T>
  using cell = typename Env::template cell<T>;

  cell<magazine*> next{nullptr};
  cell<std::uint32_t> count{0};

  [[nodiscard]] cell<void*>* rounds() noexcept { return reinterpret_cast<cell<void*>*>(this + 1); }

  /// Returns: an empty magazine for `capacity` blocks; null if there is no memory.
  [[nodiscard]] static magazine* make(std::uint32_t capacity, const own_memory& own) noexcept {
    static_assert(sizeof(magazine) % alignof(cell<void*>) == 0);
    void* const memory = own.take(bytes_for(capacity), alignof(magazine));
    if (memory == nullptr) return nullptr;
    auto* const made = ::new (memory) magazine;
    for (std::uint32_t i = 0; i != capacity; ++i)
      ::new (made->rounds() + i) cell<void*>{nullptr};
    return made;
  }

  static void destroy(magazine* m, std::uint32_t capacity, const own_memory& own) noexcept {
    using block = cell<void*>;
    for (std::uint32_t i = 0; i != capacity; ++i)
      m->rounds()[i].~block();
    m->~magazine();
    own.give(m, bytes_for(capacity), alignof(magazine));
  }

 private:
  [[nodiscard]] static std::size_t bytes_for(std::uint32_t capacity) noexcept {
    return sizeof(magazine) + capacity * sizeof(cell<void*>);
  }
};

/// A stack of magazines, linked through themselves. Guarded by the lock of its owner.
template <class Env>
class magazine_list {
 public:
  using magazine_type = magazine<Env>;

  void push(magazine_type* m) noexcept {
    m->next = static_cast<magazine_type*>(head_);
    head_ = m;
  }

  [[nodiscard]] magazine_type* pop() noexcept {
    magazine_type* const m = head_;
    if (m != nullptr) head_ = static_cast<magazine_type*>(m->next);
    return m;
  }

  /// Calls `action(magazine)` for each.
  template <class Action>
  void for_each(Action&& action) const {
    for (magazine_type* m = head_; m != nullptr; m = m->next)
      action(*m);
  }

  void destroy_all(std::uint32_t capacity, const own_memory& own) noexcept {
    while (auto* const m = pop())
      magazine_type::destroy(m, capacity, own);
  }

 private:
  typename Env::template cell<magazine_type*> head_{nullptr};
};

}  // namespace tarn::detail
