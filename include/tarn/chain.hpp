// SPDX-License-Identifier: MIT
//
// chain: bytes in pieces that are shared, one after the other (a rope).
//
//   tarn::chain out;
//   out.append(header);                       // pieces are shared: no byte is copied
//   out.append(std::move(payload));
//   out.append("\r\n");                       // text and small pieces are copied, many to a block
//   auto next = out.split_off(64 << 10);      // cuts at any byte
//
// For one system call over all pieces see interop/iovec.hpp.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/fwd.hpp>
#include <tarn/shared_buffer.hpp>

namespace tarn {

/// A sequence of shared pieces of bytes for scatter and gather.
///
/// Iterates over pieces, each a `basic_shared_buffer`; none of them is empty. A copy of a chain
/// shares all its bytes. What is copied into a chain comes from its pool: the one it was given,
/// which has to live as long as the chain is added to, or `default_pool()`.
///
/// Thread safety: as an `int`; the pieces may be shared with other threads.
template <class Lock, class Stats, class Traits>
class basic_chain {
 public:
  using pool_type = byte_pool<Lock, Stats, Traits>;
  using value_type = basic_shared_buffer<Lock, Stats, Traits>;
  using iterator = typename std::vector<value_type>::const_iterator;
  using const_iterator = iterator;

  /// A piece of fewer bytes is copied to the end of its neighbour: that costs less than a reference
  /// and one more entry of a system call.
  static constexpr std::size_t default_copy_below = 128;
  /// Bytes of the blocks that small pieces are copied to: a page, with what is shared in its tail.
  static constexpr std::size_t copy_block_bytes = 4096 - 32;

  basic_chain() noexcept = default;
  explicit basic_chain(pool_type& pool, std::size_t copy_below = default_copy_below) noexcept
      : pool_(&pool), copy_below_(copy_below) {}

  /// A copy shares all bytes; what either of them appends, the other does not see.
  basic_chain(const basic_chain& other)
      : pieces_(other.begin(), other.end()),
        size_(other.size_),
        pool_(other.pool_),
        copy_below_(other.copy_below_) {}
  basic_chain(basic_chain&& other) noexcept
      : pieces_(std::move(other.pieces_)),
        first_(std::exchange(other.first_, 0)),
        size_(std::exchange(other.size_, 0)),
        room_(std::exchange(other.room_, 0)),
        pool_(other.pool_),
        copy_below_(other.copy_below_) {
    other.pieces_.clear();
  }
  basic_chain& operator=(const basic_chain& other) { return *this = basic_chain(other); }
  basic_chain& operator=(basic_chain&& other) noexcept {
    basic_chain taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~basic_chain() = default;

  void swap(basic_chain& other) noexcept {
    pieces_.swap(other.pieces_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    std::swap(pool_, other.pool_);
    std::swap(copy_below_, other.copy_below_);
  }
  friend void swap(basic_chain& a, basic_chain& b) noexcept { a.swap(b); }

  // Reading.

  /// Bytes in all.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t pieces() const noexcept { return pieces_.size() - first_; }
  [[nodiscard]] iterator begin() const noexcept { return pieces_.begin() + offset(); }
  [[nodiscard]] iterator end() const noexcept { return pieces_.end(); }
  /// Copies bytes from the front into `to`. Returns: how many, the lesser of both sizes.
  std::size_t copy_to(std::span<std::byte> to) const noexcept {
    std::size_t copied = 0;
    for (const auto& piece : *this) {
      const auto n = std::min(piece.size(), to.size() - copied);
      if (n == 0) break;
      std::memcpy(to.data() + copied, piece.data(), n);
      copied += n;
    }
    return copied;
  }
  /// Bytes that the pieces keep from being reused; a block that is in several pieces counts in
  /// each.
  [[nodiscard]] std::size_t retained_bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& piece : *this)
      sum += piece.retained_bytes();
    return sum;
  }

  // Adding. All of these throw `std::bad_alloc` (`pool_exhausted` where bytes are copied); the
  // chain is as before then.

  /// Adds a piece to the end: shared, or copied if it is smaller than `copy_below`; a neighbour of
  /// the last piece in the same bytes becomes one with it. An empty one is ignored.
  void append(value_type piece) {
    if (piece.empty()) return;
    const auto added = piece.size();
    if (pieces() != 0 && pieces_.back().unsplit(piece)) {
      room_ = 0;  // whoever had the piece may still write to what follows it
      size_ += added;
      return;
    }
    if (added < copy_below_ && (added <= room_ || pieces() != 0) && try_copy(piece.bytes())) return;
    pieces_.push_back(std::move(piece));
    size_ += added;
    room_ = 0;
  }
  /// Adds the bytes of a buffer, without a copy unless they are few.
  void append(basic_buffer<Lock, Stats, Traits>&& b) {
    if (b.size() < copy_below_ && try_copy(b.bytes())) return b.reset();
    make_room(1);  // before the buffer changes its form
    append(freeze(std::move(b)));
  }
  /// Adds a copy of bytes; also of those of buffers of other types, which can't be shared here.
  void append(std::span<const std::byte> bytes) {
    if (!try_copy(bytes)) add(pool().get_shared(bytes.size()), bytes);
  }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  /// Adds all pieces of another chain.
  void append(basic_chain other) {
    make_room(other.pieces());
    for (auto& piece : std::span(other.pieces_).subspan(other.first_))
      append(std::move(piece));
  }

  /// Adds a piece to the front, always shared. An empty one is ignored.
  void prepend(value_type piece) {
    if (piece.empty()) return;
    const auto added = piece.size();
    if (pieces() != 0 && piece.unsplit(pieces_[first_])) {
      pieces_[first_] = std::move(piece);
    } else {
      if (first_ == 0) make_room_in_front();
      pieces_[--first_] = std::move(piece);
    }
    size_ += added;
  }
  void prepend(basic_buffer<Lock, Stats, Traits>&& b) { prepend(freeze(std::move(b))); }

