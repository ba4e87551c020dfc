// SPDX-License-Identifier: MIT
//
// fast_buffer: a contiguous writer that grows in blocks of a byte_pool.
//
//   tarn::fast_buffer out;                    // takes nothing before the first byte
//   out.append("key=");
//   out.append_be(std::uint32_t{42});
//   tarn::buffer sent = out.detach();         // no copy; `out` is empty then
//
// Several threads that append to one buffer need tarn::concurrent_fast_buffer.

#pragma once

#include <bit>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/concurrent_fast_buffer.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/detail/writing/growth.hpp>
#include <tarn/detail/writing/pieces.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/detail/writing/wire.hpp>
#include <tarn/detail/writing/write_block.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/stats.hpp>
#include <tarn/value/fast_buffer_options.hpp>

namespace tarn {

/// A growable sequence of bytes with one owner.
///
/// `Lock`: one that is not concurrent. `Stats`: decides whether `numbers()` and `history()` exist,
/// and its recorder is told of blocks and contents; appends that fit never pay for it. `Traits`:
/// `fast_buffer_traits<Pool, InlineBytes>`.
///
/// It grows to at least twice its capacity, in whole tiers of the pool, so each byte costs O(1) on
/// average. If the pool refuses that, it takes what the pool has, and last of all moves its content
/// over consumed bytes; the pool counts and reports a refusal only if that is not enough either. An
/// operation that throws changes nothing. Pointers, views and iterators into the content are valid
/// until it grows, shrinks, or drops content.
///
/// It may outlive its pool if it neither grows nor shrinks. After `close` growth throws
/// `pool_closed`. Thread safety: as an `int`.
template <class Lock, class Stats, class Traits>
class basic_fast_buffer {
  static_assert(detail::right_policies<Lock, Stats>);
  static_assert(!is_concurrent_v<Lock>,
                "fast_buffer: it has one owner; what several threads append to is a "
                "basic_concurrent_fast_buffer, and fast_buffer_for<Lock, Stats, Traits> is either");
  static_assert(
      requires { typename Traits::pool_type; },
      "fast_buffer: the third argument must be tarn::fast_buffer_traits<Pool>");

 public:
  using lock_type = Lock;
  using stats_type = Stats;
  using traits_type = Traits;
  using pool_type = typename Traits::pool_type;
  using buffer = typename pool_type::buffer;
  using shared_buffer = typename pool_type::shared_buffer;

 private:
  using record_type = detail::write_record_for<Stats, detail::plain_counter>;
  static_assert(
      std::movable<record_type>,
      "fast_buffer: it may be moved, so the recorder of its stats policy must be movable");

 public:
  /// The value type for std::back_inserter. As a range, its elements are `std::byte`.
  using value_type = char;

  static constexpr std::size_t inline_bytes = Traits::inline_bytes;

  /// Grows in `default_pool()`, which is not used before the first byte.
  basic_fast_buffer() noexcept
    requires std::same_as<pool_type, byte_pool<>>
      : basic_fast_buffer(nullptr, {}) {}
  explicit basic_fast_buffer(fast_buffer_options o) noexcept
    requires std::same_as<pool_type, byte_pool<>>
      : basic_fast_buffer(nullptr, o) {}
  /// Grows in `pool`.
  explicit basic_fast_buffer(pool_type& pool, fast_buffer_options o = {}) noexcept
      : basic_fast_buffer(&pool, o) {}
  /// Takes the content. `other` is empty then, with the same pool and options.
  basic_fast_buffer(basic_fast_buffer&& other) noexcept
      : pool_(other.pool_), options_(other.options_) {
    adopt_all(other);
  }
  basic_fast_buffer& operator=(basic_fast_buffer&& other) noexcept {
    if (this == &other) return *this;
    finish();
    pool_ = other.pool_;
    options_ = other.options_;
    adopt_all(other);
    return *this;
  }
  ~basic_fast_buffer() { finish(); }

  // Writing. Throws: `std::length_error`, with size and limit, if the content would be larger than
  // `max_bytes`; as `byte_pool::get` if there is no memory.

