// SPDX-License-Identifier: MIT
//
// Streams that write to a fast_buffer, and streams that read from buffers and chains.
//
//   tarn::pool_streambuf to(fast_buffer);
//   std::ostream(&to) << "n = " << 42;       // the buffer has the bytes at once, without a flush
//
//   tarn::piece_streambuf from(chain);       // or a span, a buffer, a string…
//   std::istream in(&from);

#pragma once

#include <cstddef>
#include <cstdint>
#include <ios>
#include <streambuf>
#include <string_view>

#include <tarn/detail/writing/sum.hpp>
#include <tarn/interop/pieces.hpp>

namespace tarn {

/// Appends the output of a std::ostream to a fast_buffer, without a copy in between.
///
/// For writing only; `tellp` is the size of the buffer. An exception of the buffer sets the
/// stream's badbit, or goes on to the caller, as the stream's `exceptions()` say.
///
/// Preconditions: the buffer outlives it. Thread safety: as an `int`.
template <class Buffer>
class pool_streambuf : public std::streambuf {
 public:
  explicit pool_streambuf(Buffer& out) noexcept : out_(&out) {}

 protected:
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      out_->push_back(traits_type::to_char_type(c));
    }
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize n) override {
    out_->append(std::string_view(text, static_cast<std::size_t>(n)));
    return n;
  }
  pos_type seekoff(off_type off, std::ios_base::seekdir way,
                   std::ios_base::openmode which) override {
    if (off != 0 || way == std::ios_base::beg || (which & std::ios_base::out) == 0) {
      return off_type{-1};
    }
    return static_cast<off_type>(out_->size());
  }

 private:
  Buffer* out_;
};

/// Lets a std::istream read bytes in one or several pieces, without a copy in between.
///
/// For reading only, with seeking. Preconditions: as `piece_cursor`: bytes and pieces stay
/// unchanged. Thread safety: as an `int`.
template <class Bytes>
class piece_streambuf : public std::streambuf {
 public:
  /// Throws: `std::length_error` for more bytes than a stream can count. Complexity: O(pieces).
  explicit piece_streambuf(const Bytes& bytes) : start_(bytes), at_(bytes) {
    size_ = static_cast<off_type>(
        detail::sum_of(0, piece_cursor(start_).skip(SIZE_MAX), "bytes of a stream"));
    show();
  }

 protected:
  int_type underflow() override {
    if (gptr() == egptr()) {
      before_ += egptr() - eback();
      at_.skip(at_.front().size());
      show();
    }
    return at_.done() ? traits_type::eof() : traits_type::to_int_type(*gptr());
  }
  std::streamsize showmanyc() override {
    const auto left = size_ - place();
    return left != 0 ? left : -1;
  }
  /// Complexity: O(skipped pieces); backwards, O(pieces before the position).
  pos_type seekoff(off_type off, std::ios_base::seekdir way,
                   std::ios_base::openmode which) override {
    const auto from = way == std::ios_base::beg ? 0 : way == std::ios_base::cur ? place() : size_;
    if ((which & std::ios_base::in) == 0 || off < -from || off > size_ - from) return off_type{-1};
    const auto to = from + off;
    if (to < before_) {
      at_ = start_;
      before_ = 0;
    }
    at_.skip(static_cast<std::size_t>(to - before_));
    before_ = to;
    show();
    return before_;
  }
  pos_type seekpos(pos_type to, std::ios_base::openmode which) override {
    return seekoff(to, std::ios_base::beg, which);
  }

 private:
  [[nodiscard]] off_type place() const { return before_ + (gptr() - eback()); }
  /// Makes the get area the current piece of the cursor.
  void show() {
    const auto bytes = at_.front();
    // The stream does not write through it: there is no pbackfail.
    auto* const begin = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(begin, begin, begin + bytes.size());
  }

  piece_cursor<Bytes> start_;
  piece_cursor<Bytes> at_;  // where the get area begins
  off_type before_ = 0;     // bytes before the get area
  off_type size_ = 0;       // of all bytes
};

}  // namespace tarn
