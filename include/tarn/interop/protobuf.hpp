// SPDX-License-Identifier: MIT
//
// Writes protobuf messages to a fast_buffer and reads them from a chain, without a copy.
//
//   tarn::protobuf_output to(fast_buffer);
//   message.SerializeToZeroCopyStream(&to);
//   tarn::protobuf_input from(chain);        // or a span, a buffer…
//   message.ParseFromZeroCopyStream(&from);

#pragma once

#include <google/protobuf/io/zero_copy_stream.h>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <span>

#include <tarn/detail/base/align.hpp>
#include <tarn/interop/pieces.hpp>

namespace tarn {

/// Lets protobuf append to a fast_buffer.
///
/// The bytes of `Next` count as content until `BackUp` takes the unused ones back, as protobuf does
/// at the end of every message. A buffer that cannot grow ends the stream: serialising returns
/// false.
///
/// Preconditions: the buffer outlives it. Thread safety: as an `int`.
template <class Buffer>
class protobuf_output final : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  explicit protobuf_output(Buffer& out) noexcept : out_(&out), before_(out.size()) {}

  bool Next(void** data, int* size) override {
    try {
      out_->reserve(out_->size() + 1);  // uses the room of a whole tier
    } catch (const std::exception&) {
      return false;
    }
    const auto to = out_->prepare(detail::min_of(out_->room(), most_));
    out_->commit(to.size());
    *data = to.data();
    *size = static_cast<int>(to.size());
    return true;
  }
  void BackUp(int count) override {
    out_->resize_uninitialized(out_->size() - static_cast<std::size_t>(count));
  }
  [[nodiscard]] std::int64_t ByteCount() const override {
    return static_cast<std::int64_t>(out_->size() - before_);
  }

 private:
  static constexpr std::size_t most_ = (std::numeric_limits<int>::max)();

  Buffer* out_;
  std::size_t before_;  // size of the content before the stream
};

/// Lets protobuf read bytes in one or several pieces, of any size.
///
/// Preconditions: as `piece_cursor`: bytes and pieces stay unchanged. Thread safety: as an `int`.
template <class Bytes>
class protobuf_input final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit protobuf_input(const Bytes& bytes) : at_(bytes) {}

  bool Next(const void** data, int* size) override {
    if (back_ == 0) {
      at_.skip(shown_.size());
      shown_ = at_.front();
      shown_ = shown_.first(detail::min_of(shown_.size(), most_));
      back_ = shown_.size();
    }
    const auto next = shown_.last(back_);
    *data = next.data();
    *size = static_cast<int>(next.size());
    gone_ += next.size();
    back_ = 0;
    return !next.empty();
  }
  void BackUp(int count) override {
    back_ = static_cast<std::size_t>(count);
    gone_ -= back_;
  }
  bool Skip(int count) override {
    const auto n = static_cast<std::size_t>(count);
    const auto from_shown = detail::min_of(n, back_);
    back_ -= from_shown;
    std::size_t skipped = from_shown;
    if (n != from_shown) {
      at_.skip(shown_.size());
      shown_ = {};
      skipped += at_.skip(n - from_shown);
    }
    gone_ += skipped;
    return skipped == n;
  }
  [[nodiscard]] std::int64_t ByteCount() const override { return static_cast<std::int64_t>(gone_); }

 private:
  static constexpr std::size_t most_ = (std::numeric_limits<int>::max)();

  piece_cursor<Bytes> at_;            // at the begin of the bytes that `Next` returned
  std::span<const std::byte> shown_;  // the bytes that `Next` returned last
  std::size_t back_ = 0;              // bytes at their end that `BackUp` took back
  std::size_t gone_ = 0;
};

}  // namespace tarn