  /// Appends bytes. They may be part of this buffer.
  TARN_FORCE_INLINE void append(std::span<const std::byte> bytes) {
    append_piece(bytes.data(), bytes.size());
  }
  TARN_FORCE_INLINE void append(std::string_view text) {
    append_piece(reinterpret_cast<const std::byte*>(text.data()), text.size());
  }
  /// Appends `first` and `second` as one piece. Appends neither if it throws.
  void append(std::span<const std::byte> first, std::span<const std::byte> second) {
    const auto n = detail::size_together(first.size(), second.size());
    const own_piece own_first(*this, first.data());
    const own_piece own_second(*this, second.data());
    if (n > room()) make_room(n);
    append_piece(own_first.in(*this), first.size());
    append_piece(own_second.in(*this), second.size());
  }
  void append(std::string_view first, std::string_view second) {
    append(std::as_bytes(std::span(first)), std::as_bytes(std::span(second)));
  }
  TARN_FORCE_INLINE void append(std::byte b) { push_back(b); }
  /// Appends a character. A template, so that no integer converts to a character.
  template <std::same_as<char> Char>
  TARN_FORCE_INLINE void append(Char c) {
    push_back(c);
  }
  TARN_FORCE_INLINE void push_back(std::byte b) {
    std::byte* at = end_;
    if (at == limit_) [[unlikely]]
      at = end_after_growth();
    *at = b;
    end_ = at + 1;
  }
  TARN_FORCE_INLINE void push_back(char c) { push_back(static_cast<std::byte>(c)); }

  /// Appends an integer, float or double, lowest byte first.
  template <detail::wire_number T>
  TARN_FORCE_INLINE void append_le(T value) {
    const detail::wire_bytes<std::endian::little, T> wire(value);
    append_piece(wire.bytes, sizeof(T));
  }
  /// Appends an integer, float or double, highest byte first (network byte order).
  template <detail::wire_number T>
  TARN_FORCE_INLINE void append_be(T value) {
    const detail::wire_bytes<std::endian::big, T> wire(value);
    append_piece(wire.bytes, sizeof(T));
  }
  /// Appends an integer as a varint: groups of seven bits, lowest first, 1 to 10 bytes.
  void append_varint(std::uint64_t value) {
    const detail::varint wire(value);
    append_piece(wire.bytes, wire.size);
  }
  /// Appends a signed integer as a zigzag varint: few bytes if it is close to zero.
  void append_zigzag(std::int64_t value) { append_varint(detail::zigzag(value)); }
  /// Appends the number of bytes as a varint, and then the bytes. Appends neither if it throws.
  void append_prefixed(std::span<const std::byte> bytes) {
    const detail::varint wire(bytes.size());
    append({wire.bytes, wire.size}, bytes);
  }
  void append_prefixed(std::string_view text) { append_prefixed(std::as_bytes(std::span(text))); }

  /// As `append`, but returns false instead of throwing.
  [[nodiscard]] bool try_append(std::span<const std::byte> bytes) noexcept {
    const own_piece piece(*this, bytes.data());
    if (!try_make_room(bytes.size())) return false;
    append_piece(piece.in(*this), bytes.size());
    return true;
  }
  [[nodiscard]] bool try_append(std::string_view text) noexcept {
    return try_append(std::as_bytes(std::span(text)));
  }

