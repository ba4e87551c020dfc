// SPDX-License-Identifier: MIT
//
// message: a message of a broker, made for reuse: a reset keeps its memory.
//
//   tarn::message m;
//   m.topic = "orders";
//   m.key.assign("customer-7");
//   m.value.assign(payload);
//   m.headers.add("trace", "4bf92f35");
//   m.reset();  // as new, but with all its capacity

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/error.hpp>
#include <tarn/detail/kept/wipe.hpp>
#include <tarn/detail/pool/object_core.hpp>
#include <tarn/detail/writing/pieces.hpp>
#include <tarn/detail/writing/sum.hpp>
#include <tarn/detail/writing/zero_when_moved.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/lifecycle.hpp>

namespace tarn {

/// A string of bytes that keeps its capacity until `shrink`, and does not initialise bytes that it
/// only reserves.
///
/// Thread safety: as an `int`.
class byte_string {
 public:
  using value_type = std::byte;

  byte_string() noexcept = default;
  explicit byte_string(std::span<const std::byte> bytes) { assign(bytes); }
  explicit byte_string(std::string_view text) { assign(text); }
  byte_string(const byte_string& other) { assign(other.bytes()); }
  byte_string(byte_string&& other) noexcept { swap(other); }
  byte_string& operator=(const byte_string& other) {
    if (this != &other) assign(other.bytes());
    return *this;
  }
  byte_string& operator=(byte_string&& other) noexcept {
    byte_string taken = std::move(other);
    swap(taken);
    return *this;
  }
  ~byte_string() { delete[] data_; }

