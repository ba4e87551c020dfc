// SPDX-License-Identifier: MIT
//
// array_handle: constructed elements, one behind the other, in a block of a byte pool.
//
//   tarn::byte_pool<> pool;
//   auto points = tarn::make_array<point>(pool, 100, 0.0, 0.0);   // 100 times point(0.0, 0.0)
//   for (point& p : points) ...                                    // ended and given back later

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

namespace detail {

/// Constructs elements one by one; ends those that are there if it ends first.
template <class T>
class array_in_work {
 public:
  explicit array_in_work(void* place) noexcept : first_(static_cast<T*>(place)) {}
  array_in_work(const array_in_work&) = delete;
  array_in_work& operator=(const array_in_work&) = delete;
  ~array_in_work() { end(first_, count_); }

  template <class Construct>
  T* make(std::size_t count, Construct&& construct) {
    for (; count_ != count; ++count_)
      construct(static_cast<void*>(first_ + count_));
    count_ = 0;
    return first_;
  }
  static void end(T* first, std::size_t count) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      while (count != 0)
        std::destroy_at(first + --count);
    }
  }

 private:
  T* first_;
  std::size_t count_ = 0;
};

}  // namespace detail

/// The move-only owner of a number of elements in one block of a byte pool; a contiguous range.
/// Empty by default, after `reset` and after a move. Made by `make_array`.
///
/// It may outlive its pool and the thread that made it. Thread safety: as a vector.
template <class T, class Pool>
class array_handle {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  constexpr array_handle() noexcept = default;
  array_handle(array_handle&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)),
        count_(std::exchange(other.count_, 0)),
        block_(std::move(other.block_)) {}
  array_handle& operator=(array_handle&& other) noexcept {
    array_handle taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~array_handle() { detail::array_in_work<T>::end(first_, count_); }
  void swap(array_handle& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(count_, other.count_);
    block_.swap(other.block_);
  }
  friend void swap(array_handle& a, array_handle& b) noexcept { a.swap(b); }

  /// Ends the elements, the last one first, and gives the block back. Complexity: O(elements), O(1)
  /// if they need no destructor.
  void reset() noexcept { array_handle().swap(*this); }

  /// False if it owns no block. An array of no elements owns one.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(block_); }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] T* data() const noexcept { return first_; }
  [[nodiscard]] T* begin() const noexcept { return first_; }
  [[nodiscard]] T* end() const noexcept { return first_ + count_; }
  /// Preconditions: `index < size()`.
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return first_[index]; }

 private:
  friend struct detail::access;
  using block_type = typename Pool::buffer;
  array_handle(T* first, std::size_t count, block_type* block) noexcept
      : first_(first), count_(count), block_(std::move(*block)) {}

  T* first_ = nullptr;
  std::size_t count_ = 0;
  block_type block_{};
};

namespace detail {

/// The bytes of a block for so many elements. Blocks have `small_alignment`; more is made here.
/// Throws: `std::length_error`.
template <class T>
[[nodiscard]] std::size_t array_bytes(std::size_t count) {
  constexpr std::size_t slack = alignof(T) > small_alignment ? alignof(T) - small_alignment : 0;
  constexpr std::size_t most = (max_size - slack) / sizeof(T);
  if (count > most) throw_length("elements of an array", count, "must be at most", most);
  return count * sizeof(T) + slack;
}
template <class T, class Pool, class Construct>
[[nodiscard]] array_handle<T, Pool> array_in(typename Pool::buffer block, std::size_t count,
                                             Construct&& construct) {
  const auto address = reinterpret_cast<std::uintptr_t>(block.data());
  std::byte* const place = block.data() + (align_up(address, alignof(T)) - address);
  T* const first = array_in_work<T>(place).make(count, construct);
  return access::make<array_handle<T, Pool>>(first, count, &block);
}

}  // namespace detail

/// As `make_array`, with a call site for stats policies: see `object_pool::make_at`.
template <class T, class Lock, class Stats, class Traits, class... Args>
  requires std::constructible_from<T, const Args&...>
[[nodiscard]] auto make_array_at(typename byte_pool<Lock, Stats, Traits>::where_type where,
                                 byte_pool<Lock, Stats, Traits>& pool, std::size_t count,
                                 const Args&... args) {
  using pool_type = byte_pool<Lock, Stats, Traits>;
  return detail::array_in<T, pool_type>(pool.get(detail::array_bytes<T>(count), where), count,
                                        [&](void* place) { ::new (place) T(args...); });
}
/// Makes `count` elements, each of them from `args`, in a block of `pool`. Without `args` they are
/// `T()`. The arguments are not moved from, since each element needs them.
///
/// Throws: `std::length_error` if the bytes overflow, before the pool is touched; as
///   `byte_pool::get`; what a constructor throws: the elements before it are ended, the last one
///   first, and the block goes back. Complexity: O(count). Thread safety: as `byte_pool::get`.
template <class T, class Lock, class Stats, class Traits, class... Args>
  requires std::constructible_from<T, const Args&...>
[[nodiscard]] auto make_array(byte_pool<Lock, Stats, Traits>& pool, std::size_t count,
                              const Args&... args) {
  using where_type = typename byte_pool<Lock, Stats, Traits>::where_type;
  return make_array_at<T>(where_type(), pool, count, args...);
}
/// As `make_array`, but returns an empty handle if the pool has no memory. Throws: what a
/// constructor throws; `std::length_error`.
template <class T, class Lock, class Stats, class Traits, class... Args>
  requires std::constructible_from<T, const Args&...>
[[nodiscard]] auto try_make_array(byte_pool<Lock, Stats, Traits>& pool, std::size_t count,
                                  const Args&... args) {
  using pool_type = byte_pool<Lock, Stats, Traits>;
  auto block = pool.try_get(detail::array_bytes<T>(count), typename pool_type::where_type());
  if (!block) return array_handle<T, pool_type>();
  return detail::array_in<T, pool_type>(std::move(block), count,
                                        [&](void* place) { ::new (place) T(args...); });
}
/// As `make_array`, but elements of trivial types are indeterminate, for code that writes them all.
/// Complexity: O(1) for those.
template <class T, class Lock, class Stats, class Traits>
  requires std::default_initializable<T>
[[nodiscard]] auto make_array_for_overwrite(
    byte_pool<Lock, Stats, Traits>& pool, std::size_t count,
    typename byte_pool<Lock, Stats, Traits>::where_type where =
        byte_pool<Lock, Stats, Traits>::where_type::current()) {
  using pool_type = byte_pool<Lock, Stats, Traits>;
  return detail::array_in<T, pool_type>(pool.get(detail::array_bytes<T>(count), where), count,
                                        [](void* place) { ::new (place) T; });
}

}  // namespace tarn
