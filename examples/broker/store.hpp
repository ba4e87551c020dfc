// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "memory.hpp"

namespace broker {

/// Finds texts of a pool by any text.
struct text_hash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};

/// Containers whose memory is `Memory`'s.
template <class Memory>
struct containers {
  template <class T>
  using allocator = typename Memory::template allocator<T>;
  using shared_buffer = typename Memory::shared_buffer;
  using text = std::basic_string<char, std::char_traits<char>, allocator<char>>;
  template <class T>
  using map =
      std::unordered_map<text, T, text_hash, std::equal_to<>, allocator<std::pair<const text, T>>>;
  using set = std::unordered_set<text, text_hash, std::equal_to<>, allocator<text>>;
  using list = std::deque<shared_buffer, allocator<shared_buffer>>;
  using hash = map<shared_buffer>;
};

/// Keys and their values. Thread safety: as an `int`.
template <class Memory>
class store {
  using types = containers<Memory>;

 public:
  using text = typename types::text;
  using string = typename types::shared_buffer;
  using list = typename types::list;
  using hash = typename types::hash;
  using set = typename types::set;
  struct value {
    std::variant<string, list, hash, set> data;
    std::int64_t ends = 0;  ///< milliseconds of `now`; 0: never
  };

  explicit store(Memory& m) : memory_(m), values_(m.store) {}

  /// Milliseconds of a clock that never goes back.
  [[nodiscard]] static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  /// Returns: null if there is no such key, or if its time is over.
  [[nodiscard]] value* find(std::string_view key) {
    const auto at = values_.find(key);
    if (at == values_.end()) return nullptr;
    if (at->second.ends == 0 || at->second.ends > now()) return &at->second;
    values_.erase(at);
    return nullptr;
  }
  /// Takes `data` in place of what the key has, if it has something.
  void set_data(std::string_view key, string data, std::int64_t ends) {
    if (const auto at = values_.find(key); at != values_.end()) {
      at->second.data = std::move(data);
      at->second.ends = ends;
    } else {
      values_.try_emplace(text(key, memory_.store), value{std::move(data), ends});
    }
  }
  /// Adds an empty container. Preconditions: there is no such key.
  template <class Container>
  [[nodiscard]] value& add(std::string_view key) {
    return values_.try_emplace(text(key, memory_.store), value{Container(memory_.store), 0})
        .first->second;
  }
  [[nodiscard]] string copy(std::string_view bytes) { return share_copy(memory_.store, bytes); }
  bool erase(std::string_view key) {
    if (find(key) == nullptr) return false;
    values_.erase(values_.find(key));
    return true;
  }
  void clear() { values_ = typename types::template map<value>(memory_.store); }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

  /// Erases what is over among the next keys, and goes on behind them with the next call.
  void sweep(std::size_t buckets) {
    const auto time = now();
    for (; buckets != 0 && values_.bucket_count() != 0; --buckets, ++next_bucket_) {
      if (next_bucket_ >= values_.bucket_count()) next_bucket_ = 0;
      for (auto at = values_.begin(next_bucket_); at != values_.end(next_bucket_);) {
        const auto& [key, held] = *at;
        ++at;
        if (held.ends != 0 && held.ends <= time) values_.erase(values_.find(std::string_view(key)));
      }
    }
  }

  [[nodiscard]] Memory& memory() noexcept { return memory_; }

 private:
  Memory& memory_;
  typename types::template map<value> values_;
  std::size_t next_bucket_ = 0;
};

}  // namespace broker
