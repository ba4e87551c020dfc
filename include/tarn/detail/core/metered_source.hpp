// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// The source of a core with a meter. The bytes that the core holds of it, slabs and large blocks
/// together, never exceed the limit.
template <class Env, class Source>
class metered_source {
 public:
  metered_source(Source source, std::size_t limit_bytes)
      : limit_(limit_bytes), source_(std::move(source)) {}
  metered_source(const metered_source&) = delete;
  metered_source& operator=(const metered_source&) = delete;

  /// Returns: null if the limit or the source is exhausted; `has_room_for` tells which.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    if (!reserve(bytes)) return nullptr;
    try {
      if (void* const memory = source_.allocate(bytes, alignment)) return memory;
    } catch (...) {  // the caller sees null and reports the reason itself
    }
    held_.fetch_sub(bytes, std::memory_order::relaxed);
    return nullptr;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
    source_.deallocate(memory, bytes, alignment);
    held_.fetch_sub(bytes, std::memory_order::relaxed);  // after: else it could exceed the limit
  }
  void trim() noexcept
    requires requires(Source& source) { requires noexcept(source.trim()); }
  {
    source_.trim();
  }

  [[nodiscard]] const Source& metered() const noexcept { return source_; }
  [[nodiscard]] std::size_t held() const noexcept {
    return held_.load(std::memory_order::relaxed);  // a statistic
  }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Whether the limit leaves room for `bytes` more bytes at this moment.
  [[nodiscard]] bool has_room_for(std::size_t bytes) const noexcept { return fits(held(), bytes); }

 private:
  [[nodiscard]] bool fits(std::size_t held, std::size_t bytes) const noexcept {
    return bytes <= limit_ && held <= limit_ - bytes;
  }
  [[nodiscard]] bool reserve(std::size_t bytes) noexcept {
    auto held = held_.load(std::memory_order::relaxed);  // all relaxed: it guards no other data
    do {
      if (!fits(held, bytes)) return false;
    } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order::relaxed,
                                          std::memory_order::relaxed));
    return true;
  }

  typename Env::template atomic<std::size_t> held_{0};
  std::size_t limit_;  // immutable
  TARN_NO_UNIQUE_ADDRESS Source source_;
};

}  // namespace tarn::detail
