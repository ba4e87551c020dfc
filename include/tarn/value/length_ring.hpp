// SPDX-License-Identifier: MIT
//
// length_ring: a ring of the caller's that gets the requested sizes of a pool.
//
//   tarn::ring_queue<std::size_t> mine(64);
//   tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> pool({.recent_lengths = &mine});
//   pool.put(pool.get(1500));                     // mine.values() is {1500}

#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/samples/sample.hpp>

namespace tarn {

/// The types of ring that a pool can make for itself.
enum class ring_type : unsigned char { lock_free, locked };

/// A ring of the caller's. All threads of the pool call `push(size)`, which must not throw, block
/// for long, or use the pool. `values()` returns a copy, oldest first.
template <class R>
concept length_recorder = requires(R& ring, const R& read, std::size_t size) {
  ring.push(size);
  { read.values() } -> std::convertible_to<std::vector<std::size_t>>;
};

/// A ring for the requested sizes of a pool. It refers to a ring of the caller's, which must
/// outlive the pool, or owns a ring together with its copies. Empty by default.
class length_ring {
 public:
  static constexpr std::size_t default_capacity = 256;

  length_ring() noexcept = default;
  /// Refers to `ring`. Throws: `std::invalid_argument` for null.
  template <length_recorder Ring>
  length_ring(Ring* ring) : ring_(ring), push_(push_to<Ring>), values_(values_of<Ring>) {
    if (ring == nullptr) refuse_null();
  }
  length_ring(std::nullptr_t) { refuse_null(); }
  /// Makes a ring. Include recording_stats.hpp to use this: its policies need a ring.
  /// Throws: `std::invalid_argument` for an unknown type, or a capacity of 0; `std::bad_alloc`.
  length_ring(ring_type type, std::size_t capacity = default_capacity);
  length_ring(const length_ring& other) noexcept
      : ring_(other.ring_), push_(other.push_), values_(other.values_), count_(other.count_) {
    // relaxed: `other` keeps the ring alive meanwhile.
    if (count_ != nullptr) count_->users.fetch_add(1, std::memory_order::relaxed);
  }
  length_ring& operator=(const length_ring& other) noexcept {
    length_ring copy(other);
    std::swap(ring_, copy.ring_);
    std::swap(push_, copy.push_);
    std::swap(values_, copy.values_);
    std::swap(count_, copy.count_);
    return *this;
  }
  ~length_ring() {
    // release and acquire, a pair with itself: the last user sees the writes of all others.
    if (count_ != nullptr && count_->users.fetch_sub(1, std::memory_order::acq_rel) == 1) {
      count_->end(count_);
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return ring_ != nullptr; }
  /// A copy of the recorded sizes, oldest first. Preconditions: not empty.
  [[nodiscard]] std::vector<std::size_t> values() const { return values_(ring_); }

 private:
  friend struct detail::access;
  /// The ring as the pool writes to it. Valid while a copy of this lives.
  [[nodiscard]] detail::length_sink sink() const noexcept { return {ring_, push_}; }
  struct counted {
    std::atomic<std::uint32_t> users{1};
    void (*end)(counted*) noexcept;
  };
  template <class Ring>
  struct owned : counted {
    explicit owned(std::size_t capacity)
        : counted{1, [](counted* c) noexcept { delete static_cast<owned*>(c); }}, ring(capacity) {}
    Ring ring;
  };

  template <class Ring>
  static void push_to(void* ring, std::size_t size) noexcept {
    static_cast<Ring*>(ring)->push(size);
  }
  template <class Ring>
  static std::vector<std::size_t> values_of(const void* ring) {
    return static_cast<const Ring*>(ring)->values();
  }
  [[noreturn]] static void refuse_null() {
    throw std::invalid_argument("tarn: recent_lengths must not be a null ring");
  }
  template <class Ring>
  void own(owned<Ring>* made) noexcept {
    ring_ = &made->ring;
    push_ = push_to<Ring>;
    values_ = values_of<Ring>;
    count_ = made;
  }

  void* ring_ = nullptr;
  void (*push_)(void*, std::size_t) noexcept = nullptr;
  std::vector<std::size_t> (*values_)(const void*) = nullptr;
  counted* count_ = nullptr;  // null: the caller owns the ring
};

}  // namespace tarn
