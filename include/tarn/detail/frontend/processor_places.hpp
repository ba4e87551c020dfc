// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/frontend/place_list.hpp>
#include <tarn/detail/system/own_memory.hpp>

namespace tarn::detail {

/// The places of one tier, a list for each processor, made when threads meet at the stack of the
/// tier. Threads that run at the same time use different lists, so they rarely meet again.
template <class Env>
class processor_places {
 public:
  using list = place_list<Env>;

  processor_places() noexcept = default;
  processor_places(const processor_places&) = delete;
  processor_places& operator=(const processor_places&) = delete;

  /// The list of the processor that the thread runs on; null if the lists are not made, or retired.
  [[nodiscard]] TARN_FORCE_INLINE list* nearest() const noexcept {
    std::byte* const first = open_.load(std::memory_order::acquire);  // (3) pairs with (4)
    return first != nullptr ? &at(first, position()) : nullptr;
  }
  /// The lists take no block any more, once `for_each` has sealed them. Under a lock.
  void retire() noexcept {
    open_.store(nullptr, std::memory_order::relaxed);  // a thread that sees it late finds the seals
  }
  [[nodiscard]] bool are_made() const noexcept {
    return first_.load(std::memory_order::acquire) != nullptr;  // (3)
  }
  /// Calls `action(list)` for each list, also for retired ones, the nearest one first.
  template <class Action>
  void for_each(Action&& action) const {
    std::byte* const first = first_.load(std::memory_order::acquire);  // (3)
    if (first == nullptr) return;
    for (std::uint32_t i = 0, nearest = position(); i != count_; ++i)
      action(at(first, (nearest + i) % count_));
  }

  /// Makes lists of `room` places each. No lock is held. `publish(set)` calls `set()` under a lock,
  /// or does not; only one call of `make` ever gets that far.
  template <class Publish>
  void make(const own_memory& own, std::uint32_t room, Publish&& publish) noexcept {
    const auto count = Env::processors();
    const auto each = list::bytes_for(room);
    auto* const made = static_cast<std::byte*>(own.take(count * each, no_sharing_alignment));
    if (made == nullptr) return;
    for (std::uint32_t i = 0; i != count; ++i)
      (::new (made + i * each) list(room))->make_places();
    bool are_used = false;
    publish([&] {
      are_used = true;
      count_ = count;
      each_ = each;
      // (4) release, pairs with (3): a list that is seen is complete.
      first_.store(made, std::memory_order::release);
      open_.store(made, std::memory_order::release);
    });
    if (!are_used) destroy(own, made, count, each);
  }
  /// One thread is left.
  void destroy(const own_memory& own) noexcept {
    destroy(own, first_.load(std::memory_order::relaxed), count_, each_);
  }

 private:
  static void destroy(const own_memory& own, std::byte* first, std::uint32_t count,
                      std::size_t each) noexcept {
    if (first == nullptr) return;
    for (std::uint32_t i = 0; i != count; ++i) {
      void* const found = first + i * each;
      auto* const one = static_cast<list*>(found);
      one->destroy_places();
      one->~list();
    }
    own.give(first, count * each, no_sharing_alignment);
  }
  [[nodiscard]] TARN_FORCE_INLINE list& at(std::byte* first, std::uint32_t i) const noexcept {
    void* const found = first + i * each_;
    return *static_cast<list*>(found);
  }
  [[nodiscard]] TARN_FORCE_INLINE std::uint32_t position() const noexcept {
    const auto now = Env::processor();
    return now < count_ ? now : now % count_;
  }

  typename Env::template atomic<std::byte*> open_{nullptr};   // null again once they are retired
  typename Env::template atomic<std::byte*> first_{nullptr};  // they stay as long as the core
  std::size_t each_ = 0;  // bytes of a list and its places; immutable once `first_` is set
  std::uint32_t count_ = 0;
};

}  // namespace tarn::detail
