// SPDX-License-Identifier: MIT
//
// chain: a sequence of shared pieces of bytes (a rope).
//
//   tarn::chain out;
//   out.append(header);                       // pieces are shared: no byte is copied
//   out.append(std::move(payload));
//   out.append("\r\n");                       // copies text and small pieces into shared blocks
//   auto next = out.split_off(64 << 10);      // cuts at any byte
//
// interop/iovec.hpp writes all pieces with one system call.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/access.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/fwd.hpp>
#include <tarn/shared_buffer.hpp>

namespace tarn {

namespace detail {
template <class Chain>
class chain_cursor;
}

/// A sequence of shared pieces of bytes, for scatter and gather.
///
/// A range of pieces, each a `basic_shared_buffer` that is not empty. A copy of a chain shares all
/// its bytes. Bytes that are copied into a chain are in blocks of its pool: the pool that it was
/// made with, or `default_pool()`.
///
/// Preconditions: the pool lives as long as bytes are added to the chain.
/// Thread safety: as an `int`; the pieces may be shared with other threads.
template <class Lock, class Stats, class Traits>
class basic_chain {
 public:
  using pool_type = byte_pool<Lock, Stats, Traits>;
  using value_type = basic_shared_buffer<Lock, Stats, Traits>;
  using iterator = typename std::vector<value_type>::const_iterator;
  using const_iterator = iterator;

  /// A piece of fewer bytes is copied to the end of the last piece: a copy costs less than a
  /// reference and one more entry of a system call.
  static constexpr std::size_t default_copy_below = 128;
  /// The size of the blocks for copied pieces: a page less the shared count in the tail.
  static constexpr std::size_t copy_block_bytes = 4096 - 32;

  basic_chain() noexcept = default;
  explicit basic_chain(pool_type& pool, std::size_t copy_below = default_copy_below) noexcept
      : pool_(&pool), copy_below_(copy_below) {}

  /// Shares all bytes. What one chain appends, the other does not see.
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

  /// The total number of bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t pieces() const noexcept { return pieces_.size() - first_; }
  [[nodiscard]] iterator begin() const noexcept { return pieces_.begin() + offset(); }
  [[nodiscard]] iterator end() const noexcept { return pieces_.end(); }
  /// Copies bytes from the front to `to`. Returns: the number of bytes, the lesser of both sizes.
  std::size_t copy_to(std::span<std::byte> to) const noexcept {
    std::size_t copied = 0;
    for (const auto& piece : *this) {
      const auto n = (std::min)(piece.size(), to.size() - copied);
      if (n == 0) break;
      std::memcpy(to.data() + copied, piece.data(), n);
      copied += n;
    }
    return copied;
  }
  /// The number of bytes that the pieces keep from reuse. A block counts once for each of its
  /// pieces. Throws: `std::length_error` if the sum is above SIZE_MAX.
  [[nodiscard]] std::size_t retained_bytes() const {
    std::size_t sum = 0;
    for (const auto& piece : *this)
      sum = detail::sum_of(sum, piece.retained_bytes(), "bytes kept by a chain", SIZE_MAX);
    return sum;
  }
  /// This chain's share of the bytes that its pieces keep from reuse: the sum of their
  /// `fair_share_bytes()`. Two pieces of one block, of which there are no others, count as one
  /// block. Throws: `std::length_error` if the sum is above SIZE_MAX. Complexity: O(number of
  /// pieces).
  [[nodiscard]] std::size_t fair_share_bytes() const {
    std::size_t sum = 0;
    for (const auto& piece : *this)
      sum = detail::sum_of(sum, piece.fair_share_bytes(), "bytes kept by a chain", SIZE_MAX);
    return sum;
  }

  // Adding. Throws: `std::bad_alloc` (`pool_exhausted` if bytes are copied); `std::length_error` if
  // the total would be above SIZE_MAX; the chain is unchanged then. Complexity: O(1) per piece on
  // average, at both ends. The added bytes may be part of this chain.

