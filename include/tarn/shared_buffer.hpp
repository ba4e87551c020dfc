// SPDX-License-Identifier: MIT
//
// shared_buffer: bytes that many owners read.
//
//   tarn::shared_buffer b = tarn::freeze(std::move(frame));   // a buffer, without a copy
//   tarn::shared_buffer head = b.split_to(16);                // the same bytes, no copy
//   other_thread(b);                                          // a copy is one more reference
//
// The last owner gives the block back to its pool, on any thread, even after the pool has ended.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <tarn/buffer.hpp>
#include <tarn/detail/pool/shared_node_slow.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/fwd.hpp>
#include <tarn/pool_base.hpp>

namespace tarn {

/// A counted reference to bytes, or to a part of them. A default-constructed, released or
/// moved-from handle is empty, and every call on it is valid.
///
/// 24 bytes. A copy costs one addition, which is atomic if `Lock` is concurrent. The count of a
/// single-threaded pool is a plain number, and its handle is another type. The only holder drops
/// its reference without a read-modify-write.
///
/// Thread safety: a handle as an `int`; the bytes are constant while they are shared.
template <class Lock, class Stats, class Traits>
class basic_shared_buffer {
  using config = detail::byte_config<Lock, Stats, Traits>;
  using node_type = detail::shared_node<config>;
  using core_type = detail::byte_core<config>;

 public:
  using value_type = std::byte;
  using unique_type = basic_buffer<Lock, Stats, Traits>;

  constexpr basic_shared_buffer() noexcept = default;
  basic_shared_buffer(const basic_shared_buffer& other) noexcept
      : data_(other.data_), size_(other.size_), node_(other.node_) {
    if (node_ != nullptr) {
      node_->count.add();
      node_->core().holders().get();
    }
  }
  constexpr basic_shared_buffer(basic_shared_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        node_(std::exchange(other.node_, nullptr)) {}
  basic_shared_buffer& operator=(const basic_shared_buffer& other) noexcept {
    basic_shared_buffer(other).swap(*this);
    return *this;
  }
  constexpr basic_shared_buffer& operator=(basic_shared_buffer&& other) noexcept {
    basic_shared_buffer(std::move(other)).swap(*this);
    return *this;
  }
  TARN_FORCE_INLINE constexpr ~basic_shared_buffer() {
    if (node_ != nullptr) drop();
  }

  /// Refers to bytes that outlive every reference, such as a literal. Not counted, never freed.
  [[nodiscard]] static constexpr basic_shared_buffer of_static(
      std::span<const std::byte> bytes) noexcept {
    return {bytes.data(), bytes.size(), nullptr};
  }

  [[nodiscard]] static basic_shared_buffer of_static(std::string_view text) noexcept {
    return of_static(std::as_bytes(std::span(text)));
  }

  // References.

  /// Returns: another reference to the same bytes, as a copy.
  [[nodiscard]] basic_shared_buffer retain() const noexcept { return *this; }
  /// Drops this reference. The handle is empty then. A second call does nothing.
  void release() noexcept { basic_shared_buffer().swap(*this); }
  void reset() noexcept { release(); }
  /// The number of references to the same block, slices included; 0 for an empty handle and for
  /// static bytes. It may be outdated if other threads copy and drop references.
  [[nodiscard]] std::uint64_t ref_count() const noexcept {
    return node_ != nullptr ? node_->count.count() : 0;
  }
  /// True if this is the only reference to its block.
  [[nodiscard]] bool unique() const noexcept {
    return node_ != nullptr && node_->count.is_unique();
  }

  /// A reference that keeps the bytes until the lease is released.
  class lease_type {
   public:
    constexpr lease_type() noexcept = default;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return held_.bytes(); }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(held_); }
    void release() noexcept { held_.release(); }

    constexpr lease_type(lease_type&&) noexcept = default;
    constexpr lease_type& operator=(lease_type&&) noexcept = default;

   private:
    friend class basic_shared_buffer;
    explicit lease_type(const basic_shared_buffer& held) noexcept : held_(held) {}
    basic_shared_buffer held_;
  };
  /// Returns: a lease on the bytes. The lease of an empty handle is empty, and valid.
  [[nodiscard]] lease_type lease() const noexcept { return lease_type(*this); }

  /// A lease whose bytes may be written, although they have other owners.
  class writable_lease_type {
   public:
    constexpr writable_lease_type() noexcept = default;

    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
      return {const_cast<std::byte*>(held_.data()), held_.size()};  // the pool's memory
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(held_); }
    void release() noexcept { held_.release(); }

    constexpr writable_lease_type(writable_lease_type&&) noexcept = default;
    constexpr writable_lease_type& operator=(writable_lease_type&&) noexcept = default;

