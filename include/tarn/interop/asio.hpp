// SPDX-License-Identifier: MIT
//
// Buffers for Asio and Boost.Asio. The header includes neither: the buffer types are parameters.
//
//   using net = tarn::asio_buffers<asio::mutable_buffer, asio::const_buffer>;  // or boost::asio::…
//
//   auto n = asio::read_until(socket, net::dynamic(fast_buffer), "\r\n");
//   asio::write(socket, net::pieces(chain));
//   http::read(stream, beast_view, request);  // auto beast_view = net::dynamic_v1(fast_buffer);
//
// A single piece needs no adapter: asio::buffer(b.data(), b.size()).

#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/writing/growth.hpp>
#include <tarn/detail/writing/pieces.hpp>
#include <tarn/interop/pieces.hpp>

namespace tarn {

/// The common base of both dynamic buffers.
template <class Buffer, class MutableBuffer, class ConstBuffer>
class dynamic_base {
 public:
  using mutable_buffers_type = MutableBuffer;
  using const_buffers_type = ConstBuffer;

  [[nodiscard]] std::size_t size() const noexcept { return bytes_->size(); }
  [[nodiscard]] std::size_t max_size() const noexcept { return max_size_; }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return detail::min_of(bytes_->capacity(), max_size_);
  }
  /// Drops the first `n` bytes, or all if there are fewer.
  void consume(std::size_t n) { bytes_->consume(detail::min_of(n, size())); }

 protected:
  dynamic_base(Buffer& bytes, std::size_t max_size) noexcept
      : bytes_(&bytes), max_size_(detail::min_of(max_size, bytes.max_size())) {}

  [[nodiscard]] Buffer& bytes() const noexcept { return *bytes_; }
  /// Throws: `std::length_error`, with both numbers, if the content would be above `max_size()`.
  void check_room_for(std::size_t n) const {
    if (size() > max_size_ || n > max_size_ - size()) {
      detail::throw_too_long("dynamic buffer size", size(), n, "max_size", max_size_);
    }
  }

 private:
  Buffer* bytes_;
  std::size_t max_size_;
};

/// A fast_buffer as Asio's DynamicBuffer_v2: for `read_until`, `async_read` and similar functions.
///
/// A view: copies refer to the same buffer. Preconditions: the buffer lives until the operation has
/// ended. Thread safety: as an `int`.
template <class Buffer, class MutableBuffer, class ConstBuffer>
class dynamic_view : public dynamic_base<Buffer, MutableBuffer, ConstBuffer> {
 public:
  dynamic_view(Buffer& bytes, std::size_t max_size) noexcept
      : dynamic_view::dynamic_base(bytes, max_size) {}

  /// The bytes from `place`, at most `n`. Preconditions: `place <= size()`.
  [[nodiscard]] MutableBuffer data(std::size_t place, std::size_t n) noexcept {
    return {this->bytes().data() + place, detail::min_of(n, this->size() - place)};
  }
  [[nodiscard]] ConstBuffer data(std::size_t place, std::size_t n) const noexcept {
    return {this->bytes().data() + place, detail::min_of(n, this->size() - place)};
  }
  /// Appends `n` bytes with indeterminate contents.
  ///
  /// Throws: `std::length_error`, with size and limit; as the buffer's `prepare`.
  void grow(std::size_t n) {
    this->check_room_for(n);
    this->bytes().resize_uninitialized(this->size() + n);
  }
  /// Drops the last `n` bytes, or all if there are fewer.
  void shrink(std::size_t n) {
    this->bytes().resize_uninitialized(this->size() - detail::min_of(n, this->size()));
  }
};

/// A fast_buffer as the older DynamicBuffer_v1, for Boost.Beast, which calls it
/// MutableDynamicBuffer.
///
/// A view, as `dynamic_view`. Call `commit` on the copy on which `prepare` was called.
template <class Buffer, class MutableBuffer, class ConstBuffer>
class dynamic_view_v1 : public dynamic_base<Buffer, MutableBuffer, ConstBuffer> {
 public:
  dynamic_view_v1(Buffer& bytes, std::size_t max_size) noexcept
      : dynamic_view_v1::dynamic_base(bytes, max_size) {}

