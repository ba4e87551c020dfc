// SPDX-License-Identifier: MIT
//
// A pool as an allocator of the standard's containers.
//
//   tarn::byte_pool<> pool;
//   std::vector<int, tarn::pool_allocator<int>> numbers(pool);
//   auto shared = std::allocate_shared<session>(tarn::pool_allocator<session>(pool));

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include <tarn/byte_pool.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// An allocator whose memory is from a byte pool: one pointer.
///
/// It refers to the pool, which must outlive every container that uses it. A container stays with
/// the pool it was made with, as with std::pmr: a copy of it takes the same pool, an assignment
/// takes only the elements (a move from the same pool takes their memory), so that no memory
/// silently lives longer than its pool. A swap exchanges the pools as well: it would be undefined
/// otherwise. Two are equal if they refer to the same pool.
///
/// Thread safety: that of the pool.
template <class T, class Pool>
class pool_allocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::false_type;
  using propagate_on_container_move_assignment = std::false_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  /// Refers to `default_pool()`. Throws: what its first use throws.
  pool_allocator()
    requires std::same_as<Pool, byte_pool<>>
      : pool_(&default_pool()) {}
  /// Implicit: a container's constructor takes the pool itself.
  pool_allocator(Pool& pool) noexcept : pool_(&pool) {}
  template <class U>
  pool_allocator(const pool_allocator<U, Pool>& other) noexcept : pool_(&other.pool()) {}

  /// Throws: `std::length_error` if `n > max_size()`; `pool_exhausted`, a `std::bad_alloc`;
  ///   `pool_closed`.
  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > max_size()) detail::throw_length("number of objects", n, "must be at most", max_size());
    return static_cast<T*>(pool_->allocate(n * sizeof(T), alignof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept { pool_->deallocate(p, n * sizeof(T), alignof(T)); }

  [[nodiscard]] static constexpr std::size_t max_size() noexcept { return PTRDIFF_MAX / sizeof(T); }
  [[nodiscard]] pool_allocator select_on_container_copy_construction() const noexcept {
    return *this;
  }
  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

  template <class U>
  [[nodiscard]] friend bool operator==(const pool_allocator& a,
                                       const pool_allocator<U, Pool>& b) noexcept {
    return &a.pool() == &b.pool();
  }

 private:
  Pool* pool_;
};

}  // namespace tarn
