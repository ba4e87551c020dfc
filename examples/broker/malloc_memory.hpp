// SPDX-License-Identifier: MIT
//
// The same members as pool_memory, on malloc: to compare with, and to run under tools that know
// malloc.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace broker {

/// One allocation: a count of owners, and the bytes behind it.
struct malloc_block {
  std::atomic<std::uint64_t> owners{1};
  std::size_t capacity = 0;

  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] static malloc_block* make(std::size_t capacity) {
    void* const memory = std::malloc(sizeof(malloc_block) + capacity);
    if (memory == nullptr) throw std::bad_alloc();
    auto* const made = ::new (memory) malloc_block;
    made->capacity = capacity;
    return made;
  }
  void drop() noexcept {
    // acq_rel: the last owner frees what all others have read.
    if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1) std::free(this);
  }
};

class malloc_shared_buffer {
 public:
  malloc_shared_buffer() noexcept = default;
  malloc_shared_buffer(malloc_block* block, std::size_t size) noexcept
      : data_(block->bytes()), size_(size), block_(block) {}
  malloc_shared_buffer(const malloc_shared_buffer& other) noexcept
      : data_(other.data_), size_(other.size_), block_(other.block_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  malloc_shared_buffer(malloc_shared_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        block_(std::exchange(other.block_, nullptr)) {}
  malloc_shared_buffer& operator=(malloc_shared_buffer other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(block_, other.block_);
    return *this;
  }
  ~malloc_shared_buffer() {
    if (block_ != nullptr) block_->drop();
  }
  [[nodiscard]] static malloc_shared_buffer of_static(std::string_view text) noexcept {
    malloc_shared_buffer made;
    made.data_ = reinterpret_cast<const std::byte*>(text.data());
    made.size_ = text.size();
    return made;
  }

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  void remove_prefix(std::size_t n) noexcept {
    data_ += n;
    size_ -= n;
  }
  [[nodiscard]] malloc_shared_buffer slice(std::size_t offset, std::size_t size) const noexcept {
    auto part = slice(offset);
    part.size_ = size;
    return part;
  }
  [[nodiscard]] malloc_shared_buffer slice(std::size_t offset) const noexcept {
    auto part = *this;
    part.remove_prefix(offset);
    return part;
  }
  /// Preconditions: there is no other owner; the broker writes only what it has just made.
  [[nodiscard]] std::span<std::byte> make_unique() noexcept { return {block_->bytes(), size_}; }

 private:
  friend class malloc_writer;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  malloc_block* block_ = nullptr;
};

struct malloc_pool {
  using shared_buffer = malloc_shared_buffer;
  [[nodiscard]] static malloc_shared_buffer get_shared(std::size_t size) {
    return {malloc_block::make(size), size};
  }
};

/// As far as the broker uses a fast_buffer.
class malloc_writer {
 public:
  explicit malloc_writer(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}
  malloc_writer(malloc_writer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)),
        most_bytes_(other.most_bytes_) {}
  malloc_writer& operator=(malloc_writer&&) = delete;
  ~malloc_writer() { clear(); }

  [[nodiscard]] std::byte* data() noexcept { return block_ ? block_->bytes() + begin_ : nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::span<std::byte> prepare(std::size_t n) {
    if (block_ == nullptr || block_->capacity - end_ < n) make_room(n);
    return {block_->bytes() + end_, n};
  }
  void commit(std::size_t n) noexcept { end_ += n; }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(prepare(text.size()).data(), text.data(), text.size());
    commit(text.size());
  }
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept {
    if (block_ != nullptr) block_->drop();
    block_ = nullptr;
    begin_ = end_ = 0;
  }
  [[nodiscard]] malloc_shared_buffer detach_shared() noexcept {
    if (empty()) return {};
    malloc_shared_buffer out(std::exchange(block_, nullptr), end_);
    out.remove_prefix(begin_);
    begin_ = end_ = 0;
    return out;
  }
  [[nodiscard]] bool try_attach(malloc_shared_buffer&& b) noexcept {
    if (b.block_ == nullptr || b.block_->owners.load(std::memory_order_acquire) != 1) return false;
    clear();
    begin_ = static_cast<std::size_t>(b.data_ - b.block_->bytes());
    end_ = begin_ + b.size_;
    block_ = std::exchange(b.block_, nullptr);
    return true;
  }

 private:
  void make_room(std::size_t n) {
    const auto held = size();
    if (n > most_bytes_ - held) throw std::length_error("more bytes than may be");
    const auto capacity = std::max({std::size_t{512}, held + n, 2 * held});
    auto* const larger = malloc_block::make(capacity);
    if (held != 0) std::memcpy(larger->bytes(), data(), held);
    clear();
    block_ = larger;
    end_ = held;
  }

  malloc_block* block_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t most_bytes_;
};

template <class T>
struct malloc_allocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = malloc_allocator<U>;
  };
  malloc_allocator(malloc_pool&) noexcept {}
  template <class U>
  malloc_allocator(const malloc_allocator<U>&) noexcept {}
};

struct malloc_memory {
  using pool_type = malloc_pool;
  using shared_buffer = malloc_shared_buffer;
  using writer = malloc_writer;
  template <class T>
  using allocator = malloc_allocator<T>;

  static constexpr std::string_view name = "malloc";

  malloc_pool reads, replies, messages, store;

  [[nodiscard]] static writer make_writer(malloc_pool&, std::size_t most_bytes) {
    return writer(most_bytes);
  }
  static void describe(std::string&) {}
  /// There is no portable way to ask malloc.
  [[nodiscard]] static std::size_t held_bytes() { return 0; }
  static void maintain() {}
  /// malloc keeps no count that it could be told by.
  [[nodiscard]] static bool balance() { return true; }
};

}  // namespace broker