  /// Appends a piece. Copies it if it is smaller than `copy_below`, else shares it. Joins it with
  /// the last piece if both are adjacent in the same bytes. Ignores an empty piece.
  void append(value_type piece) {
    if (piece.empty()) return;
    const auto sum = sum_with(piece.size());
    if (pieces() != 0 && pieces_.back().unsplit(piece)) {
      room_ = 0;  // the former owner of the piece may still write behind it
      size_ = sum;
      return;
    }
    if (piece.size() < copy_below_ && (piece.size() <= room_ || pieces() != 0) &&
        try_copy(piece.bytes())) {
      return;
    }
    make_room(1);
    pieces_.push_back(std::move(piece));
    size_ = sum;
    room_ = 0;
  }
  /// Appends the bytes of a buffer. Copies them only if they are few.
  void append(basic_buffer<Lock, Stats, Traits>&& b) {
    if (b.empty()) return b.reset();
    static_cast<void>(sum_with(b.size()));
    if (b.size() < copy_below_ && try_copy(b.bytes())) return b.reset();
    make_room(1);  // before `freeze`, which a failure could not undo
    append(freeze(std::move(b)));
  }
  /// Appends a copy of bytes. Use it for buffers of other types, which can't be shared here.
  void append(std::span<const std::byte> bytes) {
    static_cast<void>(sum_with(bytes.size()));
    if (!try_copy(bytes)) add(pool().get_shared(bytes.size()), bytes);
  }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  /// Appends all pieces of another chain.
  void append(basic_chain other) {
    static_cast<void>(sum_with(other.size()));
    make_room(other.pieces());
    for (auto& piece : std::span(other.pieces_).subspan(other.first_))
      append(std::move(piece));
  }

  /// Adds a piece to the front. Always shares it. Ignores an empty piece.
  void prepend(value_type piece) {
    if (piece.empty()) return;
    const auto sum = sum_with(piece.size());
    if (pieces() != 0 && piece.unsplit(pieces_[first_])) {
      pieces_[first_] = std::move(piece);
    } else {
      if (first_ == 0) move_pieces(rooms(1), rooms(1));
      pieces_[--first_] = std::move(piece);
    }
    size_ = sum;
  }
  void prepend(basic_buffer<Lock, Stats, Traits>&& b) {
    if (b.empty()) return b.reset();
    static_cast<void>(sum_with(b.size()));
    if (first_ == 0) move_pieces(rooms(1), rooms(1));  // as in `append`
    prepend(freeze(std::move(b)));
  }

  // Cutting. No byte is copied.

  /// Returns: the part of `n` bytes from `offset`, which shares the bytes with this chain.
  ///
  /// Throws: `std::out_of_range`, with the value and the limit; `std::bad_alloc`. Complexity:
  ///   O(pieces of the part, and those on the shorter side of its begin).
  [[nodiscard]] basic_chain slice(std::size_t offset, std::size_t n) const {
    const place at = find(offset);
    if (n > size_ - offset) {
      detail::throw_range("slice size", n, "must be at most", size_ - offset);
    }
    return slice_from(pieces_.begin() + static_cast<std::ptrdiff_t>(at.piece), at.inside, n);
  }
  /// Returns: the part from `offset` to the end. Throws and complexity: as above.
  [[nodiscard]] basic_chain slice(std::size_t offset) const {
    check_place(offset);
    return slice(offset, size_ - offset);
  }
  /// Cuts off and returns all but the first `n` bytes.
  ///
  /// Throws: `std::out_of_range`, with the value and the limit; `std::bad_alloc`. The chain is
  ///   unchanged then. Complexity: O(pieces on the shorter side of the cut).
  [[nodiscard]] basic_chain split_off(std::size_t n) {
    const place at = find(n);
    if (pieces_behind(at) <= pieces_before(at)) return take_back(at, n);
    basic_chain front = take_front(at, n);
    swap(front);
    return front;
  }
  /// Cuts off and returns the first `n` bytes. Throws and complexity: as `split_off`.
  [[nodiscard]] basic_chain split_to(std::size_t n) {
    const place at = find(n);
    if (pieces_before(at) < pieces_behind(at)) return take_front(at, n);
    basic_chain back = take_back(at, n);
    swap(back);
    return back;
  }
  /// Drops the first `n` bytes. Throws: `std::out_of_range`, with the value and the limit.
  /// Complexity: O(pieces dropped).
  void remove_prefix(std::size_t n) {
    check_place(n);
    if (n == size_) return clear();
    size_ -= n;
    for (; n >= pieces_[first_].size(); ++first_) {
      n -= pieces_[first_].size();
      pieces_[first_].release();
    }
    pieces_[first_].remove_prefix(n);
  }
  /// Drops the last `n` bytes. Throws and complexity: as `remove_prefix`.
  void remove_suffix(std::size_t n) {
    check_place(n);
    if (n == size_) return clear();
    if (n == 0) return;
    size_ -= n;
    for (; n >= pieces_.back().size(); pieces_.pop_back())
      n -= pieces_.back().size();
    pieces_.back().remove_suffix(n);
    room_ = 0;  // the bytes that were cut off may be shared with others
  }
  /// Drops all but the first `n` bytes; nothing if there are fewer. Complexity: as
  /// `remove_prefix`.
  void truncate(std::size_t n) noexcept {
    if (n < size_) remove_suffix(size_ - n);
  }
  void clear() noexcept {
    pieces_.clear();
    first_ = size_ = room_ = 0;
  }

