// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/extents/extent.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// Extents of blocks that are out, by address. Guarded by its owner.
///
/// A hash table that grows by one bucket at a time, so that no call moves more than a few extents.
/// Memory for more buckets is allocated without the lock. Complexity: O(1).
/// Source: Litwin, "Linear hashing" (1980).
class extent_map {
 public:
  /// Buckets come from `own`.
  explicit extent_map(const own_memory& own = own_memory()) noexcept : own_(own) {}
  extent_map(const extent_map&) = delete;
  extent_map& operator=(const extent_map&) = delete;
  ~extent_map() {
    for (std::size_t i = 0; i != segments; ++i)
      own_.destroy_array(more_[i], first_buckets << i);
  }

  void push(extent* e) noexcept {
    for (int turn = 0; turn != 2 && size_ >= buckets_ && has(buckets_); ++turn)
      split();
    extent*& list = bucket(place_of(e->block));
    e->next = list;
    list = e;
    ++size_;
  }

  [[nodiscard]] const extent* find(const void* block) const noexcept {
    const extent* e = bucket(place_of(block));
    while (e != nullptr && e->block != block)
      e = e->next;
    return e;
  }

  /// Takes out the extent of `block`. Returns: null if `block` has no extent here.
  [[nodiscard]] extent* pop(const void* block) noexcept {
    for (extent** place = &bucket(place_of(block)); *place != nullptr; place = &(*place)->next) {
      if ((*place)->block != block) continue;
      extent* const found = *place;
      *place = found->next;
      --size_;
      return found;
    }
    return nullptr;
  }

  /// How many buckets the map lacks; 0 if it has enough.
  [[nodiscard]] std::size_t wanted() const noexcept {
    return size_ >= buckets_ && !has(buckets_) ? std::bit_floor(buckets_) : 0;
  }
  /// Adds as many buckets as `wanted` returned before, if the map still wants them. `lock` is the
  /// owner's and is not held. Without memory the map only gets slower.
  template <class Lock>
  void grow(std::size_t count, Lock& lock) noexcept {
    if (count == 0) return;
    auto** const made = own_.make_array<extent*>(count);
    if (made == nullptr) return;
    const bool taken = locked(lock, [&] {
      const bool is_wanted = wanted() == count;
      if (is_wanted) more_[segment_of(buckets_)] = made;
      return is_wanted;
    });
    if (!taken) own_.destroy_array(made, count);  // another thread was faster
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t buckets() const noexcept { return buckets_; }

 private:
  static constexpr std::size_t first_buckets = 64;
  static constexpr std::size_t segments = 48;  // each as large as all before it

  [[nodiscard]] static std::size_t segment_of(std::size_t bucket) noexcept {
    return cast_to<std::size_t>(std::bit_width(bucket / first_buckets)) - 1;
  }
  [[nodiscard]] bool has(std::size_t bucket) const noexcept {
    return segment_of(bucket) < segments && more_[segment_of(bucket)] != nullptr;
  }
  [[nodiscard]] extent* const& bucket(std::size_t b) const noexcept {
    return b < first_buckets ? first_[b] : more_[segment_of(b)][b - std::bit_floor(b)];
  }
  [[nodiscard]] extent*& bucket(std::size_t b) noexcept {
    return b < first_buckets ? first_[b] : more_[segment_of(b)][b - std::bit_floor(b)];
  }

  [[nodiscard]] std::size_t place_of(const void* block) const noexcept {
    const auto bits = cast_to<std::uint64_t>(reinterpret_cast<std::uintptr_t>(block));
    const auto hash = bits * 0x9e3779b97f4a7c15u;  // Fibonacci hashing; the upper bits are good
    const auto low = cast_to<std::size_t>(hash ^ (hash >> 32));
    const auto half = std::bit_floor(buckets_);
    const auto place = low & (2 * half - 1);
    return place < buckets_ ? place : place - half;  // that bucket was not split off yet
  }

  /// Adds a bucket and moves the extents that belong there out of the next bucket in turn.
  void split() noexcept {
    extent* rest = bucket(buckets_ - std::bit_floor(buckets_));
    bucket(buckets_ - std::bit_floor(buckets_)) = nullptr;
    ++buckets_;
    while (rest != nullptr) {
      extent* const e = rest;
      rest = e->next;
      extent*& list = bucket(place_of(e->block));
      e->next = list;
      list = e;
    }
  }

  own_memory own_;
  std::size_t size_ = 0;
  std::size_t buckets_ = first_buckets;
  extent* first_[first_buckets] = {};
  extent** more_[segments] = {};
};

}  // namespace tarn::detail