   private:
    friend class basic_shared_buffer;
    explicit writable_lease_type(const basic_shared_buffer& held) noexcept : held_(held) {}
    basic_shared_buffer held_;
  };
  /// Returns: a lease on the bytes of this handle that may be written, as bytepool's `Bytes()`. All
  ///   owners see what is written. Empty for an empty handle, static bytes, and memory that does
  ///   not belong to the pool.
  ///
  /// Preconditions: all owners agree who reads and who writes when. Nothing here orders them:
  /// without an order of their own it is a data race. `make_unique` needs no such agreement.
  [[nodiscard]] writable_lease_type writable_lease() const noexcept {
    if (node_ == nullptr || node_->is_external()) return {};
    return writable_lease_type(*this);
  }

  // Reading.

  [[nodiscard]] constexpr const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  /// True if it refers to bytes, even to zero bytes.
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] constexpr const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr const std::byte* end() const noexcept { return data_ + size_; }
  /// Preconditions: `i < size()`.
  [[nodiscard]] constexpr std::byte operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
    return {data_, size_};
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  // Parts. No byte is copied. A part of zero bytes is an empty handle, and keeps no block.

  /// Returns: the part of `size` bytes from `offset`. Throws: `std::out_of_range`, with the value
  /// and the limit.
  [[nodiscard]] basic_shared_buffer slice(std::size_t offset, std::size_t size) const {
    check_place(offset);
    if (size > size_ - offset) {
      detail::throw_range("slice size", size, "must be at most", size_ - offset);
    }
    if (size == 0) return {};
    basic_shared_buffer part(*this);
    part.data_ += offset;
    part.size_ = size;
    return part;
  }
  /// Returns: the part from `offset` to the end. Throws: `std::out_of_range`.
  [[nodiscard]] basic_shared_buffer slice(std::size_t offset) const {
    check_place(offset);
    return slice(offset, size_ - offset);
  }
  /// Returns: the part that `inner` shows, such as what a parser found in `bytes()`. Throws:
  /// `std::out_of_range`, with both sizes, if `inner` has a byte that is not one of these.
  [[nodiscard]] basic_shared_buffer slice(std::span<const std::byte> inner) const {
    if (inner.empty()) return {};
    // As numbers: pointers into other memory have no order. Below the begin this wraps.
    const auto offset =
        reinterpret_cast<std::uintptr_t>(inner.data()) - reinterpret_cast<std::uintptr_t>(data_);
    if (offset >= size_ || inner.size() > size_ - offset) {
      detail::throw_range("slice of", inner.size(), "bytes that are not within these", size_);
    }
    return slice(offset, inner.size());
  }
  [[nodiscard]] basic_shared_buffer slice(std::string_view inner) const {
    return slice(std::as_bytes(std::span(inner)));
  }
  /// Cuts off and returns the first `n` bytes. Throws: as `slice`.
  [[nodiscard]] basic_shared_buffer split_to(std::size_t n) {
    if (n == size_) return take_all();
    auto head = slice(0, n);
    data_ += n;
    size_ -= n;
    return head;
  }
  /// Cuts off and returns all but the first `n` bytes. Throws: as `slice`.
  [[nodiscard]] basic_shared_buffer split_off(std::size_t n) {
    if (n == 0) return take_all();
    auto rest = slice(n);
    size_ = n;
    return rest;
  }
  /// Appends `next` to this, if both are adjacent parts of the same bytes, or if one of them has no
  /// bytes. `next` is empty then. Keeps no block if neither has bytes.
  /// Returns: false if they are not adjacent; both are unchanged then.
  bool unsplit(basic_shared_buffer& next) noexcept {
    if (empty()) {
      *this = next.take_all();
      return true;
    }
    if (&next == this) return false;
    if (!next.empty()) {
      if (next.node_ != node_ || next.data_ != data_ + size_) return false;
      size_ += next.size_;
    }
    next.release();
    return true;
  }
  /// Drops the first `n` bytes. Throws: as `slice`.
  void remove_prefix(std::size_t n) {
    check_place(n);
    if (n == size_) return release();
    data_ += n;
    size_ -= n;
  }
  /// Drops the last `n` bytes. Throws: as `slice`.
  void remove_suffix(std::size_t n) {
    check_place(n);
    if (n == size_) return release();
    size_ -= n;
  }
  /// Drops all but the first `n` bytes; nothing if there are fewer.
  void truncate(std::size_t n) noexcept {
    if (n == 0) return release();
    size_ = detail::min_of(size_, n);
  }

  /// The number of bytes that this reference keeps from reuse, even if it refers to only a few.
  [[nodiscard]] std::size_t retained_bytes() const noexcept {
    return node_ != nullptr ? node_->retained_bytes() : 0;
  }
  /// This owner's share of `retained_bytes()`: divided by the number of owners, rounded up, so that
  /// the shares of all owners together are the bytes that are kept, and at most a byte per owner
  /// more. 0 for static bytes, which are from no pool. An estimate if other threads add or drop
  /// owners. Complexity: O(1), one load.
  [[nodiscard]] std::size_t fair_share_bytes() const noexcept {
    const auto owners = ref_count();
    if (owners == 0) return 0;
    const auto kept = retained_bytes();
    return detail::cast_to<std::size_t>(kept / owners + (kept % owners != 0));
  }
  /// Copies the bytes into a block of their own if they are less than `ratio` of
  /// `retained_bytes()`, so that a small slice does not keep a large block.
  ///
  /// Returns: true if it copied. It does not copy if the copy would keep as many bytes. Throws: as
  /// `byte_pool::get`; the handle is unchanged then.
  bool compact_if(double ratio) {
    if (!is_worth_compacting(ratio)) return false;
    take_over(copy_or_throw());
    return true;
  }
  /// As `compact_if`, but returns false instead of throwing.
  bool try_compact_if(double ratio) noexcept {
    return is_worth_compacting(ratio) && take_over(copy());
  }

  // Writing.

  /// Makes this the only reference to its bytes. Copies them if there are other references, or if
  /// the memory does not belong to the pool. Returns: the bytes, writable.
  ///
  /// Throws: as `byte_pool::get`; `std::logic_error` for static bytes, which have no pool.
  std::span<std::byte> make_unique() {
    if (!is_writable() && size_ != 0) {
      if (node_ == nullptr) throw std::logic_error("tarn: make_unique of static bytes has no pool");
      take_over(copy_or_throw());
    }
    return {const_cast<std::byte*>(data_),
            size_};  // their owner wrote them before they were shared
  }
  /// As `make_unique`, but returns an empty span instead of throwing.
  [[nodiscard]] std::span<std::byte> try_make_unique() noexcept {
    if (!is_writable() && (node_ == nullptr || !take_over(copy()))) return {};
    return {const_cast<std::byte*>(data_), size_};
  }
  /// Turns the only reference into the unique owner of the block. The opposite of `freeze`.
  ///
  /// Copies nothing, unless this does not begin at the begin of its block: then the bytes are moved
  /// there. `fast_buffer::attach` leaves them where they are.
  /// Returns: an empty buffer, and this is unchanged, if there are other references, or if the
  ///   memory does not belong to the pool.
  [[nodiscard]] unique_type thaw() noexcept {
    auto whole = take_block();
    if (whole.offset != 0) {
      detail::move_memory(whole.block.data(), whole.block.data() + whole.offset, whole.size);
    }
    whole.block.resize(whole.size);  // zeroes the bytes that are cut off, if the pool zeroes
    return std::move(whole.block);
  }

  // Raw handles, for C interfaces.

  /// The parts of a handle. Its reference lasts until `from_raw` makes a handle of them again.
  struct raw_type {
    const std::byte* data = nullptr;
    std::size_t size = 0;
    void* node = nullptr;
  };
  /// Takes the handle apart. The handle is empty then.
  [[nodiscard]] constexpr raw_type to_raw() && noexcept {
    return {std::exchange(data_, nullptr), std::exchange(size_, 0), std::exchange(node_, nullptr)};
  }
  /// Makes a handle from its parts. Preconditions: `raw` came from `to_raw` of this type, or was
  /// retained; each reference is used only once.
  [[nodiscard]] static constexpr basic_shared_buffer from_raw(const raw_type& raw) noexcept {
    return {raw.data, raw.size, static_cast<node_type*>(raw.node)};
  }

  constexpr void swap(basic_shared_buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(node_, other.node_);
  }
  friend constexpr void swap(basic_shared_buffer& a, basic_shared_buffer& b) noexcept { a.swap(b); }

 private:
  friend class byte_pool<Lock, Stats, Traits>;
  template <class L, class S, class T>
  friend class basic_fast_buffer;
  template <class L, class S, class T>
  friend basic_shared_buffer<L, S, T> try_freeze(basic_buffer<L, S, T>&&) noexcept;
  template <class L, class S, class T>
  friend basic_shared_buffer<L, S, T> freeze(basic_buffer<L, S, T>&&);

  /// Takes the block over. Returns: an empty handle if there is no memory for a node.
  [[nodiscard]] static basic_shared_buffer of_block(const typename unique_type::raw_type& raw) {
    auto* const core = static_cast<core_type*>(raw.owner);
    auto* const node =
        core != nullptr ? node_type::make(core, raw.data, raw.capacity, raw.size) : nullptr;
    if (node == nullptr) return {};
    return {static_cast<const std::byte*>(raw.data), raw.size, node};
  }

  constexpr basic_shared_buffer(const std::byte* data, std::size_t size, node_type* node) noexcept
      : data_(data), size_(size), node_(node) {}

  TARN_FORCE_INLINE void drop() noexcept {
    if (node_->count.drop_alone() || drop_shared()) node_->end();
  }

  /// Returns: true if this was the last reference.
  [[nodiscard]] bool drop_shared() noexcept {
    auto& holders = node_->core().holders();
    holders.put();  // first: without this reference the core may be gone
    const bool last = node_->count.drop_shared();
    if (last) holders.unput();
    return last;
  }

  /// Takes the whole handle as a part of itself.
  [[nodiscard]] basic_shared_buffer take_all() noexcept {
    basic_shared_buffer all = std::move(*this);
    if (all.empty()) all.release();
    return all;
  }
  void check_place(std::size_t offset) const {
    if (offset > size_) detail::throw_range("slice offset", offset, "must be at most", size_);
  }
  [[nodiscard]] bool is_writable() const noexcept { return unique() && !node_->is_external(); }
  /// A block, and the bytes of this in it.
  struct whole_block {
    unique_type block;
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  /// Turns the only reference into the owner of the block, in which no byte moves. Returns: no
  /// block, as `thaw`.
  [[nodiscard]] whole_block take_block() noexcept {
    if (!is_writable()) return {};
    core_type* const core = &node_->core();
    const auto capacity = node_->capacity();
    const auto used = node_->used();
    const auto offset = static_cast<std::size_t>(data_ - node_->base());
    void* const block = node_->give_up();
    node_ = nullptr;
    data_ = nullptr;
    return {unique_type::from_raw({block, used, capacity, core}), offset, std::exchange(size_, 0)};
  }
  [[nodiscard]] bool is_worth_compacting(double ratio) const noexcept {
    if (node_ == nullptr) return false;
    const auto kept = retained_bytes();
    if (!(static_cast<double>(size_) < ratio * static_cast<double>(kept))) return false;
    const auto& tiers = node_->core().table();
    const auto tier = tiers.tier_for(size_);
    const auto needed = tier < tiers.count() ? tiers.size_of(tier) : size_;
    return needed + (needed - size_ < sizeof(node_type) ? detail::line_alignment : 0) < kept;
  }
  /// Copies the bytes into a block of the same pool. Returns: an empty handle if there is no
  /// memory.
  [[nodiscard]] basic_shared_buffer copy() const noexcept {
    return copy_into(node_type::take(node_->core(), size_));
  }
  [[nodiscard]] basic_shared_buffer copy_into(
      const typename node_type::shared_block& to) const noexcept {
    if (to.block == nullptr) return {};
    if (size_ != 0) detail::copy_memory(to.block, data_, size_);
    return {static_cast<const std::byte*>(to.block), size_, to.node};
  }
  [[nodiscard]] basic_shared_buffer copy_or_throw() const {
    const auto to = node_type::take(node_->core(), size_);
    if (to.lacks_node) detail::throw_no_node(node_->core());
    if (to.block == nullptr) detail::throw_nothing(node_->core(), size_);
    return copy_into(to);
  }
  bool take_over(basic_shared_buffer&& made) noexcept {
    if (made.node_ == nullptr) return false;
    swap(made);
    return true;
  }

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  node_type* node_ = nullptr;  // null: empty, or static bytes
};
template <class Lock, class Stats, class Traits>
inline constexpr bool detail::has_content<basic_shared_buffer<Lock, Stats, Traits>> = true;

