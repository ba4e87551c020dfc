// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <new>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/system/page_heap.hpp>

namespace tarn::detail {

/// True for a source that may serve a pool below the heap: one that `operator new` or `malloc` are
/// made of. The memory that such a pool needs besides its blocks must not come from the heap.
template <class Source>
inline constexpr bool is_below_heap_v = false;
template <class Source>
  requires requires {
    { Source::is_below_heap } -> std::convertible_to<bool>;
  }
inline constexpr bool is_below_heap_v<Source> = Source::is_below_heap && has_mmap;

/// Where a core gets the memory that it keeps beside its blocks.
class own_memory {
 public:
  /// Memory from the heap, or from `pages`.
  constexpr explicit own_memory(page_heap* pages = nullptr) noexcept : pages_(pages) {}

  /// Returns: null if there is no memory.
  [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment) const noexcept {
    if (pages_ != nullptr) return pages_->take(align_up(bytes, alignment));
    if (alignment <= alignof(std::max_align_t)) return ::operator new(bytes, std::nothrow);
    return ::operator new(bytes, std::align_val_t{alignment}, std::nothrow);
  }
  /// Preconditions: the same two numbers as for `take`.
  void give(void* p, std::size_t bytes, std::size_t alignment) const noexcept {
    if (pages_ != nullptr) return pages_->give(p, align_up(bytes, alignment));
    if (alignment <= alignof(std::max_align_t)) return ::operator delete(p);
    ::operator delete(p, std::align_val_t{alignment});
  }

  /// Makes an object. Returns: null if there is no memory.
  template <class T>
  [[nodiscard]] T* make() const noexcept {
    void* const memory = take(sizeof(T), alignof(T));
    return memory != nullptr ? ::new (memory) T() : nullptr;
  }
  template <class T>
  void destroy(T* object) const noexcept {
    if (object == nullptr) return;
    object->~T();
    give(object, sizeof(T), alignof(T));
  }
  /// Makes an array of default-made objects. Returns: null if there is no memory.
  template <class T>
  [[nodiscard]] T* make_array(std::size_t count) const noexcept {
    auto* const first = static_cast<T*>(take(count * sizeof(T), alignof(T)));
    for (std::size_t i = 0; first != nullptr && i != count; ++i)
      ::new (first + i) T();
    return first;
  }
  template <class T>
  void destroy_array(T* first, std::size_t count) const noexcept {
    if (first == nullptr) return;
    for (std::size_t i = 0; i != count; ++i)
      first[i].~T();
    give(first, count * sizeof(T), alignof(T));
  }

 private:
  page_heap* pages_;
};

/// The own memory of a core: from the heap, or from pages if its source may be below the heap.
struct own_from_heap {
  [[nodiscard]] static own_memory memory() noexcept { return own_memory(); }
  static void lock() noexcept {}
  static void unlock() noexcept {}
};
struct own_from_pages : page_heap {
  [[nodiscard]] own_memory memory() noexcept { return own_memory(this); }
};

}  // namespace tarn::detail