  /// Writes bytes in front of the content, such as a header when the body is there. They may be
  /// part of this buffer. Throws: as `append`.
  ///
  /// Complexity: O(bytes) within `front_room()`, which `fast_buffer_options::front_bytes` reserves;
  ///   else it moves the content, but makes as much room that each byte costs O(1) on average.
  void prepend(std::span<const std::byte> bytes) { prepend_piece(bytes.data(), bytes.size()); }
  void prepend(std::string_view text) { prepend(std::as_bytes(std::span(text))); }
  template <detail::wire_number T>
  void prepend_le(T value) {
    const detail::wire_bytes<std::endian::little, T> wire(value);
    prepend_piece(wire.bytes, sizeof(T));
  }
  template <detail::wire_number T>
  void prepend_be(T value) {
    const detail::wire_bytes<std::endian::big, T> wire(value);
    prepend_piece(wire.bytes, sizeof(T));
  }
  void prepend_varint(std::uint64_t value) {
    const detail::varint wire(value);
    prepend_piece(wire.bytes, wire.size);
  }
  void prepend_zigzag(std::int64_t value) { prepend_varint(detail::zigzag(value)); }
  /// As `prepend`, but returns false instead of throwing.
  [[nodiscard]] bool try_prepend(std::span<const std::byte> bytes) noexcept {
    const own_piece piece(*this, bytes.data());
    if (!try_make_front(bytes.size())) return false;
    prepend_piece(piece.in(*this), bytes.size());
    return true;
  }
  [[nodiscard]] bool try_prepend(std::string_view text) noexcept {
    return try_prepend(std::as_bytes(std::span(text)));
  }

  /// Makes room for `size` bytes in total, so that appends up to that size do not grow. Never
  /// shrinks.
  void reserve(std::size_t size) {
    if (size > room() + this->size()) make_room(size - this->size());
  }
  /// As `reserve`, but returns false instead of throwing.
  [[nodiscard]] bool try_reserve(std::size_t size) noexcept {
    return size <= room() + this->size() || try_make_room(size - this->size());
  }
  /// Changes the size. New bytes are indeterminate.
  void resize_uninitialized(std::size_t size) {
    reserve(size);
    if (size < this->size()) note_dropped(this->size() - size);
    end_ = begin_ + size;
  }

  /// Makes room for `n` more bytes. Returns: that room; `commit` makes it content.
  [[nodiscard]] std::span<std::byte> prepare(std::size_t n) {
    if (n > room()) make_room(n);
    return {end_, n};
  }
  /// Makes the next `n` bytes content. Throws: `std::length_error` if the room is smaller.
  void commit(std::size_t n) {
    if (n > room()) detail::throw_length("committed size", n, "must be at most the room,", room());
    end_ += n;
  }
  /// Drops the first `n` bytes. Their room is reused when all content is consumed, when room is
  /// needed and the remaining content is at most twice as large, or when the pool has no larger
  /// block.
  ///
  /// Throws: `std::length_error` if the content is smaller. Complexity: O(1).
  void consume(std::size_t n) {
    if (n > size()) detail::throw_length("consumed size", n, "must be at most the size,", size());
    note_dropped(n);
    begin_ += n;
    if (begin_ == end_ && block_.try_own()) return start_with(0);
    set_limit();
  }
  /// Drops the last `n` bytes. Throws: `std::out_of_range`, with the value and the limit.
  void remove_suffix(std::size_t n) {
    check_place(n);
    note_dropped(n);
    end_ -= n;
  }
  /// Drops all but the first `n` bytes; nothing if there are fewer.
  void truncate(std::size_t n) noexcept {
    if (n < size()) remove_suffix(size() - n);
  }

