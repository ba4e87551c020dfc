// SPDX-License-Identifier: MIT
//
// Sources: where the memory of a pool comes from.

#pragma once

#include <concepts>
#include <cstddef>
#include <new>

#include <tarn/detail/system/own_memory.hpp>
#include <tarn/detail/system/pages.hpp>
#include <tarn/detail/system/system.hpp>

namespace tarn {

/// A source of memory for a pool.
///
/// `allocate(bytes, alignment)` returns at least `bytes` bytes at a multiple of `alignment`, a
/// power of two, or throws `std::bad_alloc`. `deallocate(p, bytes, alignment)` gets the same two
/// numbers as the call that returned `p`, and cannot fail. A pool keeps its source by value. Use
/// `source_ref` for a source that can't be moved, or that you want to read later.
///
/// Three more members are optional. `trim()`, noexcept: gives free memory of the source back to the
/// system; a pool calls it now and then, after it gave much back. `is_purgeable`, a constant: true
/// if the memory is private and anonymous, so that its pages may be dropped and read zero
/// afterwards; then a pool may keep idle memory without pages. `is_below_heap`, a constant: true if
/// the source never uses the heap; then a pool on it does not either, once it is made, so `operator
/// new` or `malloc` may use such a pool.
///
/// Preconditions: no member takes blocks from the pool that it serves: that pool waits for it.
/// Thread safety: the pool calls the members from any threads at the same time, never under a lock.
template <class S>
concept memory_source = std::move_constructible<S> &&
                        requires(S& source, void* p, std::size_t bytes, std::size_t alignment) {
                          { source.allocate(bytes, alignment) } -> std::same_as<void*>;
                          requires noexcept(source.deallocate(p, bytes, alignment));
                        };

/// Takes memory from operator new. The default source.
struct heap_source {
  static constexpr bool is_purgeable = true;

  /// Throws: `std::bad_alloc` if the heap is exhausted.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    // operator new may round up before it checks the size: a size close to the largest one would
    // wrap.
    if (bytes > static_cast<std::size_t>(-1) / 2) throw std::bad_alloc();
    return ::operator new(bytes, std::align_val_t{alignment});
  }

  void deallocate(void* p, [[maybe_unused]] std::size_t bytes, std::size_t alignment) noexcept {
    // The sized form needs -fsized-deallocation with clang.
    ::operator delete(p, std::align_val_t{alignment});
  }

  /// Makes the heap of glibc give free pages to the system, also those below memory in use.
  void trim() noexcept { detail::trim_heap(); }
};

/// Takes whole pages from the system and gives them back to it at once.
///
/// For large slabs that must not stay in the heap once they are free, and for memory that is zero
/// at first. Every call is a system call, so choose large slabs. Requests are rounded up to pages
/// of 4 KiB, or of 64 KiB if aligned to more than 4 KiB; only touched pages cost memory. If pages
/// can't be mapped it works as `heap_source`, and fresh memory is not zero.
///
/// Leak checkers that scan the heap do not see pointers in such memory.
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

/// Refers to a source that the user owns.
///
/// For sources with a state: a fixed piece of memory, a counter, a source that fails on purpose.
/// One pointer.
///
/// Preconditions: the source outlives the pool and every handle to memory of the pool.
/// Thread safety: as `S`.
template <class S>
  requires requires(S& source, void* p, std::size_t n) {
    { source.allocate(n, n) } -> std::same_as<void*>;
    requires noexcept(source.deallocate(p, n, n));
  }
class source_ref {
 public:
  static constexpr bool is_purgeable = detail::is_purgeable_v<S>;
  static constexpr bool is_below_heap = detail::is_below_heap_v<S>;

  /// Refers to `source`. Implicit, so that the constructor of a pool takes the source itself.
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
  /// Whether memory of `S` lies at `p`, if `S` can tell.
  [[nodiscard]] bool owns(const void* p) const noexcept
    requires requires(const S& source) { requires noexcept(source.owns(p)); }
  {
    return source_->owns(p);
  }

 private:
  S* source_;
};

}  // namespace tarn
