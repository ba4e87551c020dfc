// SPDX-License-Identifier: MIT
//
// arena: many small allocations in blocks of a byte pool, which end together.
//
//   tarn::arena<> scratch(pool);
//   auto* node = scratch.make<tree_node>(1, 2);      // its destructor runs at the reset
//   void* raw = scratch.allocate(100);
//   scratch.reset();                                 // ends all; the blocks stay for what follows

#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// Takes blocks from a byte pool and cuts allocations from them, one behind the other. A single
/// allocation is never given back: `reset` ends them all, `rewind` those since a mark.
///
/// Every block is in use, for the pool, until `release` or the end of the arena. The arena may end
/// after its pool.
///
/// Preconditions: the pool outlives all calls but those of `reset`, `rewind`, `release` and the
/// destructor.
/// Thread safety: as a vector. The pool may be shared.
template <class Pool>
class arena {
  struct ending {  // of an object that needs its destructor
    void (*end)(void*) noexcept;
    void* object;
    ending* before;
  };

 public:
  using pool_type = Pool;
  /// The call site of an allocation, for stats policies that follow blocks: that which needed the
  /// block. `make` and `copy` can't find it themselves.
  using where_type = typename Pool::where_type;
  static constexpr std::size_t default_block_bytes = std::size_t{16} << 10;

  /// Where an arena stands. Valid until a reset, or a rewind to an earlier mark.
  class mark_type {
    friend class arena;
    std::size_t blocks_ = 0;  // in use
    std::size_t used_ = 0;    // of the last one
    ending* last_ = nullptr;
  };

  /// An arena in blocks of `block_bytes` bytes, and larger ones for larger requests. It takes none
  /// yet. Throws: `std::invalid_argument` if `block_bytes` is below 64; `std::length_error` if it
  /// is above PTRDIFF_MAX.
  explicit arena(Pool& pool, std::size_t block_bytes = default_block_bytes)
      : pool_(&pool), block_bytes_(block_bytes) {
    if (block_bytes < 64) {
      detail::throw_invalid("block_bytes of an arena", block_bytes, "must be at least", 64);
    }
    if (block_bytes > detail::max_size) {
      detail::throw_length("block_bytes of an arena", block_bytes, "must be at most",
                           detail::max_size);
    }
  }
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena() { reset(); }

  /// Gets `size` bytes, aligned to `alignment`, with indeterminate contents (also in a pool that
  /// zeroes, if the block was used before a reset). Different calls return different addresses, but
  /// for size 0.
  ///
  /// Throws: `std::invalid_argument` if `alignment` is no power of two; `std::length_error` if the
  ///   bytes overflow; as `byte_pool::get`. The arena is unchanged then. Complexity: O(1); if no
  ///   block has room, O(blocks) for a request above `block_bytes`.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t),
                               where_type where = where_type::current()) {
    if (!std::has_single_bit(alignment)) {
      detail::throw_invalid("alignment", alignment, "must be a power of two");
    }
    if (blocks_in_use_ != 0) {
      block& b = blocks_[blocks_in_use_ - 1];
      const auto at = begin_in(b, used_, alignment);
      if (at <= b.capacity() && size <= b.capacity() - at) {
        used_ = at + size;
        return b.data() + at;
      }
    }
    return allocate_in_next(size, alignment, where);
  }

  /// Makes a `T` that ends with the next `reset` or `rewind`, the last one first. A type without a
  /// destructor of its own costs no more than its bytes, any other 24 bytes more.
  ///
  /// Throws: as `allocate`, and what the constructor throws: there is no object then, and its bytes
  /// stay taken until the next `reset` or `rewind`.
  template <class T, class... Args>
    requires std::constructible_from<T, Args...>
  T* make(Args&&... args) {
    if constexpr (std::is_trivially_destructible_v<T>) {
      return make_unended<T>(std::forward<Args>(args)...);
    } else {
      void* const note = allocate(sizeof(ending), alignof(ending), {});  // first: it may fail
      T* const made = make_unended<T>(std::forward<Args>(args)...);
      last_ = ::new (note) ending{
          [](void* object) noexcept { std::destroy_at(static_cast<T*>(object)); }, made, last_};
      return made;
    }
  }
  /// As `make`, but its destructor never runs: for objects that hold nothing outside the arena.
  template <class T, class... Args>
    requires std::constructible_from<T, Args...>
  T* make_unended(Args&&... args) {
    return ::new (allocate(sizeof(T), alignof(T), {})) T(std::forward<Args>(args)...);
  }
  /// Copies a text. Throws: as `allocate`. Complexity: O(bytes).
  [[nodiscard]] std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* const to = static_cast<char*>(allocate(text.size(), 1, {}));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  [[nodiscard]] mark_type mark() const noexcept {
    mark_type made;
    made.blocks_ = blocks_in_use_;
    made.used_ = used_;
    made.last_ = last_;
    return made;
  }
  /// Ends what was made since the mark. The blocks stay for the next allocations. Preconditions:
  /// the mark is valid. Complexity: O(objects with a destructor).
  void rewind(const mark_type& to) noexcept {
    while (last_ != to.last_) {
      ending* const now = std::exchange(last_, last_->before);
      now->end(now->object);
    }
    blocks_in_use_ = to.blocks_;
    used_ = to.used_;
  }
  /// Ends everything. The blocks stay for the next allocations. Complexity: as `rewind`.
  void reset() noexcept { rewind(mark_type()); }
  /// Ends everything, and gives all blocks back to the pool. Complexity: also O(blocks).
  void release() noexcept {
    reset();
    blocks_.clear();
  }

  /// Bytes of all blocks, in use or kept. Complexity: O(blocks).
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& b : blocks_)
      sum += b.capacity();
    return sum;
  }
  [[nodiscard]] std::size_t block_bytes() const noexcept { return block_bytes_; }
  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

 private:
  using block = typename Pool::buffer;

  /// The first place from `used` on with that alignment.
  [[nodiscard]] static std::size_t begin_in(const block& b, std::size_t used,
                                            std::size_t alignment) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(b.data()) + used;
    return used + (detail::align_up(address, alignment) - address);
  }
  [[nodiscard]] TARN_COLD void* allocate_in_next(std::size_t size, std::size_t alignment,
                                                 where_type where) {
    // What aligning may cost: blocks have `small_alignment`.
    const auto slack =
        alignment > detail::small_alignment ? alignment - detail::small_alignment : 0;
    if (slack > detail::max_size || size > detail::max_size - slack) {
      detail::throw_length("bytes of an arena", size, "must be at most", detail::max_size);
    }
    const auto wanted = size + slack;
    const auto next = blocks_in_use_;
    auto fit = next;
    while (fit != blocks_.size() && blocks_[fit].capacity() < wanted)
      ++fit;
    if (fit == blocks_.size()) {
      if (blocks_.size() == blocks_.capacity()) blocks_.reserve(2 * blocks_.size() + 4);
      block made = pool_->get(detail::max_of(wanted, block_bytes_), where);
      made.resize(made.capacity());  // all of it is used, for a pool that zeroes the used part
      blocks_.push_back(std::move(made));
    }
    blocks_[next].swap(blocks_[fit]);
    block& b = blocks_[next];
    const auto at = begin_in(b, 0, alignment);
    ++blocks_in_use_;
    used_ = at + size;
    return b.data() + at;
  }

  Pool* pool_;
  std::size_t block_bytes_;
  std::vector<block> blocks_;  // those in use, then those that are kept
  std::size_t blocks_in_use_ = 0;
  std::size_t used_ = 0;  // of the last one in use
  ending* last_ = nullptr;
};

}  // namespace tarn
