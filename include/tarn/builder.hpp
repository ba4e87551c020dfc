// SPDX-License-Identifier: MIT
//
// Texts, keys and copies in pooled memory. Whatever comes out owns its memory alone, so it goes
// back once, whichever way it ends.
//
//   tarn::string_builder line;
//   line.append("user ").append(42);
//   std::string copy = line.str();                     // or line.view(), or line.take()
//   auto key = tarn::key_builder(pool).add("user").add(42).take();             // user:42
//   auto all = tarn::join(std::vector{"a", "b"}, ", ");                        // a, b
//   auto map = tarn::copy_map(headers, pool);          // one block for all keys and values

#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/writing/pieces.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/detail/writing/wire.hpp>
#include <tarn/detail/writing/zero_when_moved.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

namespace detail {

/// An integer as decimal digits, without the heap.
class decimal {
 public:
  template <wire_integer T>
  explicit decimal(T value) noexcept
      : end_(std::to_chars(digits_, digits_ + sizeof digits_, value).ptr) {}
  [[nodiscard]] std::string_view view() const noexcept {
    return {digits_, static_cast<std::size_t>(end_ - digits_)};
  }

 private:
  char digits_[std::numeric_limits<unsigned long long>::digits10 + 2];  // with a sign
  char* end_;
};

/// Integers that are written as numbers: characters are not.
template <class T>
concept number = wire_integer<T> && sizeof(T) <= sizeof(long long) && !std::same_as<T, char> &&
                 !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                 !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept text = std::convertible_to<T, std::string_view>;
template <class T>
concept bytes_or_text = text<T> || std::convertible_to<T, std::span<const std::byte>>;

template <bytes_or_text T>
[[nodiscard]] std::span<const std::byte> bytes_to_copy(const T& value) {
  if constexpr (text<const T&>) {
    return std::as_bytes(std::span(std::string_view(value)));
  } else {
    return value;
  }
}

}  // namespace detail

/// A text that is built piece by piece in pooled memory.
///
/// Move-only. `take` and `reset` end it: its memory has another owner then, or is back in the pool,
/// and doing that again is harmless. What is appended afterwards begins a new text.
///
/// Every append throws as that of fast_buffer, and has done nothing then. What is appended may be
/// of this text. Thread safety: as an `int`.
template <class Pool>
class basic_string_builder {
 public:
  using pool_type = Pool;
  using buffer = typename Pool::buffer;
  using value_type = char;

  /// The least room of the first block.
  static constexpr std::size_t first_bytes = 256;

  /// In `default_pool()`, which is not touched before the first byte.
  basic_string_builder() noexcept
    requires std::same_as<Pool, byte_pool<>>
      : text_({.initial_bytes = first_bytes}) {}
  explicit basic_string_builder(Pool& pool) noexcept
      : text_(pool, {.initial_bytes = first_bytes}) {}

  basic_string_builder& append(std::string_view text) {
    text_.append(text);
    return *this;
  }
  /// Appends both or, if it throws, neither.
  basic_string_builder& append(std::string_view first, std::string_view second) {
    text_.append(first, second);
    return *this;
  }
  /// Templates, so that a number is not taken for a character, nor the other way round.
  template <std::same_as<char> Char>
  basic_string_builder& append(Char c) {
    text_.append(c);
    return *this;
  }
  /// Appends an integer in decimal digits.
  template <detail::number T>
  basic_string_builder& append(T value) {
    return append(detail::decimal(value).view());
  }
  basic_string_builder& write(std::span<const std::byte> bytes) {
    text_.append(bytes);
    return *this;
  }
  /// For std::back_inserter.
  void push_back(char c) { text_.push_back(c); }

  /// Drops the last `n` characters, such as a separator too many. Throws: `std::out_of_range`.
  void remove_suffix(std::size_t n) { text_.remove_suffix(n); }
  /// Drops all but the first `n` characters; nothing if there are fewer.
  void truncate(std::size_t n) noexcept { text_.truncate(n); }
  /// Makes room for a text of `size` characters.
  void reserve(std::size_t size) { text_.reserve(size); }
  /// Drops the text and keeps the memory for the next one.
  void clear() noexcept { text_.clear(); }
  /// Drops the text and gives the memory back.
  void reset() noexcept {
    text_.clear();
    text_.shrink_to_fit();
  }