  /// Appends up to `n` bytes from a std::istream. Returns: the number of bytes; less than `n` only
  /// at the end of the stream. Throws: as `append`, and what the stream throws; the bytes that were
  /// read are lost then.
  template <class Stream>
    requires requires(Stream& in, char* to) {
      in.read(to, 1);
      in.gcount();
    }
  std::size_t read_from(Stream& in, std::size_t n) {
    const auto to = prepare(n);
    in.read(reinterpret_cast<char*>(to.data()), static_cast<std::ptrdiff_t>(n));
    const auto got = static_cast<std::size_t>(in.gcount());
    commit(got);
    return got;
  }
  /// Appends the bytes of one POSIX `read` of up to `n` bytes. Repeats it after a signal.
  /// Returns: the number of bytes; 0 at the end. Throws: as `append`; `std::system_error`.
  std::size_t read_from(int fd, std::size_t n) {
    const auto room = prepare(n);
    std::ptrdiff_t got;
    do {
      got = detail::read_file(fd, room.data(), n);
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw std::system_error(errno, std::generic_category(), "tarn: read");
    commit(static_cast<std::size_t>(got));
    return static_cast<std::size_t>(got);
  }

  /// Drops all content. Gives the block back if its capacity is above `keep_bytes`.
  void clear() noexcept {
    note_dropped(size());
    record_.end_content(size());
    memory_.forget_refusal();
    if (block_.capacity() > options_.keep_bytes) drop_block();
    if (block_.try_own()) return start_with(0);
    end_ = begin_;  // others hold what is in front
  }
  /// Moves the content to the smallest tier that holds it, if that tier is smaller and has memory.
  void shrink_to_fit() noexcept {
    if (!block_) return;
    memory_.forget_refusal();
    if constexpr (inline_bytes != 0) {
      if (size() + options_.front_bytes <= inline_bytes) {
        const block_type old = std::move(block_);
        record_.drop_block();
        return keep_inside(begin_, size());
      }
    }
    const auto needed = size() + options_.front_bytes;
    if (empty()) {
      drop_block();
      start_with(0);
    } else if (pool().capacity_for(needed) < block_.capacity()) {
      buffer smaller = take_unreported(needed);
      if (smaller) move_to(std::move(smaller), options_.front_bytes, needed);
    }
  }

  /// Takes the content out as a buffer of that size. Without content the buffer is empty, and a
  /// block is kept. Copies nothing in most cases: content in the object itself, or in a block of
  /// which others hold parts, is copied to a block, and content behind other bytes is moved to the
  /// front.
  ///
  /// Throws: as `byte_pool::get`, only if the content is copied.
  [[nodiscard]] buffer detach() {
    if (empty()) return {};
    if (!block_ || !block_.try_own()) move_to(pool().get_at_least(size()), 0, size());
    if (begin_ != block_.data()) slide(0);
    const auto held = size();
    note_detached();
    buffer out = block_.detach(held);
    start_with(0);
    return out;
  }
  /// As `detach`, but returns a buffer that may have several owners, and moves no byte of a block.
  /// Throws: as `byte_pool::get`, also if there is no memory for a node; the content is unchanged
  /// then.
  [[nodiscard]] shared_buffer detach_shared() {
    if (empty()) return {};
    if (!block_) move_to(pool().get_at_least(size()), 0, size());
    shared_buffer out = block_.detach_shared(offset(), size());
    note_detached();
    start_with(0);
    return out;
  }
  /// Cuts off and returns the first `n` bytes, without a copy: the rest stays in the same block,
  /// and is written on behind it. The block is reused from its begin when no part is held any more.
  /// Only content in the object itself is copied.
  ///
  /// Throws: `std::out_of_range`, with the value and the limit; as `byte_pool::get`, if the first
  ///   part of a block finds no node. Nothing has changed then. Complexity: O(1).
  [[nodiscard]] shared_buffer split_to(std::size_t n) {
    check_place(n);
    if (n == 0) return {};
    shared_buffer front;
    if (block_) {
      front = block_.share(offset(), n);
    } else {
      front = pool().get_shared(n);
      detail::copy_bytes(front.make_unique().data(), begin_, n);
    }
    note_dropped(n);
    begin_ += n;
    if (empty() && storage_bytes() == offset()) drop_block();  // nothing to write to
    if (empty() && block_.try_own()) start_with(0);
    set_limit();
    return front;
  }

  /// Takes the content of a buffer in place of its own, without a copy, and goes on behind it. The
  /// opposite of `detach`. The block goes back to its own pool, growth takes from that of this.
  ///
  /// Throws: `std::length_error`, with both numbers, if `b` is larger than `max_bytes`; both are
  ///   unchanged then. Complexity: O(1); O(capacity) if the pool zeroes on get.
  void attach(buffer&& b) {
    if (b.size() > max_size()) {
      detail::throw_length("attached size", b.size(), "must be at most max_bytes,", max_size());
    }
    const auto held = b.size();
    adopt(std::move(b), 0, held);
  }
  /// As `attach`, but returns false instead of throwing.
  [[nodiscard]] bool try_attach(buffer&& b) noexcept {
    if (b.size() > max_size()) return false;
    attach(std::move(b));
    return true;
  }
  /// The same for shared bytes with one owner, the opposite of `detach_shared`. Bytes in front of a
  /// slice become `front_room()`.
  ///
  /// Returns: false, and both are unchanged, if there are other references, if the memory does not
  ///   belong to a pool, or if it is larger than `max_bytes`.
  [[nodiscard]] bool try_attach(shared_buffer&& b) noexcept {
    if (b.size() > max_size()) return false;
    auto whole = b.take_block();
    if (!whole.block) return false;
    adopt(std::move(whole.block), whole.offset, whole.size);
    return true;
  }

  // Reading.

  [[nodiscard]] std::byte* data() noexcept { return begin_; }
  [[nodiscard]] const std::byte* data() const noexcept { return begin_; }
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(end_ - begin_);
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  /// The size that the content can reach without growth, if none of it is consumed.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return detail::min_of(storage_bytes() - offset() + front_room(), max_size());
  }
  /// The number of bytes that fit behind the content without growth.
  [[nodiscard]] std::size_t room() const noexcept {
    return static_cast<std::size_t>(limit_ - end_);
  }
  /// The number of bytes that fit before the content without growth: consumed bytes, and what
  /// `fast_buffer_options::front_bytes` reserves. 0 if others hold parts of the block.
  [[nodiscard]] std::size_t front_room() const noexcept {
    return block_.is_shared() ? 0 : offset();
  }
  [[nodiscard]] std::size_t max_size() const noexcept { return options_.max_bytes; }

