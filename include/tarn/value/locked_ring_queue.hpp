// SPDX-License-Identifier: MIT
//
// locked_ring_queue: the last values of any type, first in first out, behind a lock.
//
//   tarn::locked_ring_queue<std::string> events(100);
//   events.push("began");                         // overwrites the oldest when it is full
//   std::string first;
//   if (events.try_pop(first)) handle(first);

#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A ring of the newest values behind a lock. Every call sees it at one moment.
///
/// `T`: any movable type. Its moves, and its copies in `values` and `try_peek`, run under the lock,
/// so they must not use the same ring. A value that a full ring drops is destroyed outside the
/// lock.
///
/// Thread safety: as `Lock` allows, all members except constructor and destructor.
template <class T, class Lock>
class locked_ring_queue {
 public:
  using value_type = T;

  /// Throws: `std::invalid_argument` for a capacity of 0; `std::bad_alloc`.
  explicit locked_ring_queue(std::size_t capacity)
      : capacity_(checked(capacity)), places_(allocator().allocate(capacity)) {}
  locked_ring_queue(const locked_ring_queue&) = delete;
  locked_ring_queue& operator=(const locked_ring_queue&) = delete;
  ~locked_ring_queue() {
    while (size_ != 0)
      drop_first();
    allocator().deallocate(places_, capacity_);
  }

  /// Adds a value. A full ring drops the oldest.
  void push(T value) {
    const detail::guard<Lock> hold(lock_);
    if (size_ == capacity_) {
      using std::swap;
      swap(places_[first_], value);  // the argument destroys the oldest, after the lock
      first_ = after(first_, 1);
    } else {
      ::new (static_cast<void*>(places_ + after(first_, size_))) T(std::move(value));
      ++size_;
    }
  }
  /// Removes the oldest value. Returns: false if the ring is empty; `into` is unchanged then.
  [[nodiscard]] bool try_pop(T& into) {
    const detail::guard<Lock> hold(lock_);
    if (size_ == 0) return false;
    into = std::move(places_[first_]);
    drop_first();
    return true;
  }
  /// Copies the oldest value. Returns: false if the ring is empty; `into` is unchanged then.
  [[nodiscard]] bool try_peek(T& into) const
    requires std::is_copy_assignable_v<T>
  {
    const detail::guard<Lock> hold(lock_);
    if (size_ != 0) into = places_[first_];
    return size_ != 0;
  }
  /// Returns: a copy of all values, oldest first.
  [[nodiscard]] std::vector<T> values() const
    requires std::is_copy_constructible_v<T>
  {
    std::vector<T> copy;
    copy.reserve(capacity_);  // not under the lock
    const detail::guard<Lock> hold(lock_);
    for (std::size_t i = 0; i != size_; ++i)
      copy.push_back(places_[after(first_, i)]);
    return copy;
  }

  [[nodiscard]] std::size_t size() const {
    const detail::guard<Lock> hold(lock_);
    return size_;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool full() const { return size() == capacity_; }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Drops all values.
  void clear() {
    const detail::guard<Lock> hold(lock_);
    while (size_ != 0)
      drop_first();
  }

 private:
  using allocator = typename std::vector<T>::allocator_type;

  [[nodiscard]] static std::size_t checked(std::size_t capacity) {
    if (capacity == 0) detail::throw_invalid("ring capacity", capacity, "must be at least", 1);
    return capacity;
  }
  /// The index of the slot `n` after `place`. Preconditions: `n <= capacity_`.
  [[nodiscard]] std::size_t after(std::size_t place, std::size_t n) const noexcept {
    return n < capacity_ - place ? place + n : n - (capacity_ - place);
  }
  void drop_first() noexcept {
    places_[first_].~T();
    first_ = after(first_, 1);
    --size_;
  }

  std::size_t capacity_;
  T* places_;
  mutable Lock lock_;
  std::size_t first_ = 0;  // guarded by the lock
  std::size_t size_ = 0;   // guarded by the lock
};

}  // namespace tarn
