// SPDX-License-Identifier: MIT
//
// block_cache: buffers of one size that one owner keeps at hand, taken from a pool in bulk.
//
//   tarn::block_cache frames(pool, 1500, 64);   // up to 64 buffers of 1500 bytes
//   auto b = frames.get();                      // from the cache, or half a cache from the pool
//   frames.put(std::move(b));
//
// For pools that have no caches of threads (a mutex, `capacity`), and for owners that are no
// threads: a connection, a fiber, a stage of a pipeline.

#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A stack of buffers in front of a byte pool, which its owner alone uses. A get of a buffer that
/// is there, and a put that finds room, do not touch the pool.
///
/// For the pool the buffers in the cache are in use: they count for `capacity` and `limit_bytes`,
/// no other owner gets them, and `trim` does not reach them. `flush` gives them back, and so does
/// the destructor. After `close` of the pool they stay until then.
///
/// Preconditions: the pool outlives all calls but that of the destructor.
/// Thread safety: as a vector. The pool may be shared.
template <class Pool>
class block_cache {
 public:
  using pool_type = Pool;
  using buffer = typename Pool::buffer;
  /// The call site of a get, for stats policies that follow blocks. They see the get that filled
  /// the cache.
  using where_type = typename Pool::where_type;

  /// For buffers of `size` bytes, and up to `room` of them. It takes none yet.
  ///
  /// Throws: `std::invalid_argument` if `room` is 0 or above 2^20; `std::length_error` if `size` is
  ///   above PTRDIFF_MAX; `std::bad_alloc`.
  block_cache(Pool& pool, std::size_t size, std::size_t room)
      : pool_(&pool),
        size_(size),
        capacity_(pool.capacity_for(size)),
        buffers_(checked(size, room)) {}
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;
  ~block_cache() = default;  // each buffer finds its core, if the pool is gone

  /// Gets a buffer of `block_bytes()` bytes. An empty cache first takes half of its room from the
  /// pool. Its contents are indeterminate, unless the pool zeroes.
  ///
  /// Throws: as `byte_pool::get`. Complexity: O(1) amortised.
  [[nodiscard]] buffer get(where_type where = where_type::current()) {
    if (count_ == 0 && !refill(where)) return pool_->get(size_, where);
    return std::move(buffers_[--count_]);
  }
  /// As `get`, but returns an empty buffer instead of throwing.
  [[nodiscard]] buffer try_get(where_type where = where_type::current()) noexcept {
    if (count_ == 0 && !refill(where)) return pool_->try_get(size_, where);
    return std::move(buffers_[--count_]);
  }
  /// Keeps a buffer for the next get. If the cache is full, half of it goes back to the pool. A
  /// buffer of another tier or pool goes home at once, and so does each buffer of a pool that
  /// zeroes, which is to be done at the put. Ignores an empty buffer. Complexity: O(1) amortised.
  void put(buffer&& b) noexcept {
    const auto* const core = detail::access::core_of(b);
    if (core != &detail::access::lifeline(*pool_) || b.capacity() != capacity_ ||
        core->zeroing() != zeroing::none) {
      return b.reset();
    }
    if (count_ == buffers_.size()) give_back(count_ - count_ / 2);
    buffers_[count_] = std::move(b);
    if (buffers_[count_].size() != size_) buffers_[count_].resize(size_);
    ++count_;
  }
  /// Gives all buffers back to the pool. Complexity: O(buffers).
  void flush() noexcept { give_back(count_); }

  /// The buffers in the cache, and the most that may be.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::size_t room() const noexcept { return buffers_.size(); }
  /// The size of each buffer.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return size_; }
  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

 private:
  [[nodiscard]] static std::size_t checked(std::size_t size, std::size_t room) {
    constexpr std::size_t most = std::size_t{1} << 20;
    if (size > detail::max_size) {
      detail::throw_length("size of cached buffers", size, "must be at most", detail::max_size);
    }
    if (room == 0) detail::throw_invalid("room of a cache", room, "must be at least", 1);
    if (room > most) detail::throw_invalid("room of a cache", room, "must be at most", most);
    return room;
  }
  /// Returns: false if the pool has less than half a room; another get may still find one buffer.
  [[nodiscard]] bool refill(where_type where) noexcept {
    const auto wanted = buffers_.size() / 2;
    if (wanted < 2) return false;
    if (singly_ != 0) {
      --singly_;
      return false;
    }
    if (!detail::access::try_get_bulk_unreported(*pool_, size_, std::span(buffers_).first(wanted),
                                                 where)) {
      singly_ =
          wanted;  // near a limit an attempt makes the pool give up idle memory: not each time
      return false;
    }
    count_ = wanted;
    return true;
  }
  /// Gives the newest buffers back.
  void give_back(std::size_t count) noexcept {
    count_ -= count;
    pool_->put_bulk(std::span(buffers_).subspan(count_, count));
  }

  Pool* pool_;
  std::size_t size_;
  std::size_t capacity_;         // of the blocks that serve that size
  std::vector<buffer> buffers_;  // the first `count_` are full
  std::size_t count_ = 0;
  std::size_t singly_ = 0;  // so many gets ask the pool for one buffer only
};

}  // namespace tarn