  /// Returns: the text as it is now; the view holds until the next change.
  [[nodiscard]] std::string_view view() const noexcept { return text_.view(); }
  /// The same as bytes.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span(view()));
  }
  /// Returns: a copy of the text.
  [[nodiscard]] std::string str() const { return std::string(view()); }
  /// Takes the text away without a copy. Returns: an empty buffer if there is none.
  [[nodiscard]] buffer take() noexcept { return text_.detach(); }

  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return text_.capacity(); }

 private:
  basic_fast_buffer<no_lock, no_stats, fast_buffer_traits<Pool, 0>> text_;
};
/// Joins parts to a key, with a separator between them: `user:42:name`.
///
/// An empty part is a part: "a", "" and "b" give "a::b". Otherwise as basic_string_builder.
template <class Pool>
class basic_key_builder {
 public:
  using pool_type = Pool;
  using buffer = typename Pool::buffer;

  basic_key_builder() noexcept
    requires std::same_as<Pool, byte_pool<>>
      : basic_key_builder(':') {}
  explicit basic_key_builder(char separator) noexcept
    requires std::same_as<Pool, byte_pool<>>
      : separator_(separator) {}
  explicit basic_key_builder(Pool& pool, char separator = ':') noexcept
      : key_(pool), separator_(separator) {}

  /// Adds a part, which may be of this key. Throws: as `basic_string_builder::append`; the key is
  /// as before then.
  basic_key_builder& add(std::string_view part) {
    key_.append(std::string_view(&separator_, has_parts_.value ? 1 : 0), part);
    has_parts_.value = true;
    return *this;
  }
  /// Adds an integer in decimal digits.
  template <detail::number T>
  basic_key_builder& add(T value) {
    return add(detail::decimal(value).view());
  }

  /// Drops all parts and keeps the memory for the next key.
  void clear() noexcept {
    key_.clear();
    has_parts_.value = false;
  }
  /// Drops all parts and gives the memory back.
  void reset() noexcept {
    key_.reset();
    has_parts_.value = false;
  }

  [[nodiscard]] std::string_view view() const noexcept { return key_.view(); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return key_.bytes(); }
  [[nodiscard]] std::string str() const { return key_.str(); }
  /// Takes the key away without a copy. Returns: an empty buffer if there is none.
  [[nodiscard]] buffer take() noexcept {
    has_parts_.value = false;
    return key_.take();
  }
  [[nodiscard]] std::size_t size() const noexcept { return key_.size(); }
  [[nodiscard]] bool empty() const noexcept { return key_.empty(); }

 private:
  basic_string_builder<Pool> key_;
  char separator_;
  detail::zero_when_moved<bool> has_parts_;
};
/// Copies a value. Returns: a buffer of its size. Throws: as `byte_pool::get`.
template <class Pool, detail::bytes_or_text T>
[[nodiscard]] typename Pool::buffer copy_value(const T& value, Pool& pool) {
  const auto from = detail::bytes_to_copy(value);
  auto copy = pool.get(from.size());
  detail::copy_bytes(copy.data(), from.data(), from.size());
  return copy;
}
template <detail::bytes_or_text T>
[[nodiscard]] buffer copy_value(const T& value) {
  return copy_value(value, default_pool());
}

/// Joins texts with `separator` between them. Returns: a buffer of just that size; of zero bytes
/// if there are no texts. Throws: as `byte_pool::get`.
template <class Pool, std::ranges::forward_range Texts>
  requires detail::text<std::ranges::range_reference_t<Texts>>
[[nodiscard]] typename Pool::buffer join(Texts&& texts, std::string_view separator, Pool& pool) {
  std::size_t size = 0;
  std::size_t count = 0;
  for (auto&& element : texts) {  // lives as long as the view of it, if it is a temporary one
    const std::string_view text = element;
    if (count++ != 0) size = detail::sum_of(size, separator.size(), "joined size");
    size = detail::sum_of(size, text.size(), "joined size");
  }
  auto joined = pool.get(size);
  std::byte* to = joined.data();
  const auto add = [&to](std::string_view piece) {
    const auto from = std::as_bytes(std::span(piece));
    detail::copy_bytes(to, from.data(), from.size());
    to += from.size();
  };
  for (auto&& element : texts) {
    add(std::string_view(element));
    if (--count != 0) add(separator);
  }
  return joined;
}
template <std::ranges::forward_range Texts>
  requires detail::text<std::ranges::range_reference_t<Texts>>
[[nodiscard]] buffer join(Texts&& texts, std::string_view separator) {
  return join(texts, separator, default_pool());
}

/// A read-only copy of a map from texts to bytes, in one block: sorted by key.
///
/// Move-only; what it shows holds as long as it lives, wherever it is moved. An empty one needs no
/// block.
template <class Pool>
class basic_map_copy {
  struct entry {
    std::size_t at;  // of the key in the block; the value follows it
    std::size_t key_size;
    std::size_t value_size;
  };

 public:
  struct value_type {
    std::string_view key;
    std::span<const std::byte> value;
    [[nodiscard]] std::string_view text() const noexcept {
      return {reinterpret_cast<const char*>(value.data()), value.size()};
    }
  };