  [[nodiscard]] std::byte* begin() noexcept { return begin_; }
  [[nodiscard]] std::byte* end() noexcept { return end_; }
  [[nodiscard]] const std::byte* begin() const noexcept { return begin_; }
  [[nodiscard]] const std::byte* end() const noexcept { return end_; }
  /// Preconditions: `i < size()`.
  [[nodiscard]] std::byte& operator[](std::size_t i) noexcept { return begin_[i]; }
  [[nodiscard]] std::byte operator[](std::size_t i) const noexcept { return begin_[i]; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {begin_, end_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {begin_, end_}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(begin_), size()};
  }
  /// The counts of its whole life, kept across moves.
  [[nodiscard]] fast_buffer_numbers numbers() const noexcept
    requires(Stats::counts)
  {
    return counts_.read(size());
  }
  /// The sizes of the contents that ended, and the blocks that it took, in its whole life, kept
  /// across moves; for `recording_stats`.
  [[nodiscard]] fast_buffer_history history() const
    requires requires(fast_buffer_history& h, const record_type& r) { r.recorder().collect(h); }
  {
    return record_.template history<fast_buffer_history>();
  }
  /// Calls `action(recorder)` for the recorder of the stats policy.
  template <class Action>
  void for_each_recorder(Action&& action) const {
    action(record_.recorder());
  }

 private:
  using block_type = detail::write_block<buffer, shared_buffer>;

  /// A pointer that is updated when the content moves, if it points into the content.
  class own_piece {
   public:
    own_piece(const basic_fast_buffer& b, const std::byte* from) noexcept
        : from_(from), offset_(address(from) - address(b.begin_)), is_own_(offset_ < b.size()) {}
    [[nodiscard]] const std::byte* in(const basic_fast_buffer& b) const noexcept {
      return is_own_ ? b.begin_ + offset_ : from_;
    }

   private:
    [[nodiscard]] static std::uintptr_t address(const std::byte* p) noexcept {
      return reinterpret_cast<std::uintptr_t>(p);
    }
    const std::byte* from_;
    std::uintptr_t offset_;
    bool is_own_;
  };

  /// The first storage, if it is in the object itself.
  template <std::size_t N>
  class storage {
   public:
    storage() noexcept {}  // indeterminate: to zero it would cost time
    [[nodiscard]] std::byte* bytes() noexcept { return bytes_; }
    [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_; }

   private:
    std::byte bytes_[N];
  };
  struct no_storage {
    [[nodiscard]] static std::byte* bytes() noexcept { return nullptr; }
  };