  void swap(byte_string& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  friend void swap(byte_string& a, byte_string& b) noexcept { a.swap(b); }

  /// Becomes a copy of `bytes`, which may be part of this string. Throws: `std::bad_alloc`,
  /// `std::length_error`; the string is unchanged then.
  void assign(std::span<const std::byte> bytes) {
    if (bytes.size() > capacity_) [[unlikely]]
      replace(bytes.size());  // they are not part of this string
    copy(bytes, 0);
    size_ = bytes.size();
  }
  void assign(std::string_view text) { assign(std::as_bytes(std::span(text))); }

  /// Appends a copy of `bytes`, which may be part of this string. Throws: `std::bad_alloc`,
  /// `std::length_error`; the string is unchanged then.
  void append(std::span<const std::byte> bytes) {
    if (bytes.size() > room()) [[unlikely]] {
      byte_string grown = grown_for(bytes.size());
      grown.append(bytes);
      return grown.swap(*this);
    }
    copy(bytes, size_);
    size_ += bytes.size();
  }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

  /// Adds `more` indeterminate bytes. Returns: a pointer to the first of them. Throws: as `append`.
  std::byte* extend(std::size_t more) {
    if (more > room()) [[unlikely]]
      reserve_more(more);
    size_ += more;
    return data_ + (size_ - more);
  }
  /// Makes room for `capacity` bytes in total. Throws: as `append`.
  void reserve(std::size_t capacity) {
    if (capacity > capacity_) copy_with(capacity).swap(*this);
  }
  /// Makes room for `more` bytes. If it grows, it at least doubles the capacity, if there is memory
  /// for that. Throws: as
  /// `append`.
  TARN_COLD void reserve_more(std::size_t more) {
    if (more > room()) grown_for(more).swap(*this);
  }
  /// Returns: a copy with room for `more` bytes and at least twice the capacity, if there is memory
  /// for that. This string is unchanged, so its bytes can be written to the copy. Throws: as
  /// `append`.
  [[nodiscard]] TARN_COLD byte_string grown_for(std::size_t more) const {
    const auto needed = detail::sum_of(size_, more, "size");
    // No overflow: a capacity is at most half of the address space.
    const auto wanted = detail::max_of(needed, detail::min_of(2 * capacity_, detail::max_size));
    // Where there is not so much memory, a part of it is enough. Half of what is above the need,
    // and not just the need: otherwise each of many small appends would copy all bytes.
    for (auto above = wanted - needed; above != 0; above /= 2) {
      try {
        return copy_with(needed + above);
      } catch (const std::bad_alloc&) {
      }
    }
    return copy_with(needed);
  }
  void clear() noexcept { size_ = 0; }
  /// Drops all but the first `n` bytes; nothing if there are fewer.
  void truncate(std::size_t n) noexcept { size_ = detail::min_of(size_, n); }
  /// Drops the bytes and gives all memory back.
  void shrink() noexcept { byte_string().swap(*this); }
  /// Drops the bytes, and overwrites all memory that it keeps with zeros, which the optimiser may
  /// not remove. Complexity: O(capacity).
  void wipe() noexcept {
    if (capacity_ != 0) detail::secure_zero(data_, capacity_);
    clear();
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// The number of bytes that fit behind the content without growth.
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - size_; }

  friend bool operator==(const byte_string& a, const byte_string& b) noexcept {
    return a.view() == b.view();
  }

 private:
  void allocate(std::size_t capacity) {
    if (capacity > detail::max_size) {
      detail::throw_length("capacity", capacity, "must be at most", detail::max_size);
    }
    data_ = new std::byte[capacity];
    capacity_ = capacity;
  }
  TARN_COLD void replace(std::size_t capacity) {
    byte_string fresh;
    fresh.allocate(capacity);
    fresh.swap(*this);
  }
  [[nodiscard]] byte_string copy_with(std::size_t capacity) const {
    byte_string made;
    made.allocate(capacity);
    made.assign(bytes());
    return made;
  }
  void copy(std::span<const std::byte> from, std::size_t to) noexcept {
    detail::move_bytes(data_ + to, from.data(), from.size());
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Names and values in the order in which they were added. A name may occur more than once, as in
/// Kafka. All of them are in one block of bytes, so a reset keeps all memory.
///
/// Thread safety: as an `int`.
class header_list {
  /// The lengths that precede each name and its value.
  struct lengths {
    std::uint32_t name;
    std::uint32_t value;
  };

 public:
  /// One header. It is valid until the list changes.
  struct header {
    std::string_view name;
    std::span<const std::byte> value;

    [[nodiscard]] std::string_view text() const noexcept {
      return {reinterpret_cast<const char*>(value.data()), value.size()};
    }
  };

  class iterator {
   public:
    using value_type = header;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    [[nodiscard]] header operator*() const noexcept {
      const auto n = read();
      const std::byte* const name = at_ + sizeof n;
      return {{reinterpret_cast<const char*>(name), n.name}, {name + n.name, n.value}};
    }
    /// The result of `operator->`: a header that is made on demand.
    struct arrow {
      header shown;
      [[nodiscard]] const header* operator->() const noexcept { return &shown; }
    };
    [[nodiscard]] arrow operator->() const noexcept { return {**this}; }
    iterator& operator++() noexcept {
      const auto n = read();
      at_ += sizeof n + n.name + n.value;
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator&, const iterator&) noexcept = default;

   private:
    friend class header_list;
    explicit iterator(const std::byte* at) noexcept : at_(at) {}
    [[nodiscard]] lengths read() const noexcept {
      lengths n;
      std::memcpy(&n, at_, sizeof n);  // names and values have any length, so this is unaligned
      return n;
    }
    const std::byte* at_ = nullptr;
  };

  /// Adds a header. Name and value may be part of this list.
  /// Throws: `std::bad_alloc`; `std::length_error` for a name or a value of 4 GiB or more.
  ///   The list is unchanged then.
  void add(std::string_view name, std::span<const std::byte> value) {
    const auto n = lengths_of(name, value);
    const auto both = size_of(n);
    if (both > bytes_.room()) [[unlikely]] {
      byte_string grown = bytes_.grown_for(both);
      write(grown.extend(both), n, name, value);  // the old bytes may be the source
      grown.swap(bytes_);
    } else {
      write(bytes_.extend(both), n, name, value);
    }
    ++count_.value;
  }
  void add(std::string_view name, std::string_view value) {
    add(name, std::as_bytes(std::span(value)));
  }

  /// Gives the name this one value, as a map does: the first header of that name gets it, in its
  /// place, and the others of that name go. Adds a header if there is no such name. Name and value
  /// may be part of this list.
  ///
  /// Returns: true if the name was there. Throws: as `add`. Complexity: O(bytes of the list). It
  /// allocates only if the list has no room, or if name or value are part of it.
  bool set(std::string_view name, std::span<const std::byte> value) {
    const auto n = lengths_of(name, value);
    const auto both = size_of(n);
    const auto first = find(name);
    if (first == end()) {
      add(name, value);
      return false;
    }
    const auto offset = static_cast<std::size_t>(first.at_ - bytes_.data());
    std::size_t freed = 0;
    std::size_t matches = 0;
    for (auto at = first; at != end(); ++at) {
      if ((*at).name != name) continue;
      freed += size_of(at.read());
      ++matches;
    }
    const bool fits = both <= bytes_.room() + freed;
    if (fits && !has_part(name.data()) && !has_part(value.data())) {
      replace(bytes_, offset, n, name, value);
    } else {
      // In a copy: the old bytes may be the source.
      byte_string made;
      if (fits) {
        made.reserve(bytes_.capacity());
        made.assign(std::as_const(bytes_).bytes());
      } else {
        made = bytes_.grown_for(both - freed);
      }
      replace(made, offset, n, name, value);
      made.swap(bytes_);
    }
    count_.value -= matches - 1;
    return true;
  }
  bool set(std::string_view name, std::string_view value) {
    return set(name, std::as_bytes(std::span(value)));
  }

  /// Removes all headers of that name, which may be part of this list. Keeps the memory.
  /// Returns: their number. Throws: `std::bad_alloc` for a name of more than 256 bytes that is part
  ///   of this list; the list is unchanged then. Complexity: O(bytes of the list).
  std::size_t erase(std::string_view name) {
    const auto first = find(name);
    if (first == end()) return 0;
    char on_stack[256];
    std::string on_heap;
    if (has_part(name.data())) {  // its bytes move
      if (name.size() <= sizeof on_stack) {
        name.copy(on_stack, name.size());
        name = {on_stack, name.size()};
      } else {
        name = on_heap.assign(name);
      }
    }
    const auto before = count_.value;
    compact(bytes_, static_cast<std::size_t>(first.at_ - bytes_.data()), name,
            [this] { --count_.value; });
    return before - count_.value;
  }
  /// Removes one header. Returns: the next one. Preconditions: `at` is not `end()`.
  /// Complexity: O(bytes behind it).
  iterator erase(iterator at) noexcept {
    const auto offset = static_cast<std::size_t>(at.at_ - bytes_.data());
    const auto size = size_of(at.read());
    std::byte* const place = bytes_.bytes().data() + offset;
    const auto rest = bytes_.size() - offset - size;
    detail::move_bytes(place, place + size, rest);
    bytes_.truncate(offset + rest);
    --count_.value;
    return iterator(place);
  }

  /// Returns: the first header of that name, or `end()`. Complexity: O(size).
  [[nodiscard]] iterator find(std::string_view name) const noexcept {
    iterator at = begin();
    while (at != end() && (*at).name != name)
      ++at;
    return at;
  }

  [[nodiscard]] iterator begin() const noexcept { return iterator(bytes_.bytes().data()); }
  [[nodiscard]] iterator end() const noexcept {
    return iterator(bytes_.bytes().data() + bytes_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return count_.value; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  void clear() noexcept {
    bytes_.clear();
    count_.value = 0;
  }
  /// Drops the headers and gives all memory back.
  void shrink() noexcept {
    bytes_.shrink();
    count_.value = 0;
  }
  /// Drops the headers, and overwrites their memory. See `byte_string::wipe`.
  void wipe() noexcept {
    bytes_.wipe();
    count_.value = 0;
  }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return bytes_.capacity(); }

  friend bool operator==(const header_list& a, const header_list& b) noexcept {
    return a.bytes_ == b.bytes_;
  }

 private:
  [[nodiscard]] static std::size_t size_of(const lengths& n) noexcept {
    return sizeof n + n.name + n.value;
  }
  /// Throws: `std::length_error` for 4 GiB or more.
  [[nodiscard]] static lengths lengths_of(std::string_view name, std::span<const std::byte> value) {
    constexpr std::size_t most = (std::numeric_limits<std::uint32_t>::max)();
    if (detail::max_of(name.size(), value.size()) > most) [[unlikely]] {
      detail::throw_length("header bytes", detail::max_of(name.size(), value.size()),
                           "must be at most", most);
    }
    const lengths n{static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())};
    static_cast<void>(detail::sum_of(sizeof n + name.size(), value.size(), "header bytes"));
    return n;
  }
  /// Whether `p` points into the bytes of this list.
  [[nodiscard]] bool has_part(const void* p) const noexcept {
    // As numbers: pointers into other memory have no order. Below the begin this wraps.
    return reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(bytes_.data()) <
           bytes_.size();
  }
  /// Removes the headers of that name from `offset` on, and calls `removed()` for each. The name is
  /// not part of `in`.
  template <class Removed>
  static void compact(byte_string& in, std::size_t offset, std::string_view name,
                      Removed&& removed) noexcept {
    std::byte* const begin = in.bytes().data();
    std::size_t kept = offset;
    for (iterator at(begin + offset); at.at_ != begin + in.size();) {
      const std::byte* const from = at.at_;
      const auto size = size_of(at.read());
      const bool goes = (*at).name == name;
      at.at_ += size;  // before the bytes move
      if (goes) {
        removed();
        continue;
      }
      detail::move_bytes(begin + kept, from, size);
      kept += size;
    }
    in.truncate(kept);
  }
  /// Replaces the header at `offset`, and removes the other ones of its name behind it.
  /// Preconditions: `in` has room for it; name and value are not part of `in`.
  static void replace(byte_string& in, std::size_t offset, const lengths& n, std::string_view name,
                      std::span<const std::byte> value) {
    const auto before = size_of(iterator(in.bytes().data() + offset).read());
    const auto after = size_of(n);
    compact(in, offset + before, name, [] {});
    const auto rest = in.size() - offset - before;
    if (after > before) in.extend(after - before);
    std::byte* const place = in.bytes().data() + offset;
    detail::move_bytes(place + after, place + before, rest);
    in.truncate(offset + after + rest);
    write(place, n, name, value);
  }
  static void write(std::byte* at, const lengths& n, std::string_view name,
                    std::span<const std::byte> value) noexcept {
    std::memcpy(at, &n, sizeof n);
    at += sizeof n;
    detail::move_bytes(at, std::as_bytes(std::span(name)).data(), name.size());
    detail::move_bytes(at + name.size(), value.data(), value.size());
  }

  byte_string bytes_;
  detail::zero_when_moved<std::size_t> count_;
};

/// A message. `Value` is a `byte_string`, or any other type that a pool can reset. With a
/// `shared_buffer` the bytes are not copied, and `reset` drops the reference.
///
/// Thread safety: as an `int`.
template <class Value>
struct basic_message {
  std::uint64_t id = 0;
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  byte_string key{};
  Value value{};
  header_list headers{};
  std::int64_t timestamp = 0;
  std::uint32_t checksum = 0;

  /// Gives every field its initial value. Strings, key, value and headers keep their memory.
  void reset() noexcept(noexcept(reset_object{}(std::declval<Value&>()))) {
    id = 0;
    topic.clear();
    partition = 0;
    offset = 0;
    key.clear();
    reset_object{}(value);
    headers.clear();
    timestamp = 0;
    checksum = 0;
  }

  /// As `reset`, and overwrites all memory that it keeps. See `byte_string::wipe`.
  void wipe() noexcept
    requires(detail::can_wipe<Value>)
  {
    id = 0;
    detail::wipe(topic);
    partition = 0;
    offset = 0;
    key.wipe();
    detail::wipe(value);
    headers.wipe();
    timestamp = 0;
    checksum = 0;
  }

  /// The number of bytes of memory that it keeps, used or not.
  [[nodiscard]] std::size_t kept_bytes() const noexcept {
    return held_by(topic) + key.capacity() + detail::kept_bytes(value) + headers.kept_bytes();
  }

  /// Drops each of topic, key, value and headers that keeps more than a quarter of `most` bytes,
  /// and gives its memory back. Together they keep at most `most` bytes then.
  void shrink(std::size_t most) noexcept {
    const auto part = most / 4;
    if (held_by(topic) > part) std::string().swap(topic);
    if (key.capacity() > part) key.shrink();
    if (detail::kept_bytes(value) > part) {
      if constexpr (requires { value.shrink(); }) {
        value.shrink();
      } else {
        // Not an assignment: that could keep the memory.
        static_assert(std::is_nothrow_default_constructible_v<Value>,
                      "basic_message: a Value that holds memory needs shrink() noexcept, or a "
                      "default constructor that does not throw");
        value.~Value();
        ::new (static_cast<void*>(&value)) Value();
      }
    }
    if (headers.kept_bytes() > part) headers.shrink();
  }

 private:
  /// The memory of a string. A short string has no memory beside itself.
  [[nodiscard]] static std::size_t held_by(const std::string& s) noexcept {
    return s.capacity() > std::string().capacity() ? s.capacity() : 0;
  }
};

}  // namespace tarn
