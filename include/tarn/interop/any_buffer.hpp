// SPDX-License-Identifier: MIT
//
// any_buffer: one type for the buffers of all pools, for interfaces between modules.
//
//   void send(tarn::any_buffer bytes);            // one signature for every pool
//   send(pool.get(100));
//   send(shared.retain());
//
// It works across shared libraries with their own copies of tarn: the owner brings the function
// that gives its bytes back.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/buffer.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/writing/content.hpp>
#include <tarn/shared_buffer.hpp>

namespace tarn {

/// The move-only owner of the bytes of a buffer or a shared buffer of any pool.
///
/// 48 bytes. A release is one indirect call, to code of the module that made the `any_buffer`,
/// which stays loaded. The bytes are writable if they came from a unique owner
/// (`is_writable`). Thread safety: as the handle that it was made from.
class any_buffer {
 public:
  using value_type = std::byte;

  constexpr any_buffer() noexcept = default;
  /// Takes over the block of a unique owner. Implicit: every buffer converts.
  template <class Lock, class Stats, class Traits>
  any_buffer(basic_buffer<Lock, Stats, Traits>&& owner) noexcept {
    using owner_type = basic_buffer<Lock, Stats, Traits>;
    const auto raw = std::move(owner).to_raw();
    if (raw.owner == nullptr) return;
    detail::keep_this_module();
    data_ = static_cast<std::byte*>(raw.data);
    size_ = raw.size;
    capacity_ = raw.capacity;
    owner_ = raw.owner;
    is_writable_ = true;
    give_back_ = [](const any_buffer& b) noexcept {
      owner_type::from_raw({b.data_, b.size_, b.capacity_, b.owner_}).reset();
    };
  }
  /// Takes over one reference. Implicit: every shared buffer converts.
  template <class Lock, class Stats, class Traits>
  any_buffer(basic_shared_buffer<Lock, Stats, Traits> owner) noexcept {
    using owner_type = basic_shared_buffer<Lock, Stats, Traits>;
    const auto raw = std::move(owner).to_raw();
    if (raw.data == nullptr && raw.node == nullptr) return;
    detail::keep_this_module();
    data_ = const_cast<std::byte*>(raw.data);  // never written: is_writable_ stays false
    size_ = capacity_ = raw.size;
    owner_ = raw.node;
    give_back_ = [](const any_buffer& b) noexcept {
      owner_type::from_raw({b.data_, b.size_, b.owner_}).release();
    };
  }
  any_buffer(any_buffer&& other) noexcept { swap(other); }
  any_buffer& operator=(any_buffer&& other) noexcept {
    any_buffer taken = std::move(other);
    swap(taken);
    return *this;
  }
  ~any_buffer() {
    if (give_back_ != nullptr) give_back_(*this);
  }

  void swap(any_buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(owner_, other.owner_);
    std::swap(give_back_, other.give_back_);
    std::swap(is_writable_, other.is_writable_);
  }
  friend void swap(any_buffer& a, any_buffer& b) noexcept { a.swap(b); }

  /// Gives the bytes back. A second call does nothing.
  void reset() noexcept { any_buffer().swap(*this); }

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return give_back_ != nullptr; }
  [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
  [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  [[nodiscard]] bool is_writable() const noexcept { return is_writable_; }
  /// Returns: the writable bytes; empty if they are shared.
  [[nodiscard]] std::span<std::byte> writable_bytes() noexcept {
    return is_writable_ ? std::span<std::byte>{data_, size_} : std::span<std::byte>{};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  void* owner_ = nullptr;
  void (*give_back_)(const any_buffer&) noexcept = nullptr;
  bool is_writable_ = false;
};
template <>
inline constexpr bool detail::has_content<any_buffer> = true;

}  // namespace tarn