  basic_fast_buffer(pool_type* pool, fast_buffer_options o) noexcept : pool_(pool), options_(o) {
    options_.max_bytes = detail::min_of(o.max_bytes, detail::max_size);
    options_.front_bytes = detail::min_of(o.front_bytes, detail::max_size / 2);
    start_with(0);
  }

  TARN_FORCE_INLINE void append_piece(const std::byte* from, std::size_t n) {
    if (n > room()) [[unlikely]]
      return append_slowly(from, n);
    std::byte* const at = end_;
    end_ = at + n;
    detail::copy_piece(at, from, n);
  }
  // The cold paths. They are never inlined, and called last, so that an append that fits saves no
  // registers for them.
  TARN_COLD void append_slowly(const std::byte* from, std::size_t n) {
    const own_piece piece(*this, from);
    make_room(n);
    append_piece(piece.in(*this), n);
  }
  // Returns the end, so that a loop of single bytes keeps it in a register on both paths.
  [[nodiscard]] TARN_COLD std::byte* end_after_growth() {
    make_room(1);
    return end_;
  }

  /// Makes room for `n` more bytes.
  TARN_COLD void make_room(std::size_t n) {
    if (n > max_size() - size()) {
      detail::throw_too_long("fast_buffer size", size(), n, "max_bytes", max_size());
    }
    if (!made_room_if_any(n)) grown_to(pool().get_at_least(size() + n), 0, size() + n);
  }
  TARN_COLD bool try_make_room(std::size_t n) noexcept {
    if (n <= room()) return true;
    if (n > max_size() - size()) return false;
    if (made_room_if_any(n)) return true;
    return grown_to(try_take([&] { return pool().try_get_at_least(size() + n); }), 0, size() + n);
  }
  template <class Take>
  [[nodiscard]] buffer try_take(Take&& take) noexcept {
    try {
      return take();
    } catch (const std::bad_alloc&) {
      return {};  // there is no memory for the default pool
    }
  }
  /// Makes room for `n` more bytes, unless that takes a block that the pool has to refuse.
  ///
  /// Moves the content over the consumed bytes, if these are at least half as many as it: with
  /// fewer, a long content would move again and again for a few bytes. Otherwise it grows. If the
  /// pool refuses, the content moves over the consumed bytes all the same, and the pool is not
  /// asked again for a while. The reserve in front is given up last.
  [[nodiscard]] bool made_room_if_any(std::size_t n) noexcept {
    const auto front = options_.front_bytes;
    const auto needed = size() + n + front;  // at most `max_size` and half of it
    const bool is_own = block_.try_own();
    const bool is_inside = is_own && needed <= storage_bytes();
    if (!is_inside || front_room() < front + size() / 2) {
      if (grew(needed, is_inside, [&](std::size_t) { return front; })) return true;
    } else {
      memory_.forget_refusal();
    }
    if (is_inside) {
      slide(front);
    } else if (front == 0) {
      return false;
    } else if (!grown_to(try_take([&] { return take_unreported(needed); }), front, needed)) {
      if (!is_own || n > storage_bytes() - size()) return false;
      slide(0);
    }
    return true;
  }
  /// Asks the pool for a larger block than is needed. `front(capacity)`: the bytes before the
  /// content there.
  template <class Front>
  [[nodiscard]] bool grew(std::size_t needed, bool is_inside, const Front& front) noexcept {
    if (!memory_.may_ask()) {
      memory_.pass();
      return false;
    }
    buffer larger = try_take([&] { return try_take_wanted(needed, is_inside); });
    const auto before = larger ? front(larger.capacity()) : 0;
    if (grown_to(std::move(larger), before, needed)) return true;
    if (storage_bytes() != 0) memory_.refused();
    return false;
  }
  /// Takes a larger block than is needed; `is_inside`: none is needed. Storage of `max_bytes`
  /// through which bytes pass grows as well, by half: the content moves less often in it.
  [[nodiscard]] buffer try_take_wanted(std::size_t needed, bool is_inside) {
    const auto usual = detail::usual_capacity(options_, storage_bytes(), !block_);
    const auto most = max_size() + options_.front_bytes;
    const auto wanted = is_inside ? detail::min_of(usual, most + max_size() / 2)
                                  : detail::min_of(detail::max_of(needed, usual), most);
    if (!block_) return detail::try_take_first(pool(), wanted, needed);
    // A block that is hardly larger is of no use if there is another way.
    const auto floor = is_inside ? detail::max_of(storage_bytes(), size() + size() / 2)
                                 : pool().capacity_for(needed);
    return detail::try_take_above(pool(), wanted, needed, floor);
  }
  [[nodiscard]] buffer take_unreported(std::size_t size) {
    return detail::access::try_get_unreported(pool(), size);
  }
  /// Moves the content within the storage. Preconditions: it fits behind `front` bytes.
  void slide(std::size_t front) noexcept {
    const auto held = size();
    if (held != 0) std::memmove(start() + front, begin_, held);
    start_with(held, front);
  }
  /// Returns: false if there is no block.
  bool grown_to(buffer larger, std::size_t front, std::size_t needed) noexcept {
    if (!larger) return false;
    counts_.grown();
    move_to(std::move(larger), front, needed);
    return true;
  }
  void move_to(buffer other, std::size_t front, std::size_t needed) noexcept {
    const auto held = size();
    record_.swap_block(other, needed);
    const auto* const from = begin_;
    const block_type old = std::exchange(block_, block_type(std::move(other)));
    memory_.forget_refusal();
    start_with(held, front);
    detail::copy_bytes(begin_, from, held);
  }

