// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <tarn/detail/pool/byte_core_fork.hpp>
#include <tarn/detail/pool/byte_core_slow.hpp>
#include <tarn/detail/shared/ref_count.hpp>

namespace tarn::detail {

/// The data that all handles to the same bytes share: their number, and the owner of the bytes.
///
/// 24 bytes in the tail of the block that it keeps, where the request left room for them. Otherwise
/// it is the beginning of a node of the same core, one cache line. So a request of exactly a tier's
/// size stays in that tier, and the heap is never asked.
template <class Config>
class shared_node {
 public:
  using core_type = byte_core<Config>;
  using count_type =
      std::conditional_t<Config::is_concurrent, ref_count<typename Config::env>, plain_count>;

  /// The largest number of external bytes: what the word holds. More than any system can address.
  static constexpr std::size_t most_bytes = SIZE_MAX >> 2;

  /// Bytes that the deleter of external memory may capture.
  static constexpr std::size_t deleter_bytes = 16;

  count_type count;

  /// For a block of `core`. Returns: null if its tail has no room and the core has no node.
  [[nodiscard]] TARN_FORCE_INLINE static shared_node* make(core_type* core, void* block,
                                                           std::size_t capacity, std::size_t size) {
    const auto end = capacity & ~(alignof(shared_node) - 1);
    if (size + sizeof(shared_node) <= end) [[likely]] {
      return ::new (static_cast<std::byte*>(block) + end - sizeof(shared_node))
          shared_node(core, capacity, in_tail);
    }
    return apart_node::make(core, static_cast<std::byte*>(block), capacity, size);
  }
  /// Whether the bytes of a block leave room for this behind the first `size` bytes.
  [[nodiscard]] TARN_FORCE_INLINE static bool fits_behind(std::size_t size,
                                                          std::size_t capacity) noexcept {
    return size + sizeof(shared_node) <= (capacity & ~(alignof(shared_node) - 1));
  }
  struct shared_block {
    void* block = nullptr;
    shared_node* node = nullptr;
    bool lacks_node = false;  // no block, because there is no memory for its node
  };
  /// Takes a block of `size` bytes for several owners. Returns: a null block if the core has none,
  /// or no node; nothing has changed then.
  [[nodiscard]] TARN_FORCE_INLINE static shared_block take(
      core_type& core, std::size_t size, typename core_type::where_type where = {}) {
    const auto tier = core.table().tier_for(size);
    if (tier < core.table().count() && fits_behind(size, core.table().size_of(tier))) [[likely]] {
      const auto got = core.take_bytes(size, where, core.hot_place());
      if (got.block == nullptr) [[unlikely]]
        return {};
      return {got.block, make(&core, got.block, got.capacity, size)};
    }
    return take_apart(core, size, where);
  }
  /// For external memory: `deleter()` is called after the last reference. Returns: null if the core
  /// has no node. Preconditions: `size <= most_bytes`.
  template <class Deleter>
  [[nodiscard]] static shared_node* make_external(core_type* core, const std::byte* bytes,
                                                  std::size_t size, Deleter& deleter);

  [[nodiscard]] core_type& core() const noexcept { return *core_; }
  /// Bytes that this keeps from being reused.
  [[nodiscard]] std::size_t retained_bytes() const noexcept {
    return capacity() + (where() == in_tail ? 0 : line_alignment);
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return word_ >> where_bits; }
  [[nodiscard]] bool is_external() const noexcept { return where() == external; }
  /// Where the bytes begin.
  [[nodiscard]] std::byte* base() noexcept;
  /// Bytes of the block that may differ from zero.
  [[nodiscard]] std::size_t used() const noexcept;

  /// To be called when the last reference is gone: gives the bytes back.
  TARN_FORCE_INLINE void end() noexcept {
    core_type* const home = core_;  // a node in a tail goes with its block
    if (const auto size = capacity(); home->is_hot(size)) [[likely]] {
      if (where() == in_tail) return home->give_owned(base_of_tail(), size, 0);
      if (where() == apart) {
        home->give_owned(static_cast<apart_node*>(this)->first, size, 0);
        return home->give_node(this);  // last: it keeps the core
      }
    }
    end_slowly();
  }
  /// Gives the bytes to a unique owner again. Preconditions: the caller's reference is the only
  /// one, and the bytes are not external. Returns: the block.
  void* give_up() noexcept;

 private:
  enum place : std::size_t { in_tail, apart, external };
  static constexpr unsigned where_bits = 2;
  static_assert(most_bytes == SIZE_MAX >> where_bits);

  /// For a block whose tail may have no room. Not cold: sizes of exactly a tier are common.
  [[nodiscard, gnu::__noinline__]] static shared_block take_apart(
      core_type& core, std::size_t size, typename core_type::where_type where);

  /// The rest of a shared node that is not in a tail.
  struct apart_node;

  shared_node(core_type* core, std::size_t capacity, place where) noexcept
      : core_(core), word_(capacity << where_bits | where) {}

  [[nodiscard]] place where() const noexcept {
    return static_cast<place>(word_ & ((1u << where_bits) - 1));
  }
  [[nodiscard]] std::byte* base_of_tail() noexcept {
    const auto end = capacity() & ~(alignof(shared_node) - 1);
    return reinterpret_cast<std::byte*>(this + 1) - end;
  }
  void end_slowly() noexcept;

  core_type* core_;
  std::size_t word_;  // capacity of the block (sizes end at 2^62), and where this lies
};

template <class Config>
struct shared_node<Config>::apart_node : shared_node<Config> {
  std::byte* first;
  union {
    std::size_t used;                          // of a block
    void (*on_dropped)(apart_node&) noexcept;  // of external bytes: calls the deleter
  };
  alignas(void*) std::byte deleter[deleter_bytes];

  apart_node(core_type* core, std::byte* base, std::size_t capacity, std::size_t size,
             place where) noexcept
      : shared_node(core, capacity, where), first(base), used(size) {}

  [[nodiscard]] TARN_FORCE_INLINE static apart_node* make(core_type* core, std::byte* base,
                                                          std::size_t capacity, std::size_t size,
                                                          place where = apart) {
    void* const node = core->take_node();
    if (node == nullptr) {
      core_type::bounds_type::refuse_node(*core);
      return nullptr;
    }
    return ::new (node) apart_node(core, base, capacity, size, where);
  }
};

}  // namespace tarn::detail
