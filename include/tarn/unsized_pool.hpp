// SPDX-License-Identifier: MIT
//
// unsized_pool: buffers of a size that is not known beforehand.
//
//   tarn::unsized_pool<> pool;
//   auto b = pool.get();              // empty, with room for 4 KiB
//   auto c = pool.get(100'000);       // empty, with room for 100,000 bytes
//   pool.append(b, "some text");      // grows by doubling
//   pool.put(std::move(b));           // kept for reuse up to 16 MiB

#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/base/first_use.hpp>
#include <tarn/fwd.hpp>

namespace tarn {

/// A byte_pool for buffers of a size that is not known beforehand: tiers from 4 KiB to 16 MiB
/// behind one `get()`.
///
/// A buffer that grew comes back to its own tier, so a small request never gets, and never keeps,
/// a block that was grown to 16 MiB. Memory above 16 MiB goes back to the source.
///
/// Thread safety: as byte_pool.
template <class Lock, class Stats, class Check, class Source>
class unsized_pool {
 public:
  static constexpr std::size_t first_bytes = std::size_t{4} << 10;
  static constexpr std::size_t last_bytes = std::size_t{16} << 20;

  using pool_type =
      byte_pool<Lock, Stats, traits<power_of_two_tiers<first_bytes, last_bytes>, Check, Source>>;
  using buffer = typename pool_type::buffer;

  /// Throws: as the constructor of byte_pool.
  // (Both constructors are templates: if a class is instantiated explicitly, clang 14 also
  // instantiates members whose constraints do not hold.)
  template <std::default_initializable S = Source>
  unsized_pool() : unsized_pool(options{}) {}
  template <std::default_initializable S = Source>
  explicit unsized_pool(options o) : unsized_pool(std::move(o), S()) {}
  explicit unsized_pool(options o, Source source) : pool_(std::move(o), {}, std::move(source)) {}

  /// Gets an empty buffer with room for `room` bytes, and for 4 KiB. Throws: as `byte_pool::get`.
  [[nodiscard]] buffer get(std::size_t room = 0) { return emptied(pool_.get(room)); }
  /// As `get`, but returns an empty handle instead of throwing.
  [[nodiscard]] buffer try_get(std::size_t room = 0) noexcept {
    return emptied(pool_.try_get(room));
  }

  /// As `byte_pool::get_for` and `get_until`, for an empty buffer with that room, and with room for
  /// 4 KiB.
  [[nodiscard]] buffer get_for(time_span at_most) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    return get_for(0, at_most);
  }
  [[nodiscard]] buffer get_for(std::size_t room, time_span at_most) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    // clang 14 makes this member also where its constraint does not hold, if a pool is instantiated
    // explicitly.
    if constexpr (can_wait_for_other_threads<Lock>) return emptied(pool_.get_for(room, at_most));
    return {};
  }
  [[nodiscard]] buffer get_until(time_span deadline) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    return get_until(0, deadline);
  }
  [[nodiscard]] buffer get_until(std::size_t room, time_span deadline) noexcept
    requires can_wait_for_other_threads<Lock>
  {
    if constexpr (can_wait_for_other_threads<Lock>) {
      return emptied(pool_.get_until(room, deadline));
    }
    return {};
  }

  /// Makes room for at least `capacity` bytes. Grows to at least twice the capacity, and keeps the
  /// content.
  ///
  /// Throws: as `byte_pool::get`; the buffer is unchanged then.
  void reserve(buffer& b, std::size_t capacity) {
    if (b && capacity <= b.capacity()) return;
    const auto doubled = b.capacity() <= detail::max_size / 2 ? 2 * b.capacity() : capacity;
    buffer larger = pool_.get((std::max)({capacity, doubled, first_bytes}));
    larger.resize(b.size());
    if (!b.empty()) std::memcpy(larger.data(), b.data(), b.size());
    b = std::move(larger);
  }

  /// Appends `bytes`, and grows if needed. They may be part of `b` itself.
  /// Throws: as `reserve`, and `std::length_error` if the sum overflows.
  void append(buffer& b, std::span<const std::byte> bytes) {
    if (bytes.size() > detail::max_size - b.size()) {
      detail::throw_length("appended size", bytes.size(), "must be at most",
                           detail::max_size - b.size());
    }
    const auto size = b.size();
    buffer keep;  // holds the old block until its bytes are copied
    if (!b || size + bytes.size() > b.capacity()) {
      const auto doubled = size <= detail::max_size / 2 ? 2 * size : 0;
      buffer larger = pool_.get((std::max)({size + bytes.size(), doubled, first_bytes}));
      larger.resize(size);
      if (size != 0) std::memcpy(larger.data(), b.data(), size);
      keep = std::exchange(b, std::move(larger));
    }
    b.resize(size + bytes.size());
    if (!bytes.empty()) std::memmove(b.data() + size, bytes.data(), bytes.size());
  }
  void append(buffer& b, std::string_view text) { append(b, std::as_bytes(std::span(text))); }

  /// Gives a buffer back. Ignores an empty handle.
  void put(buffer&& b) noexcept { b.reset(); }

  /// The byte_pool behind it, for everything else.
  [[nodiscard]] pool_type& sized() noexcept { return pool_; }
  [[nodiscard]] const pool_type& sized() const noexcept { return pool_; }

 private:
  [[nodiscard]] static buffer emptied(buffer b) noexcept {
    auto raw = std::move(b).to_raw();
    raw.size = 0;  // not by a resize: no byte of it was used, so none needs zeroing
    return buffer::from_raw(raw);
  }

  pool_type pool_;
};

/// The default unsized pool of the program. Never destroyed, as `default_pool`.
[[nodiscard]] TARN_FORCE_INLINE unsized_pool<>& default_unsized_pool() {
  return detail::first_use<unsized_pool<>>::get([](void* memory) {
    return ::new (memory) unsized_pool<>(options{.name = "default unsized"});
  });
}

}  // namespace tarn