  // The same for room in front.

  void prepend_piece(const std::byte* from, std::size_t n) {
    if (n > front_room() || n > max_size() - size()) return prepend_slowly(from, n);
    begin_ -= n;
    set_limit();
    detail::copy_bytes(begin_, from, n);
  }
  TARN_COLD void prepend_slowly(const std::byte* from, std::size_t n) {
    const own_piece piece(*this, from);
    make_front(n);
    prepend_piece(piece.in(*this), n);
  }
  void make_front(std::size_t n) {
    if (n > max_size() - size()) {
      detail::throw_too_long("fast_buffer size", size(), n, "max_bytes", max_size());
    }
    if (!made_front_if_any(n)) grown_in_front(pool().get_at_least(size() + n), n);
  }
  [[nodiscard]] bool try_make_front(std::size_t n) noexcept {
    if (n > max_size() - size()) return false;
    if (made_front_if_any(n)) return true;
    return grown_in_front(try_take([&] { return pool().try_get_at_least(size() + n); }), n);
  }
  /// Makes room for `n` bytes in front, unless that takes a block that the pool has to refuse.
  ///
  /// Moves the content within its storage, if more is free there than the content has bytes: half
  /// of that comes before it and half behind it, so it does not move again for a few bytes at
  /// either end. Otherwise it grows. If the pool refuses, the content moves all the same.
  [[nodiscard]] bool made_front_if_any(std::size_t n) noexcept {
    const bool is_own = block_.try_own();
    if (n <= front_room()) return true;
    const bool is_inside = is_own && n <= storage_bytes() - size();
    if (!is_inside || storage_bytes() - size() - n < size()) {
      const auto front = [&](std::size_t capacity) { return front_for(n, capacity); };
      if (grew(size() + n, is_inside, front)) return true;
    } else {
      memory_.forget_refusal();
    }
    if (is_inside) slide(front_for(n, storage_bytes()));
    return is_inside;
  }
  bool grown_in_front(buffer larger, std::size_t n) noexcept {
    const auto front = larger ? front_for(n, larger.capacity()) : 0;
    return grown_to(std::move(larger), front, size() + n);
  }
  /// The bytes to leave before the content in a storage of `capacity`: `n`, and half of the rest.
  [[nodiscard]] std::size_t front_for(std::size_t n, std::size_t capacity) const noexcept {
    return n + (capacity - size() - n) / 2;
  }