/// Makes the bytes of a buffer shareable, without a copy. Turns an empty buffer into an empty
/// handle.
///
/// Returns: an empty handle if there is no memory for a node; `b` is unchanged then.
/// Complexity: O(1); it takes a node of the pool if the block has less than 24 spare bytes.
template <class Lock, class Stats, class Traits>
[[nodiscard]] basic_shared_buffer<Lock, Stats, Traits> try_freeze(
    basic_buffer<Lock, Stats, Traits>&& b) noexcept {
  const auto raw = std::move(b).to_raw();
  auto frozen = basic_shared_buffer<Lock, Stats, Traits>::of_block(raw);
  if (!frozen) b = basic_buffer<Lock, Stats, Traits>::from_raw(raw);
  return frozen;
}
/// As `try_freeze`, but throws instead. Throws: as `byte_pool::get`; `b` is unchanged then.
template <class Lock, class Stats, class Traits>
[[nodiscard]] basic_shared_buffer<Lock, Stats, Traits> freeze(
    basic_buffer<Lock, Stats, Traits>&& b) {
  using node_type = typename basic_shared_buffer<Lock, Stats, Traits>::node_type;
  const auto raw = std::move(b).to_raw();
  auto frozen = basic_shared_buffer<Lock, Stats, Traits>::of_block(raw);
  if (frozen || raw.owner == nullptr) return frozen;
  b = basic_buffer<Lock, Stats, Traits>::from_raw(raw);
  detail::throw_no_node(*static_cast<typename node_type::core_type*>(raw.owner));
}

}  // namespace tarn
