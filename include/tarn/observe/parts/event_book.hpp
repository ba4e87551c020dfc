// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <tarn/observe/parts/fork_lock.hpp>
#include <tarn/observe/parts/pool_watch.hpp>
#include <tarn/policy/values/event.hpp>

namespace tarn::detail {

/// What a log is, for all that write into it: it lives as long as one of them.
struct event_book {
  fork_lock lock{fork_lock::rank::inner};
  std::deque<event> events;  // this and the next two: lock
  std::uint64_t total = 0;
  std::shared_ptr<const std::function<void(const event&)>> sink;
  std::vector<std::weak_ptr<watch_link>> links;  // lock
  std::size_t capacity = 0;                      // immutable
  std::atomic<bool> debug{false};
  std::atomic<std::uint64_t> failures{0};

  /// Tells the sink; keeps the event if it is to be kept. Returns: false if the sink threw.
  bool add(const event& e, bool keeps) {
    if (keeps) keep(e);
    return tell(e);
  }

  /// Returns: its number, from 1 on.
  std::uint64_t keep(const event& e) {
    const std::lock_guard hold(lock);
    events.push_back(e);
    if (events.size() > capacity) events.pop_front();
    return ++total;
  }
  /// Writes `e` in the place of event `number`. Returns: false if that is not kept any more.
  bool replace(std::uint64_t number, const event& e) {
    const std::lock_guard hold(lock);
    event* const kept = find(number);
    if (kept != nullptr) *kept = e;
    return kept != nullptr;
  }
  /// Returns: a copy of event `number`, absent if it is not kept any more.
  [[nodiscard]] std::optional<event> copy(std::uint64_t number) {
    const std::lock_guard hold(lock);
    const event* const kept = find(number);
    return kept != nullptr ? std::optional<event>(*kept) : std::nullopt;
  }

  /// Returns: false if the sink threw.
  bool tell(const event& e) {
    std::shared_ptr<const std::function<void(const event&)>> told;
    {
      const std::lock_guard hold(lock);
      told = sink;
    }
    if (told == nullptr) return true;
    try {  // outside the lock: it may ask the log
      (*told)(e);
      return true;
    } catch (...) {
      failures.fetch_add(1, std::memory_order::relaxed);  // a statistic
      return false;
    }
  }

 private:
  /// The lock is held.
  [[nodiscard]] event* find(std::uint64_t number) noexcept {
    const auto forgotten = total - events.size();
    return number > forgotten ? &events[static_cast<std::size_t>(number - forgotten - 1)] : nullptr;
  }
};

}  // namespace tarn::detail
