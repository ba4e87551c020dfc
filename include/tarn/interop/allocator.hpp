// SPDX-License-Identifier: MIT
//
// pool_allocator: a pool as an allocator for standard containers.
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

/// An allocator that takes its memory from a byte pool. One pointer.
///
/// As with std::pmr, a container keeps the pool that it was made with, so that no memory outlives
/// its pool unnoticed: a copy uses the same pool; an assignment takes only the elements (a move
/// within one pool takes their memory). A swap exchanges the pools too, since it would be undefined
/// otherwise. Two allocators are equal if they refer to the same pool.
///
/// Preconditions: the pool outlives every container that uses it. Thread safety: as the pool.
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
  /// Implicit, so that the constructor of a container takes the pool itself.
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
