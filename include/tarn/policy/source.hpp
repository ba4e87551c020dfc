// SPDX-License-Identifier: MIT
//
// Where a pool's memory comes from.

#pragma once

#include <concepts>
#include <cstddef>
#include <new>

#include <tarn/detail/system/own_memory.hpp>
#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn {

/// Gives a pool its memory and takes it back.
///
/// `allocate(bytes, alignment)` returns memory of at least `bytes` bytes at a multiple of
/// `alignment`, a power of two, or throws `std::bad_alloc`. `deallocate(p, bytes, alignment)` gets
/// the same two numbers as the call that returned `p`, and cannot fail. A pool keeps its source by
/// value; for one that cannot be moved, or that is to be looked at later, see `source_ref`.
///
/// Three more members are for sources that can do more. `trim()`, noexcept: gives on to the system
/// what the source holds free; called now and then, after much went back. `is_purgeable`, a
/// constant: true if its memory is private and anonymous, so that pages of it may be dropped and
/// read zero afterwards; then a pool may keep idle memory without pages. `is_below_heap`, a
/// constant: true if it never asks the heap; then neither does a pool on it, once it is made, and
/// `operator new` or `malloc` may be made of such a pool.
///
/// None may take blocks from the pool that it serves: that pool is waiting for it.
/// Thread safety: the pool calls both from any thread, at the same time, and never under a lock.
template <class S>
concept memory_source = std::move_constructible<S> &&
                        requires(S& source, void* p, std::size_t bytes, std::size_t alignment) {
                          { source.allocate(bytes, alignment) } -> std::same_as<void*>;
                          requires noexcept(source.deallocate(p, bytes, alignment));
                        };

/// Takes memory from operator new: the default source.
struct heap_source {
  static constexpr bool is_purgeable = true;

  /// Throws: `std::bad_alloc` if the heap is exhausted.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    // operator new may round up before it looks: then a size close to the largest one wraps.
    if (bytes > static_cast<std::size_t>(-1) / 2) throw std::bad_alloc();
    return ::operator new(bytes, std::align_val_t{alignment});
  }

  void deallocate(void* p, [[maybe_unused]] std::size_t bytes, std::size_t alignment) noexcept {
    // Without the size: clang has the sized form only with -fsized-deallocation.
    ::operator delete(p, std::align_val_t{alignment});
  }

  /// Has glibc's heap give free pages on: it keeps what lies below memory in use.
  void trim() noexcept { detail::trim_heap(); }
};

/// Takes whole pages from the system and gives them back to it at once.
///
/// For large slabs that must not stay in the heap once they are free, and for memory that is zero
/// when it comes. Every call is a system call: choose large slabs. Requests are rounded up to
/// pages of 4 KiB, or of 64 KiB when aligned to more than 4 KiB; only touched pages cost memory.
/// Where pages cannot be mapped it is `heap_source`, and fresh memory is not zero.
///
/// Leak checkers that scan the heap do not see pointers that are kept in such memory.
struct page_source {
  static constexpr bool is_purgeable = true;
  static constexpr bool is_below_heap = true;

  /// Throws: `std::bad_alloc` if the system refuses.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    if constexpr (detail::has_mmap) {
      void* const p = detail::map_aligned(bytes, alignment);
      if (p == nullptr) throw std::bad_alloc();
      return p;
    } else {
      return heap_source{}.allocate(bytes, alignment);
    }
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    if constexpr (detail::has_mmap) {
      detail::unmap_aligned(p, bytes, alignment);
    } else {
      heap_source{}.deallocate(p, bytes, alignment);
    }
  }
};

/// Takes memory from a source that the user owns, and that stays where it is.
///
/// For sources with a state: an arena, a counter, one that fails on purpose. One word.
///
/// Preconditions: the source outlives the pool and every handle to memory of the pool.
/// Thread safety: that of `S`.
template <class S>
  requires requires(S& source, void* p, std::size_t n) {
    { source.allocate(n, n) } -> std::same_as<void*>;
    requires noexcept(source.deallocate(p, n, n));
  }
class source_ref {
 public:
  static constexpr bool is_purgeable = detail::is_purgeable_v<S>;
  static constexpr bool is_below_heap = detail::is_below_heap_v<S>;

  /// Refers to `source`. Implicit: a pool's constructor takes the source itself.
  source_ref(S& source) noexcept : source_{&source} {}

  /// Throws: what `S` throws.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    return source_->allocate(bytes, alignment);
  }

  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    source_->deallocate(p, bytes, alignment);
  }

  void trim() noexcept
    requires requires(S& source) { requires noexcept(source.trim()); }
  {
    source_->trim();
  }

 private:
  S* source_;
};

}  // namespace tarn
