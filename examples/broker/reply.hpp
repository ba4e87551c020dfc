// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace broker {

/// The output of a connection: small answers in one growing buffer, large values and published
/// messages as references to the bytes that the store and other connections use, too.
///
/// Thread safety: as an `int`.
template <class Memory>
class reply {
  using shared_buffer = typename Memory::shared_buffer;
  using piece_list = std::vector<shared_buffer, typename Memory::template allocator<shared_buffer>>;

 public:
  /// Values from this size on are not copied into the output.
  static constexpr std::size_t shared_from = 4096;

  explicit reply(Memory& memory)
      : pieces_(memory.store), tail_(Memory::make_writer(memory.replies, std::size_t{1} << 30)) {}

  // Answers of the protocol.

  void simple(std::string_view text) { line('+', text); }
  void error(std::string_view text) { line('-', text); }
  void integer(std::int64_t n) { number(':', n); }
  void array(std::size_t n) { number('*', static_cast<std::int64_t>(n)); }
  void map(std::size_t pairs) {
    if (version == 3) return number('%', static_cast<std::int64_t>(pairs));
    array(2 * pairs);
  }
  void set(std::size_t n) { number(version == 3 ? '~' : '*', static_cast<std::int64_t>(n)); }
  void push(std::size_t n) { number(version == 3 ? '>' : '*', static_cast<std::int64_t>(n)); }
  void null() { tail_.append(version == 3 ? "_\r\n" : "$-1\r\n"); }
  void null_array() { tail_.append(version == 3 ? "_\r\n" : "*-1\r\n"); }
  void bulk(std::string_view text) {
    number('$', static_cast<std::int64_t>(text.size()));
    tail_.append(text);
    tail_.append("\r\n");
  }
  void bulk(const shared_buffer& value) {
    if (value.size() < shared_from) return bulk(value.view());
    number('$', static_cast<std::int64_t>(value.size()));
    piece(value);
    tail_.append("\r\n");
  }
  /// A text that a client is to show as it is.
  void verbatim(std::string_view text) {
    if (version != 3) return bulk(text);
    number('=', static_cast<std::int64_t>(text.size() + 4));
    tail_.append("txt:");
    tail_.append(text);
    tail_.append("\r\n");
  }

  // Output.

  /// Appends bytes of other owners, without a copy.
  void piece(const shared_buffer& bytes) {
    close_tail();
    piece_bytes_ += bytes.size();
    pieces_.push_back(bytes);
  }
  [[nodiscard]] bool empty() const noexcept { return first_ == pieces_.size() && tail_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return piece_bytes_ + tail_.size(); }
  /// Writes with `write(pieces)`, which returns how many bytes it has taken, until all is written
  /// or it has taken none.
  template <class Write>
  void write_to(Write&& write) {
    while (!empty()) {
      if (first_ == pieces_.size()) {
        const std::span<const std::byte> whole(tail_.data(), tail_.size());
        const auto n = write(std::span(&whole, 1));
        if (n == 0) return;
        tail_.consume(n);
        if (tail_.empty()) tail_.clear();
      } else {
        close_tail();
        const auto n = write(std::span<const shared_buffer>(pieces_).subspan(first_));
        if (n == 0) return;
        drop(n);
      }
    }
  }
  void clear() {
    drop(piece_bytes_);
    tail_.clear();
  }

  int version = 2;  ///< of the protocol

 private:
  void line(char kind, std::string_view text) {
    tail_.append(std::string_view(&kind, 1));
    tail_.append(text);
    tail_.append("\r\n");
  }
  void number(char kind, std::int64_t n) {
    char text[24];
    text[0] = kind;
    auto* end = std::to_chars(text + 1, text + 22, n).ptr;
    *end++ = '\r';
    *end++ = '\n';
    tail_.append(std::string_view(text, static_cast<std::size_t>(end - text)));
  }
  void close_tail() {
    if (tail_.empty()) return;
    piece_bytes_ += tail_.size();
    pieces_.push_back(tail_.detach_shared());
    tail_.clear();
  }
  void drop(std::size_t n) {
    piece_bytes_ -= n;
    while (n != 0) {
      auto& front = pieces_[first_];
      if (n < front.size()) return front.remove_prefix(n);
      n -= front.size();
      pieces_[first_++] = shared_buffer();
    }
    if (first_ != pieces_.size()) return;
    first_ = 0;
    if (pieces_.capacity() > usual_pieces) return piece_list(pieces_.get_allocator()).swap(pieces_);
    pieces_.clear();
  }

  static constexpr std::size_t usual_pieces = 64;
  piece_list pieces_;
  std::size_t first_ = 0;  // the pieces before it are written
  std::size_t piece_bytes_ = 0;
  typename Memory::writer tail_;  // what comes behind the pieces
};

}  // namespace broker
