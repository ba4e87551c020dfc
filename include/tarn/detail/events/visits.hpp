// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Lets threads use an object that another thread may end: the end waits until no visit is left.
///
/// It must outlive the object. One word: a bit for "gone", and the number of visits.
template <class Env>
class visits {
 public:
  /// Begins a visit. Returns: false if the object is gone, or about to go; else the object stays
  /// until `leave`.
  [[nodiscard]] bool try_enter() noexcept {
    auto now = word_.load(std::memory_order::relaxed);  // only a guess; the exchange decides
    while ((now & gone_bit) == 0) {
      // relaxed: finding the object made sure that it is complete, and its end waits.
      if (word_.compare_exchange_weak(now, now + 1, std::memory_order::relaxed,
                                      std::memory_order::relaxed)) {
        return true;
      }
    }
    return false;
  }

  void leave() noexcept {
    // (1) release, pairs with (2): what a visit did happens before the end.
    if (word_.fetch_sub(1, std::memory_order::release) == (gone_bit | 1)) Env::notify_all(word_);
  }

  /// Admits no more visits and waits until all visits are over. To be called once, by a thread that
  /// is not in a visit itself.
  void end() noexcept {
    auto now = word_.fetch_add(gone_bit, std::memory_order::acquire) + gone_bit;  // (2)
    while (now != gone_bit) {
      Env::wait(word_, now);
      now = word_.load(std::memory_order::acquire);  // (2)
    }
  }

  [[nodiscard]] bool ended() const noexcept {
    return (word_.load(std::memory_order::relaxed) & gone_bit) != 0;  // a hint
  }

  /// In a fork's child: the threads that were in a visit are not there.
  void forget() noexcept {
    // relaxed: one thread is left.
    word_.store(word_.load(std::memory_order::relaxed) & gone_bit, std::memory_order::relaxed);
  }

 private:
  static constexpr std::uint32_t gone_bit = std::uint32_t{1} << 31;

  typename Env::template atomic<std::uint32_t> word_{0};
};

}  // namespace tarn::detail