  /// Returns: all bytes in one piece. If they are in several pieces, copies them, and replaces the
  /// pieces by the copy. Throws: as `byte_pool::get`; the chain is unchanged then.
  value_type coalesce() {
    if (pieces() == 0) return {};
    if (pieces() > 1) {
      auto whole = pool().get_shared(size_);
      copy_to(whole.make_unique());
      pieces_.erase(pieces_.begin() + offset() + 1, pieces_.end());
      pieces_[first_] = std::move(whole);
      room_ = 0;
    }
    return pieces_[first_];
  }

 private:
  template <class C>
  friend class detail::chain_cursor;
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

  /// Copies few bytes to the end of a block of this chain. Returns: false if that is not possible.
  [[nodiscard]] bool try_copy(std::span<const std::byte> bytes) {
    if (bytes.size() > room_) {
      if (bytes.size() > copy_block_bytes / 4) return false;
      if (pool_ == nullptr && !std::is_same_v<pool_type, byte_pool<>>) return false;
      auto block = detail::access::try_get_shared_unreported(pool(), copy_block_bytes);
      if (!block) return false;
      add(std::move(block), bytes);
      return true;
    }
    if (bytes.empty()) return true;
    auto raw = std::move(pieces_.back()).to_raw();
    // No other owner sees the bytes behind the piece: the block belongs to this chain.
    std::memcpy(const_cast<std::byte*>(raw.data) + raw.size, bytes.data(), bytes.size());
    raw.size += bytes.size();
    pieces_.back() = value_type::from_raw(raw);
    room_ -= bytes.size();
    size_ += bytes.size();
    return true;
  }
  /// Appends a fresh block that begins with `bytes`.
  void add(value_type block, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    make_room(1);
    const auto whole = block.make_unique();
    std::memcpy(whole.data(), bytes.data(), bytes.size());
    auto raw = std::move(block).to_raw();
    raw.size = bytes.size();
    pieces_.push_back(value_type::from_raw(raw));
    room_ = whole.size() - bytes.size();
    size_ += bytes.size();
  }
  [[nodiscard]] std::size_t sum_with(std::size_t added) const {
    return detail::sum_of(size_, added, "bytes added to a chain", SIZE_MAX);
  }

