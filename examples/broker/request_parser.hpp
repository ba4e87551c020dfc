// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace broker {

/// A whole decimal number, as the protocol writes it: no sign but a minus, no zero in front.
[[nodiscard]] inline std::optional<std::int64_t> whole_number(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return {};
  const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.front() == '0' && text != "0") return {};
  return value;
}

enum class parse_status : std::uint8_t { incomplete, complete, failed };

/// Finds the arguments of one request after the other in bytes that arrive in parts.
///
/// Reserves nothing for a count or a length before that many bytes are there. Arguments are parts
/// of the input; a quoted one is unescaped in place.
///
/// Thread safety: as an `int`.
template <class Allocator>
class request_parser {
 public:
  static constexpr std::int64_t most_arguments = 1 << 20;
  static constexpr std::int64_t most_bulk_bytes = 512 << 20;
  static constexpr std::size_t most_line_bytes = 64 << 10;

  explicit request_parser(const Allocator& allocator) : places_(allocator) {}

  /// `input` begins with the first byte of the request, also if an earlier call has seen it. After
  /// `complete`, drop `used()` bytes of the input and call `next`.
  [[nodiscard]] parse_status parse(std::span<char> input) {
    input_ = input;
    wanted_ = 0;
    if (!in_array_) {
      if (input.empty()) return parse_status::incomplete;
      if (input.front() != '*') return parse_inline();
      const auto count = length_line("mbulk count");
      if (!error_.empty()) return parse_status::failed;
      if (!count) return parse_status::incomplete;
      if (!*count || **count > most_arguments) return fail("invalid multibulk length");
      left_ = **count;
      in_array_ = true;
    }
    for (; left_ > 0; --left_) {
      if (const auto status = parse_bulk(); status != parse_status::complete) return status;
    }
    return parse_status::complete;
  }
  /// Forgets the request.
  void next() {
    if (places_.capacity() > usual_arguments) {
      std::vector<place, allocator_type>(places_.get_allocator()).swap(places_);
    }
    places_.clear();
    at_ = 0;
    left_ = 0;
    bulk_ = -1;
    in_array_ = false;
  }

  /// 0 for an empty line or array, which is no request.
  [[nodiscard]] std::size_t count() const noexcept { return places_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    return {input_.data() + places_[i].offset, places_[i].size};
  }
  [[nodiscard]] std::size_t used() const noexcept { return at_; }
  /// The number of bytes that are known to be missing.
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_; }
  /// What is wrong, in the words of redis-server.
  [[nodiscard]] std::string_view error() const noexcept { return error_; }

 private:
  struct place {
    std::size_t offset;
    std::size_t size;
  };
  using allocator_type = typename std::allocator_traits<Allocator>::template rebind_alloc<place>;
  static constexpr std::size_t usual_arguments = 256;

  parse_status fail(std::string what) {
    error_ = std::move(what);
    return parse_status::failed;
  }
  [[nodiscard]] std::string_view rest() const noexcept {
    return std::string_view(input_.data(), input_.size()).substr(at_);
  }

  /// Returns: no value while the line is incomplete, and an inner one that is empty for a line that
  /// is no number.
  std::optional<std::optional<std::int64_t>> length_line(std::string_view what) {
    const auto text = rest();
    const auto end = text.find('\r');
    if (end == std::string_view::npos) {
      if (text.size() > most_line_bytes) {
        fail(what == "bulk count" ? "too big bulk count string" : "too big mbulk count string");
      }
      return {};
    }
    if (end + 2 > text.size()) return {};
    if (what == "bulk count" && text.front() != '$') {
      fail("expected '$', got '" + std::string(1, text.front()) + "'");
      return {};
    }
    at_ += end + 2;
    return whole_number(text.substr(1, end - 1));
  }

  parse_status parse_bulk() {
    if (bulk_ < 0) {
      const auto length = length_line("bulk count");
      if (!error_.empty()) return parse_status::failed;
      if (!length) return parse_status::incomplete;
      if (!*length || **length < 0 || **length > most_bulk_bytes) {
        return fail("invalid bulk length");
      }
      bulk_ = **length;
    }
    const auto whole = static_cast<std::size_t>(bulk_) + 2;  // with the end of the line
    if (input_.size() - at_ < whole) {
      wanted_ = whole - (input_.size() - at_);
      return parse_status::incomplete;
    }
    places_.push_back({at_, whole - 2});
    at_ += whole;
    bulk_ = -1;
    return parse_status::complete;
  }

  parse_status parse_inline() {
    const std::string_view all(input_.data(), input_.size());
    const auto end = all.find('\n');
    if (end == std::string_view::npos) {
      if (all.size() > most_line_bytes) return fail("too big inline request");
      return parse_status::incomplete;
    }
    at_ = end + 1;
    const auto stop = end != 0 && all[end - 1] == '\r' ? end - 1 : end;
    for (std::size_t i = 0;;) {
      while (i != stop && is_space(input_[i]))
        ++i;
      if (i == stop) return parse_status::complete;
      if (!parse_word(i, stop)) return fail("unbalanced quotes in request");
    }
  }
  /// Moves `i` behind the word. The text of a word is never longer than what it is written as.
  bool parse_word(std::size_t& i, std::size_t stop) {
    const auto begin = i;
    auto to = i;
    char quote = 0;
    for (; i != stop; ++i) {
      char c = input_[i];
      if (quote == 0) {
        if (is_space(c)) break;
        if (c == '"' || c == '\'') {
          quote = c;
          continue;
        }
      } else if (c == quote) {
        if (i + 1 != stop && !is_space(input_[i + 1])) return false;
        quote = 0;
        continue;
      } else if (c == '\\') {
        c = unescape(i, stop, quote);
      }
      input_[to++] = c;
    }
    places_.push_back({begin, to - begin});
    return quote == 0;
  }
  char unescape(std::size_t& i, std::size_t stop, char quote) {
    if (i + 1 == stop) return '\\';
    const char next = input_[i + 1];
    if (quote == '\'') return next == '\'' ? input_[++i] : '\\';
    if (next == 'x' && i + 3 < stop) {
      unsigned value = 0;
      const auto* const digits = input_.data() + i + 2;
      if (std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
        i += 3;
        return static_cast<char>(value);
      }
    }
    ++i;
    constexpr std::string_view names = "nrtba", meant = "\n\r\t\b\a";
    const auto which = names.find(next);
    return which == std::string_view::npos ? next : meant[which];
  }
  [[nodiscard]] static bool is_space(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
  }

  std::vector<place, allocator_type> places_;
  std::span<char> input_;
  std::size_t at_ = 0;  // the bytes before it are parsed
  std::size_t wanted_ = 0;
  std::int64_t left_ = 0;   // arguments of the array that are not parsed
  std::int64_t bulk_ = -1;  // the length of the next argument, if it is known
  bool in_array_ = false;
  std::string error_;
};

}  // namespace broker