  class iterator {
   public:
    using value_type = basic_map_copy::value_type;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    [[nodiscard]] value_type operator*() const noexcept { return map_->at(i_); }
    struct arrow {
      value_type shown;
      [[nodiscard]] const value_type* operator->() const noexcept { return &shown; }
    };
    [[nodiscard]] arrow operator->() const noexcept { return {**this}; }
    iterator& operator++() noexcept {
      ++i_;
      return *this;
    }
    iterator operator++(int) noexcept { return {map_, i_++}; }
    [[nodiscard]] bool operator==(const iterator&) const noexcept = default;

   private:
    friend basic_map_copy;
    iterator(const basic_map_copy* map, std::size_t i) noexcept : map_(map), i_(i) {}
    const basic_map_copy* map_ = nullptr;
    std::size_t i_ = 0;
  };

  basic_map_copy() noexcept = default;
  basic_map_copy(basic_map_copy&& other) noexcept
      : block_(std::move(other.block_)), size_(std::exchange(other.size_, 0)) {}
  basic_map_copy& operator=(basic_map_copy&& other) noexcept {
    if (this == &other) return *this;
    block_ = std::move(other.block_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// See `copy_map`.
  template <std::ranges::forward_range Map>
  basic_map_copy(const Map& from, Pool& pool) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const auto& [key, value] : from) {
      ++count;
      bytes = detail::sum_of(bytes, sizeof(entry), "size of a map");
      bytes = detail::sum_of(bytes, std::string_view(key).size(), "size of a map");
      bytes = detail::sum_of(bytes, detail::bytes_to_copy(value).size(), "size of a map");
    }
    if (count == 0) return;
    block_ = pool.get(bytes);
    std::size_t at = count * sizeof(entry);
    const auto add = [&](std::span<const std::byte> piece) {
      detail::copy_bytes(block_.data() + at, piece.data(), piece.size());
      at += piece.size();
      return piece.size();
    };
    for (const auto& [key, value] : from) {
      auto& e = *::new (block_.data() + size_++ * sizeof(entry)) entry{at, 0, 0};
      e.key_size = add(detail::bytes_to_copy(std::string_view(key)));
      e.value_size = add(detail::bytes_to_copy(value));
    }
    // Maps that keep their keys in order, as std::map does, need no sort: some 200 keys take half
    // of the time then.
    const auto key = [this](const entry& e) { return key_of(e); };
    if (!std::ranges::is_sorted(entries(), {}, key)) std::ranges::sort(entries(), {}, key);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] iterator end() const noexcept { return {this, size_}; }
  /// Returns: the value of `key`, one of them if the map had several; nothing if there is none.
  /// Complexity: O(log size).
  [[nodiscard]] std::optional<std::span<const std::byte>> find(
      std::string_view key) const noexcept {
    const auto all = entries();
    const auto found =
        std::ranges::lower_bound(all, key, {}, [this](const entry& e) { return key_of(e); });
    if (found == all.end() || key_of(*found) != key) return std::nullopt;
    return value_of(*found);
  }
  [[nodiscard]] bool contains(std::string_view key) const noexcept { return find(key).has_value(); }
  /// The one block that it owns.
  [[nodiscard]] const typename Pool::buffer& block() const noexcept { return block_; }

 private:
  [[nodiscard]] std::span<entry> entries() const noexcept {
    if (size_ == 0) return {};
    // The bytes are the block's, not this object's: a view of a const map changes nothing there.
    auto* const first = const_cast<std::byte*>(block_.data());
    return {std::launder(reinterpret_cast<entry*>(first)), size_};
  }
  [[nodiscard]] std::string_view key_of(const entry& e) const noexcept {
    return {reinterpret_cast<const char*>(block_.data()) + e.at, e.key_size};
  }
  [[nodiscard]] std::span<const std::byte> value_of(const entry& e) const noexcept {
    return {block_.data() + e.at + e.key_size, e.value_size};
  }
  [[nodiscard]] value_type at(std::size_t i) const noexcept {
    const entry& e = entries()[i];
    return {key_of(e), value_of(e)};
  }

  typename Pool::buffer block_;
  std::size_t size_ = 0;
};
/// Copies a map from texts to texts or bytes (any range of pairs) into one block.
/// Throws: as `byte_pool::get`. Complexity: O(n log n), without the heap.
template <class Map, class Pool>
[[nodiscard]] basic_map_copy<Pool> copy_map(const Map& map, Pool& pool) {
  return basic_map_copy<Pool>(map, pool);
}
template <class Map>
[[nodiscard]] map_copy copy_map(const Map& map) {
  return map_copy(map, default_pool());
}

}  // namespace tarn
