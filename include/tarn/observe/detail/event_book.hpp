// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <tarn/detail/base/guard.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/pool_watch.hpp>
#include <tarn/value/event.hpp>

namespace tarn::detail {

/// What a log is, for all that write into it: it lives as long as one of them.
///
/// The heap may be a pool that the log watches. So memory is taken before the lock, and goes after
/// it.
struct event_book {
  fork_lock lock;
  std::map<std::uint64_t, std::shared_ptr<const event>> kept;  // this and the next two: lock
  std::uint64_t total = 0;                                     // the number of the newest
  std::shared_ptr<const std::function<void(const event&)>> sink;
  std::size_t capacity = 0;  // immutable
  std::atomic<bool> verbose{false};
  std::atomic<std::uint64_t> failures{0};

  /// Tells the sink; keeps the event if it is to be kept. Returns: false if the sink threw.
  bool add(const event& e, bool keeps) {
    if (keeps) keep(e);
    return tell(e);
  }

  /// Returns: its number, from 1 on.
  std::uint64_t keep(const event& e) {
    auto node = node_of<decltype(kept)>(std::make_shared<const event>(e));
    decltype(node) oldest;  // goes after the lock
    const guard hold(lock);
    node.key() = ++total;
    kept.insert(kept.end(), std::move(node));
    if (kept.size() > capacity) oldest = kept.extract(kept.begin());
    return total;
  }
  /// Writes `e` in the place of event `number`, unless that tells of more ticks. Returns: false if
  /// that is not kept any more.
  bool replace(std::uint64_t number, const event& e) {
    auto made = std::make_shared<const event>(e);
    const guard hold(lock);
    const auto place = kept.find(number);
    if (place == kept.end()) return false;
    if (place->second->ticks <= e.ticks) place->second.swap(made);
    return true;
  }
  /// Returns: a copy of event `number`, absent if it is not kept any more.
  [[nodiscard]] std::optional<event> copy(std::uint64_t number) {
    std::shared_ptr<const event> found;
    {
      const guard hold(lock);
      if (const auto place = kept.find(number); place != kept.end()) found = place->second;
    }
    return found != nullptr ? std::optional<event>(*found) : std::nullopt;
  }
  /// Copies of all, oldest first; of those that come or go meanwhile, the ones that are met.
  [[nodiscard]] std::vector<event> copies() {
    std::vector<event> made;
    const auto last = locked(lock, [&] { return total; });
    for (std::uint64_t next = 0; next <= last;) {
      std::shared_ptr<const event> some[at_once];
      std::size_t count = 0;
      {
        const guard hold(lock);
        auto at = kept.lower_bound(next);
        for (; count != at_once && at != kept.end() && at->first <= last; ++at) {
          some[count++] = at->second;
          next = at->first + 1;
        }
      }
      if (count == 0) break;
      for (std::size_t i = 0; i != count; ++i)
        made.push_back(*some[i]);
    }
    return made;
  }

  /// Remembers a watch. Complexity: O(log of the watches); it looks at two others, so that those
  /// that have ended are forgotten as fast as new ones come.
  void add(const std::shared_ptr<watch_link>& link) {
    auto node = node_of<decltype(links_)>(link);
    decltype(node) ended[2];  // go after the lock
    const guard hold(lock);
    for (auto& place : ended) {
      auto at = links_.upper_bound(looked_at_);
      if (at == links_.end()) at = links_.begin();
      if (at == links_.end()) break;
      looked_at_ = at->first;
      if (at->second.expired()) place = links_.extract(at);
    }
    node.key() = ++last_link_;
    links_.insert(links_.end(), std::move(node));
  }
  /// The pools ask their observers anew what they want.
  void heed_all() {
    std::uint64_t last = 0;
    for (bool more = true; more;) {
      std::shared_ptr<watch_link> some[at_once];
      {
        const guard hold(lock);
        auto at = links_.upper_bound(last);
        for (std::size_t i = 0; i != at_once && at != links_.end(); ++i, ++at) {
          some[i] = at->second.lock();
          last = at->first;
        }
        more = at != links_.end();
      }
      for (const auto& link : some) {
        if (link != nullptr) link->heed();
      }
    }
  }

  /// Returns: false if the sink threw.
  bool tell(const event& e) {
    std::shared_ptr<const std::function<void(const event&)>> told;
    {
      const guard hold(lock);
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
  // What is copied while the lock is held.
  static constexpr std::size_t at_once = 64;

  /// A node of a map, so that the insertion needs no heap.
  template <class Map, class Value>
  [[nodiscard]] static typename Map::node_type node_of(Value&& value) {
    Map one;
    one.emplace(0, std::forward<Value>(value));
    return one.extract(one.begin());
  }

  std::map<std::uint64_t, std::weak_ptr<watch_link>> links_;  // this and the next two: lock
  std::uint64_t last_link_ = 0;
  std::uint64_t looked_at_ = 0;
};

}  // namespace tarn::detail
