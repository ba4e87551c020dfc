// SPDX-License-Identifier: MIT
//
// buffer: the single owner of bytes from a byte_pool.
//
//   tarn::buffer b = pool.get(1500);   // b.size() == 1500, b.capacity() == 2048
//   std::ranges::fill(b.bytes(), std::byte{0});
//   consume(std::move(b));             // the destructor gives it back to its pool
//
// A buffer may outlive its pool and the thread that took it. Its memory stays valid until then.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <tarn/detail/pool/byte_core_fork.hpp>
#include <tarn/detail/pool/byte_core_slow.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/traits.hpp>

namespace tarn {

/// The move-only owner of one block. A default-constructed, released or moved-from buffer is empty:
/// it has no bytes, and every call on it is valid.
///
/// 32 bytes. Thread safety: as an `int`; another thread may take it over and destroy it.
template <class Lock, class Stats, class Traits>
class basic_buffer {
 public:
  using value_type = std::byte;

  constexpr basic_buffer() noexcept = default;
  constexpr basic_buffer(basic_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        core_(std::exchange(other.core_, nullptr)) {}
  TARN_FORCE_INLINE constexpr basic_buffer& operator=(basic_buffer&& other) noexcept {
    if (this == &other) [[unlikely]]
      return *this;
    // Explicit moves instead of a swap: that halves the cost of a burst of handles.
    core_type* const core = core_;
    void* const data = data_;
    const std::size_t size = size_;
    const std::size_t capacity = capacity_;
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    core_ = std::exchange(other.core_, nullptr);
    if (core != nullptr) core->give_owned(data, capacity, size);
    return *this;
  }
  TARN_FORCE_INLINE ~basic_buffer() {
    if (core_ != nullptr) core_->give_owned(data_, capacity_, size_);
  }

  /// Gives the block back, if it owns one. Never fails.
  TARN_FORCE_INLINE void reset() noexcept { *this = basic_buffer(); }

  constexpr void swap(basic_buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(core_, other.core_);
  }
  friend constexpr void swap(basic_buffer& a, basic_buffer& b) noexcept { a.swap(b); }

  [[nodiscard]] constexpr std::byte* data() noexcept { return data_; }
  [[nodiscard]] constexpr const std::byte* data() const noexcept { return data_; }
  /// The requested number of bytes.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  /// The number of usable bytes: the block size of the tier. The bytes from `size()` on are zero if
  /// the pool zeroes on return, else indeterminate.
  [[nodiscard]] constexpr std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  /// True if it owns a block, even one of size zero.
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return core_ != nullptr; }

  [[nodiscard]] constexpr std::byte* begin() noexcept { return data_; }
  [[nodiscard]] constexpr std::byte* end() noexcept { return data_ + size_; }
  [[nodiscard]] constexpr const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr const std::byte* end() const noexcept { return data_ + size_; }
  /// Preconditions: `i < size()`.
  [[nodiscard]] constexpr std::byte& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] constexpr std::byte operator[](std::size_t i) const noexcept { return data_[i]; }

  [[nodiscard]] constexpr std::span<std::byte> bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
    return {data_, size_};
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }

  /// The parts of a handle, for C interfaces. The block stays live until `from_raw` makes a handle
  /// of them again.
  struct raw_type {
    void* data = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
    void* owner = nullptr;
  };
  /// Takes the handle apart. The handle is empty then.
  [[nodiscard]] constexpr raw_type to_raw() && noexcept {
    return {std::exchange(data_, nullptr), std::exchange(size_, 0), std::exchange(capacity_, 0),
            std::exchange(core_, nullptr)};
  }
  /// Makes a handle from its parts. Preconditions: `raw` came from `to_raw` of this type; it is
  /// used only once.
  [[nodiscard]] static constexpr basic_buffer from_raw(const raw_type& raw) noexcept {
    return {raw.data, raw.size, raw.capacity, static_cast<core_type*>(raw.owner)};
  }

  /// Changes the size within the capacity. New bytes are indeterminate unless the pool zeroes.
  /// Under `on_get` new bytes are zero, whatever was written there.
  ///
  /// Throws: `std::length_error`, with both numbers, if `size > capacity()`.
  void resize(std::size_t size) {
    if (size > capacity_) {
      detail::throw_length("buffer size", size, "must be at most the capacity,", capacity_);
    }
    if (size < size_) {
      // A pool that zeroes the used prefix on return would miss the bytes that are cut off here.
      if (core_->zeroing() == zeroing::used_prefix) detail::zero_memory(data_ + size, size_ - size);
    } else if (size > size_ && core_->zeroing() == zeroing::on_get) {
      detail::zero_memory(data_ + size_, size - size_);  // not requested until now
    }
    size_ = size;
  }
  /// Drops the last `n` bytes. Throws: `std::out_of_range`, with the value and the limit.
  void remove_suffix(std::size_t n) {
    if (n > size_) detail::throw_range("bytes to remove", n, "must be at most the size,", size_);
    resize(size_ - n);
  }
  /// Drops all but the first `n` bytes; nothing if there are fewer.
  void truncate(std::size_t n) noexcept {
    if (n < size_) resize(n);
  }

 private:
  friend class byte_pool<Lock, Stats, Traits>;
  friend struct detail::access;
  using core_type = detail::byte_core<detail::byte_config<Lock, Stats, Traits>>;

  /// Gives up ownership of the block.
  [[nodiscard]] constexpr void* detach() noexcept {
    size_ = capacity_ = 0;
    core_ = nullptr;
    return std::exchange(data_, nullptr);
  }

  constexpr basic_buffer(void* data, std::size_t size, std::size_t capacity,
                         core_type* core) noexcept
      : data_(static_cast<std::byte*>(data)), size_(size), capacity_(capacity), core_(core) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  core_type* core_ = nullptr;  // null if and only if there is no block
};
template <class Lock, class Stats, class Traits>
inline constexpr bool detail::has_content<basic_buffer<Lock, Stats, Traits>> = true;

}  // namespace tarn