  [[nodiscard]] pool_type& pool() const {
    if constexpr (std::same_as<pool_type, byte_pool<>>) {
      if (pool_ == nullptr) return default_pool();
    }
    return *pool_;
  }
  [[nodiscard]] std::byte* start() noexcept { return block_ ? block_.data() : inline_.bytes(); }
  [[nodiscard]] const std::byte* start() const noexcept {
    return block_ ? block_.data() : inline_.bytes();
  }
  [[nodiscard]] std::size_t storage_bytes() const noexcept {
    return block_ ? block_.capacity() : inline_bytes;
  }
  /// Where the content begins in its storage.
  [[nodiscard]] std::size_t offset() const noexcept {
    return static_cast<std::size_t>(begin_ - start());
  }
  /// Makes the `held` bytes behind the first `front` bytes of the storage the content, or behind
  /// as many as there are.
  void start_with(std::size_t held, std::size_t front) noexcept {
    begin_ = start() + detail::min_of(front, storage_bytes() - held);
    end_ = begin_ + held;
    set_limit();
  }
  void start_with(std::size_t held) noexcept { start_with(held, options_.front_bytes); }
  void set_limit() noexcept {
    limit_ = begin_ + detail::min_of(storage_bytes() - offset(), max_size());
  }
  void check_place(std::size_t n) const {
    if (n > size()) detail::throw_range("place in a fast_buffer", n, "must be at most", size());
  }
  /// Takes a block with content in place of what it has. Preconditions: the content fits.
  void adopt(buffer block, std::size_t front, std::size_t held) noexcept {
    note_dropped(size());
    report();
    record_.end_content(size());
    record_.swap_block(block, held);
    memory_ = {};
    block_ = block_type(std::move(block));
    start_with(held, front);
  }
  /// Preconditions: the counts of the content of this were reported.
  void adopt_all(basic_fast_buffer& other) noexcept {
    block_ = std::move(other.block_);
    begin_ = other.begin_;
    end_ = other.end_;
    limit_ = other.limit_;
    if constexpr (inline_bytes != 0) {
      if (!block_) keep_inside(other.begin_, other.size());
    }
    memory_ = std::exchange(other.memory_, {});
    counts_ = std::exchange(other.counts_, {});
    record_ = std::exchange(other.record_, {});
    other.start_with(0);
  }
  /// Takes content into the object. Preconditions: it fits, and there is no block any more.
  void keep_inside(const std::byte* from, std::size_t n) noexcept
    requires(inline_bytes != 0)
  {
    start_with(n);
    detail::copy_bytes(begin_, from, n);
  }

  void note_detached() noexcept {
    note_dropped(size());
    finish();
    memory_ = {};
  }
  void note_dropped(std::size_t n) noexcept {
    memory_.note_size(size());
    counts_.dropped(n, size());
  }
  void drop_block() noexcept {
    block_.reset();
    record_.drop_block();
  }
  /// To be called when the content and the block go.
  void finish() noexcept {
    report();
    record_.end_content(size());
    record_.drop_block();
  }
  void report() noexcept {
    if (options_.hint != nullptr) options_.hint->report(detail::max_of(memory_.peak(), size()));
  }

  std::byte* begin_;  // of the content: behind the consumed bytes
  std::byte* end_;
  std::byte* limit_;           // of the storage, or `max_bytes` behind `begin_`
  block_type block_;           // empty: the storage is in the object, or there is no storage
  pool_type* pool_ = nullptr;  // null: the default pool
  fast_buffer_options options_;
  detail::growth_memory memory_;  // its peak: since the last report, with content that was dropped
  TARN_NO_UNIQUE_ADDRESS
  std::conditional_t<Stats::counts, detail::write_counts, detail::no_write_counts> counts_;
  TARN_NO_UNIQUE_ADDRESS record_type record_;
  TARN_NO_UNIQUE_ADDRESS std::conditional_t<inline_bytes != 0, storage<inline_bytes>, no_storage>
      inline_;
};
template <class Lock, class Stats, class Traits>
inline constexpr bool detail::has_content<basic_fast_buffer<Lock, Stats, Traits>> = true;

}  // namespace tarn