  // Cutting. No byte is copied.

  /// Cuts off and returns what follows the first `n` bytes. Throws: `std::out_of_range` naming the
  /// value and the limit; `std::bad_alloc`. The chain is as before then.
  [[nodiscard]] basic_chain split_off(std::size_t n) {
    check_place(n);
    auto at = first_;
    auto before = n;
    while (at != pieces_.size() && before >= pieces_[at].size())
      before -= pieces_[at++].size();
    basic_chain rest;
    rest.pool_ = pool_;
    rest.copy_below_ = copy_below_;
    if (at == pieces_.size()) return rest;
    rest.pieces_.reserve(pieces_.size() - at);
    for (auto i = at; i != pieces_.size(); ++i)
      rest.pieces_.push_back(std::move(pieces_[i]));
    if (before != 0) pieces_[at++] = rest.pieces_.front().split_to(before);
    pieces_.resize(at);
    rest.room_ = std::exchange(room_, 0);
    rest.size_ = size_ - n;
    size_ = n;
    return rest;
  }
  /// Cuts off and returns the first `n` bytes. Throws: as above.
  [[nodiscard]] basic_chain split_to(std::size_t n) {
    auto rest = split_off(n);
    swap(rest);
    return rest;
  }
  /// Drops the first `n` bytes. Throws: `std::out_of_range` naming the value and the limit.
  void remove_prefix(std::size_t n) {
    check_place(n);
    size_ -= n;
    while (n != 0) {
      auto& piece = pieces_[first_];
      if (n < piece.size()) return piece.remove_prefix(n);
      n -= piece.size();
      piece.release();
      ++first_;
    }
    if (first_ == pieces_.size()) return clear();
    if (first_ > pieces()) {  // a queue must not grow for ever
      pieces_.erase(pieces_.begin(), begin());
      first_ = 0;
    }
  }
  void clear() noexcept {
    pieces_.clear();
    first_ = size_ = room_ = 0;
  }

  /// The bytes in one piece: copied if they are in several, and then the chain has one as well.
  /// Throws: as `byte_pool::get`; the chain is as before then.
  value_type coalesce() {
    if (pieces() == 0) return {};
    if (pieces() > 1) {
      auto whole = pool().get_shared(size_);
      copy_to(whole.make_unique());
      pieces_.resize(first_ + 1);
      pieces_[first_] = std::move(whole);
      room_ = 0;
    }
    return pieces_[first_];
  }

 private:
  [[nodiscard]] std::ptrdiff_t offset() const noexcept {
    return static_cast<std::ptrdiff_t>(first_);
  }
  void check_place(std::size_t n) const {
    if (n > size_) detail::throw_range("place in a chain", n, "must be at most", size_);
  }
  [[nodiscard]] pool_type& pool() {
    if constexpr (std::is_same_v<pool_type, byte_pool<>>) {
      if (pool_ == nullptr) pool_ = &default_pool();
    }
    if (pool_ == nullptr) throw std::logic_error("tarn: this chain has no pool to copy bytes into");
    return *pool_;
  }

  /// Copies few bytes to the end of a block of our own. Returns: false if that can't be done.
  [[nodiscard]] bool try_copy(std::span<const std::byte> bytes) {
    if (bytes.size() > room_) {
      if (bytes.size() > copy_block_bytes / 4) return false;
      if (pool_ == nullptr && !std::is_same_v<pool_type, byte_pool<>>) return false;
      auto block = pool().try_get_shared(copy_block_bytes);
      if (!block) return false;
      add(std::move(block), bytes);
      return true;
    }
    if (bytes.empty()) return true;
    auto raw = std::move(pieces_.back()).to_raw();
    // Nobody else sees what follows the piece: its block is ours.
    std::memcpy(const_cast<std::byte*>(raw.data) + raw.size, bytes.data(), bytes.size());
    raw.size += bytes.size();
    pieces_.back() = value_type::from_raw(raw);
    room_ -= bytes.size();
    size_ += bytes.size();
    return true;
  }
  /// Adds a fresh block that begins with `bytes`.
  void add(value_type block, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const auto whole = block.make_unique();
    std::memcpy(whole.data(), bytes.data(), bytes.size());
    auto raw = std::move(block).to_raw();
    raw.size = bytes.size();
    pieces_.push_back(value_type::from_raw(raw));
    room_ = whole.size() - bytes.size();
    size_ += bytes.size();
  }
  /// Room for `more` pieces without a throw, and without copying all pieces each time.
  void make_room(std::size_t more) {
    const auto needed = pieces_.size() + more;
    if (needed > pieces_.capacity()) pieces_.reserve(std::max(needed, 2 * pieces_.size()));
  }
  void make_room_in_front() {
    const auto more = std::max<std::size_t>(4, pieces_.size());
    std::vector<value_type> moved;
    moved.reserve(more + pieces_.size() + 1);
    moved.resize(more);
    for (auto& piece : pieces_)
      moved.push_back(std::move(piece));
    pieces_.swap(moved);
    first_ = more;
  }

  std::vector<value_type> pieces_;  // those before `first_` are empty
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t room_ = 0;  // bytes that follow the last piece in its block and are ours alone
  pool_type* pool_ = nullptr;
  std::size_t copy_below_ = default_copy_below;
};

}  // namespace tarn

/// `size` counts bytes, but ranges are sized by what they iterate over.
template <class Lock, class Stats, class Traits>
inline constexpr bool std::ranges::disable_sized_range<tarn::basic_chain<Lock, Stats, Traits>> =
    true;