  /// A position between two bytes: `inside` bytes into a piece, or at the end.
  struct place {
    std::size_t piece;
    std::size_t inside;
  };
  /// Finds the position `n`. Searches from both ends at once, so the shorter side is the cost.
  [[nodiscard]] place find(std::size_t n) const {
    check_place(n);
    std::size_t from = 0;       // bytes before the piece `low`
    std::size_t until = size_;  // bytes before the piece `high`
    std::size_t low = first_;
    std::size_t high = pieces_.size();
    while (n != until) {
      if (n - from < pieces_[low].size()) return {low, n - from};
      from += pieces_[low++].size();
      until -= pieces_[--high].size();
      if (n >= until) return {high, n - until};
    }
    return {high, 0};
  }
  [[nodiscard]] std::size_t pieces_before(place at) const noexcept {
    return at.piece - first_ + (at.inside != 0 ? 1 : 0);
  }
  [[nodiscard]] std::size_t pieces_behind(place at) const noexcept {
    return pieces_.size() - at.piece;
  }
  /// Returns: a chain that shares `n` bytes, from `inside` the piece `at` on.
  /// Preconditions: there are so many.
  [[nodiscard]] basic_chain slice_from(iterator at, std::size_t inside, std::size_t n) const {
    basic_chain part = empty_one();
    for (auto left = n; left != 0; ++at, inside = 0) {
      const auto taken = (std::min)(left, at->size() - inside);
      part.pieces_.push_back(at->slice(inside, taken));
      left -= taken;
    }
    part.size_ = n;
    return part;
  }
  /// Moves the first `n` bytes, those before `at`, to a chain of its own.
  /// Preconditions: at least one byte stays.
  [[nodiscard]] basic_chain take_front(place at, std::size_t n) {
    basic_chain front = empty_one();
    front.pieces_.reserve(pieces_before(at));
    for (; first_ != at.piece; ++first_)
      front.pieces_.push_back(std::move(pieces_[first_]));
    if (at.inside != 0) front.pieces_.push_back(pieces_[first_].split_to(at.inside));
    front.size_ = n;
    size_ -= n;
    return front;
  }
  /// Moves all but the first `n` bytes, those behind `at`, to a chain of its own.
  [[nodiscard]] basic_chain take_back(place at, std::size_t n) {
    basic_chain back = empty_one();
    if (n == size_) return back;
    back.pieces_.reserve(pieces_behind(at));
    if (at.inside != 0) back.pieces_.push_back(pieces_[at.piece++].split_off(at.inside));
    for (auto i = at.piece; i != pieces_.size(); ++i)
      back.pieces_.push_back(std::move(pieces_[i]));
    pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(at.piece), pieces_.end());
    back.room_ = std::exchange(room_, 0);  // the room follows its block to the new chain
    back.size_ = size_ - n;
    size_ = n;
    return back;
  }
  [[nodiscard]] basic_chain empty_one() const noexcept {
    basic_chain made;
    made.pool_ = pool_;
    made.copy_below_ = copy_below_;
    return made;
  }

  /// The number of slots to make if `more` are missing: at least as many as there are pieces, so
  /// that the moves cost O(1) for each added piece.
  [[nodiscard]] std::size_t rooms(std::size_t more) const noexcept {
    return (std::max)({more, pieces(), std::size_t{4}});
  }
  /// Makes room for `more` pieces at the end, so that adding them does not throw.
  void make_room(std::size_t more) {
    if (more <= pieces_.capacity() - pieces_.size()) return;
    const auto room = rooms(more);
    if (first_ >= room && pieces_.capacity() <= 4 * (pieces() + room)) {
      pieces_.erase(pieces_.begin(), begin());  // the slots of removed pieces are enough
      first_ = 0;
    } else {
      move_pieces(0, room);
    }
  }
  /// Moves all pieces to an array with `before` and `behind` free slots. That gives back the slots
  /// of a queue that was longer once.
  void move_pieces(std::size_t before, std::size_t behind) {
    std::vector<value_type> moved;
    moved.reserve(before + pieces() + behind);
    moved.resize(before);
    for (auto& piece : std::span(pieces_).subspan(first_))
      moved.push_back(std::move(piece));
    pieces_.swap(moved);
    first_ = before;
  }

  std::vector<value_type> pieces_;  // those before `first_` are empty
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t room_ = 0;  // bytes behind the last piece that belong to this chain alone
  pool_type* pool_ = nullptr;
  std::size_t copy_below_ = default_copy_below;
};
template <class Lock, class Stats, class Traits>
inline constexpr bool detail::has_content<basic_chain<Lock, Stats, Traits>> = true;

}  // namespace tarn

/// Not sized: `size` counts bytes, but the elements of the range are pieces.
template <class Lock, class Stats, class Traits>
inline constexpr bool std::ranges::disable_sized_range<tarn::basic_chain<Lock, Stats, Traits>> =
    true;