  using mutable_data_type = MutableBuffer;

  [[nodiscard]] MutableBuffer data() noexcept { return {this->bytes().data(), this->size()}; }
  [[nodiscard]] ConstBuffer data() const noexcept { return cdata(); }
  [[nodiscard]] ConstBuffer cdata() const noexcept { return {this->bytes().data(), this->size()}; }
  /// Makes room for `n` bytes. Returns: that room; `commit` makes it content.
  ///
  /// Throws: as `dynamic_view::grow`.
  [[nodiscard]] MutableBuffer prepare(std::size_t n) {
    this->check_room_for(n);
    const auto to = this->bytes().prepare(n);
    prepared_ = n;
    return {to.data(), to.size()};
  }
  /// Makes the first `n` prepared bytes content, or all if there are fewer. The other prepared
  /// bytes are dropped. Source: Networking TS, 16.2.3.
  void commit(std::size_t n) {
    const auto ready = detail::min_of(prepared_, this->bytes().room());
    prepared_ = 0;
    this->bytes().commit(detail::min_of(n, ready));
  }
  /// Drops the first `n` bytes, or all if there are fewer. Prepared bytes can still be committed.
  void consume(std::size_t n) {
    const auto* const prepared = this->bytes().data() + this->size();
    prepared_ = detail::min_of(prepared_, this->bytes().room());
    dynamic_view_v1::dynamic_base::consume(n);
    // Without content, the room begins at the front again.
    auto* const now = this->bytes().data() + this->size();
    if (now != prepared) detail::move_bytes(now, prepared, prepared_);
  }

 private:
  std::size_t prepared_ = 0;
};

/// The pieces of a chain as a ConstBufferSequence: for `write`, `async_write` and `send`.
///
/// A view: copies refer to the same pieces. Preconditions: the pieces live until the operation has
/// ended. Thread safety: as a pointer to const.
template <byte_pieces Pieces, class ConstBuffer>
class piece_buffers {
  using base_iterator = std::ranges::iterator_t<const Pieces>;

 public:
  using value_type = ConstBuffer;

  /// An iterator that shows each piece as a buffer. Bidirectional if the iterator of the pieces is.
  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = ConstBuffer;
    using difference_type = std::ptrdiff_t;
    using pointer = const ConstBuffer*;
    using reference = ConstBuffer;

    const_iterator() = default;
    explicit const_iterator(base_iterator at) : at_(at) {}

    [[nodiscard]] ConstBuffer operator*() const {
      const auto bytes = bytes_of(*at_);
      return {bytes.data(), bytes.size()};
    }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator& operator--() {
      --at_;
      return *this;
    }
    const_iterator operator--(int) { return const_iterator(at_--); }
    [[nodiscard]] bool operator==(const const_iterator&) const = default;

   private:
    base_iterator at_{};
  };

  explicit piece_buffers(const Pieces& pieces) noexcept : pieces_(&pieces) {}

  [[nodiscard]] const_iterator begin() const { return const_iterator(pieces_->begin()); }
  [[nodiscard]] const_iterator end() const { return const_iterator(pieces_->end()); }

 private:
  const Pieces* pieces_;
};

/// Makes the views for one library, from its buffer types.
template <class MutableBuffer, class ConstBuffer>
struct asio_buffers {
  /// `max_size`: a bound on the bytes, besides that of the buffer.
  template <class Buffer>
  [[nodiscard]] static dynamic_view<Buffer, MutableBuffer, ConstBuffer> dynamic(
      Buffer& bytes, std::size_t max_size = SIZE_MAX) noexcept {
    return {bytes, max_size};
  }
  template <class Buffer>
  [[nodiscard]] static dynamic_view_v1<Buffer, MutableBuffer, ConstBuffer> dynamic_v1(
      Buffer& bytes, std::size_t max_size = SIZE_MAX) noexcept {
    return {bytes, max_size};
  }
  template <byte_pieces Pieces>
  [[nodiscard]] static piece_buffers<Pieces, ConstBuffer> pieces(const Pieces& pieces) noexcept {
    return piece_buffers<Pieces, ConstBuffer>(pieces);
  }
};

}  // namespace tarn
