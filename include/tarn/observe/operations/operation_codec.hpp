// SPDX-License-Identifier: MIT
//
// Encodes an operation in two to five bytes, and decodes it from bytes of unknown origin.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/detail/writing/wire.hpp>

namespace tarn {

/// One entry of an operation_log.
struct logged_operation {
  bool is_get = false;
  std::size_t size = 0;      ///< requested; of a put, by its get
  std::uint64_t ticket = 0;  ///< the number of the get, from 0
  std::uint32_t thread = 0;  ///< from 0, in order of appearance
  std::uint64_t time = 0;    ///< nanoseconds since the first operation

  friend bool operator==(const logged_operation&, const logged_operation&) = default;
};

namespace detail {

/// Encodes operations, each as the difference to the one before: two numbers, or three if the
/// thread changes.
///
///   value << 2 | is another thread << 1 | is a get      get: the size; put: the distance to its
///   thread                                              get in gets, 0 for the last get
///   nanoseconds since the operation before
class operation_encoder {
 public:
  static constexpr std::size_t max_bytes = 3 * varint::max_bytes;
  /// A larger size does not fit beside the two bits, nor into any address space.
  static constexpr std::size_t max_size = SIZE_MAX >> 2;

  [[nodiscard]] std::uint64_t gets() const noexcept { return gets_; }

  /// Preconditions: `to` has room for `max_bytes`; the size of a get is at most `max_size`; the
  /// ticket of a put is that of an earlier get; `o.time` is not before the last one. Returns: the
  /// number of bytes. The encoder does not change until `commit`.
  [[nodiscard]] std::size_t encode(const logged_operation& o, std::byte* to) const noexcept {
    const auto value = o.is_get ? std::uint64_t{o.size} : gets_ - 1 - o.ticket;
    const bool is_other = o.thread != thread_;
    auto n = put(value << 2 | (is_other ? 2 : 0) | (o.is_get ? 1 : 0), to);
    if (is_other) n += put(o.thread, to + n);
    return n + put(o.time - time_, to + n);
  }
  void commit(const logged_operation& o) noexcept {
    gets_ += o.is_get ? 1 : 0;
    thread_ = o.thread;
    time_ = o.time;
  }

  static std::size_t put(std::uint64_t number, std::byte* to) noexcept {
    const varint coded(number);
    for (std::size_t i = 0; i != coded.size; ++i)
      to[i] = coded.bytes[i];
    return coded.size;
  }

 private:
  std::uint64_t gets_ = 0;
  std::uint64_t time_ = 0;
  std::uint32_t thread_ = 0;
};

/// Decodes the operations of an operation_encoder, and trusts nothing: each get is before its put,
/// each put occurs once, thread numbers have no gaps, sizes and times are in their range.
class operation_decoder {
 public:
  /// `offset`: the position of `bytes` in the input, for error messages.
  explicit operation_decoder(std::span<const std::byte> bytes, std::size_t offset = 0)
      : bytes_(bytes), offset_(offset) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_ + at_; }
  [[nodiscard]] std::uint64_t gets() const noexcept { return sizes_.size(); }
  [[nodiscard]] std::uint32_t threads() const noexcept { return threads_; }

  /// Throws: `std::invalid_argument`, with place and reason; `std::bad_alloc`.
  [[nodiscard]] logged_operation next() {
    const auto begin = at_;
    const auto head = number();
    logged_operation o;
    o.is_get = (head & 1) != 0;
    o.thread = (head & 2) != 0 ? thread(begin) : thread_;
    if (o.thread == threads_) ++threads_;
    thread_ = o.thread;
    const auto pause = number();
    if (pause > INT64_MAX - time_) refuse_at(begin, "has a time that is too late");
    o.time = time_ += pause;
    const auto value = head >> 2;
    if (o.is_get) {
      o.size = static_cast<std::size_t>(value);
      o.ticket = sizes_.size();
      sizes_.push_back(o.size);
      is_out_.push_back(true);
    } else {
      if (value >= sizes_.size() || !is_out_[sizes_.size() - 1 - value]) {
        refuse_at(begin, "has a put of what is not out");
      }
      o.ticket = sizes_.size() - 1 - value;
      o.size = sizes_[o.ticket];
      is_out_[o.ticket] = false;
    }
    return o;
  }

  /// Reads one number. Throws: as `next`.
  [[nodiscard]] std::uint64_t number() {
    const auto found = detail::read_varint(bytes_.data() + at_, bytes_.size() - at_);
    if (found.excess != 0) refuse_at(at_, "has a number of more than 64 bits");
    if (found.size == 0) refuse_at(at_, "has a number that is cut off");
    at_ += found.size;
    return found.value;
  }

  [[noreturn]] static void refuse(std::size_t place, const std::string& why) {
    throw std::invalid_argument("tarn: operation log, byte " + std::to_string(place) + ": " + why);
  }

 private:
  [[nodiscard]] std::uint32_t thread(std::size_t begin) {
    const auto made = number();
    if (made > threads_) {
      refuse_at(begin, "has thread " + std::to_string(made) + " after " + std::to_string(threads_) +
                           " threads");
    }
    return static_cast<std::uint32_t>(made);
  }
  [[noreturn]] void refuse_at(std::size_t at, const std::string& why) const {
    refuse(offset_ + at, why);
  }

  std::span<const std::byte> bytes_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::uint64_t time_ = 0;
  std::uint32_t thread_ = 0;
  std::uint32_t threads_ = 0;
  std::vector<std::size_t> sizes_;  // by ticket
  std::vector<bool> is_out_;        // by ticket
};

}  // namespace detail
}  // namespace tarn
