// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/shared/high_water.hpp>
#include <tarn/detail/shared/waiting_lines.hpp>

namespace tarn::detail {

/// The source of a core with a meter. The bytes that the core holds of it, slabs and large blocks
/// together, never exceed the limit. `Leaving::on_memory` hears of memory before it goes back.
template <class Env, class Source, class Leaving>
class metered_source {
 public:
  metered_source(Source source, std::size_t limit_bytes)
      : limit_(limit_bytes), source_(std::move(source)) {}
  metered_source(const metered_source&) = delete;
  metered_source& operator=(const metered_source&) = delete;

  /// Returns: null if the limit or the source is exhausted; `has_room_for` tells which. If it was
  /// the source, requests may have met the bytes that it was asked for: `waiting.call(no_line)` has
  /// to follow.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    std::size_t held = 0;
    if (!reserve(bytes, held)) return nullptr;
    try {
      if (void* const memory = source_.allocate(bytes, alignment)) {
        peak_.note(held);
        return memory;
      }
    } catch (...) {  // the caller sees null and reports the reason itself
    }
    undo(bytes);
    return nullptr;
  }
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
    deallocate_unheard(memory, bytes, alignment);
    waiting.call(waiting.no_line);
  }
  /// The same for a thread that others wait for, or that holds what a call may need: a call may
  /// resume a coroutine, which runs inside it. `waiting.call(no_line)` has to follow.
  void deallocate_unheard(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
    Leaving::on_memory(memory, bytes);
    source_.deallocate(memory, bytes, alignment);
    undo(bytes);  // after: else it could exceed the limit
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
  /// The most bytes that were held at once. It counts what other threads asked the source for at
  /// that moment, even if they did not get it, and never exceeds the limit.
  [[nodiscard]] std::size_t most_held() const noexcept { return peak_.most(); }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Whether the limit leaves room for `bytes` more bytes at this moment.
  [[nodiscard]] bool has_room_for(std::size_t bytes) const noexcept { return fits(held(), bytes); }

  /// To be called by a request that entered its line, before it looks for memory.
  void announce() noexcept {
    // (1) Both are read-modify-writes, so one comes first. If it is this one, (2) reads what it
    // wrote, and sees the request. If not, the look sees the memory that came back.
    held_.fetch_add(0, std::memory_order::acq_rel);
  }
  /// The requests that wait for memory. They live as long as the source.
  waiting_lines<Env> waiting;

 private:
  void undo(std::size_t bytes) noexcept {
    held_.fetch_sub(bytes, std::memory_order::acq_rel);  // (2) pairs with (1)
  }
  [[nodiscard]] bool fits(std::size_t held, std::size_t bytes) const noexcept {
    return bytes <= limit_ && held <= limit_ - bytes;
  }
  /// Sets `held` to the bytes that are held with these.
  [[nodiscard]] bool reserve(std::size_t bytes, std::size_t& held) noexcept {
    held = held_.load(std::memory_order::relaxed);  // all relaxed: it guards no other memory
    do {
      if (!fits(held, bytes)) return false;
    } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order::relaxed,
                                          std::memory_order::relaxed));
    held += bytes;
    return true;
  }

  typename Env::template atomic<std::size_t> held_{0};
  high_water<Env, std::size_t> peak_;
  std::size_t limit_;  // immutable
  TARN_NO_UNIQUE_ADDRESS Source source_;
};

}  // namespace tarn::detail
