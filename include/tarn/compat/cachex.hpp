// SPDX-License-Identifier: MIT
//
// The objects of Go-CacheX's pools: cache items, async results, common errors, result channels,
// maps.
//
//   tarn::cache_item_pool<> items({.max_objects = 1000});
//   auto item = items.get();                       // like new
//   item->set("key", "value", std::chrono::minutes(5), now);
//
// They are ready for any object pool. Their reset gives every field its first value (in Go-CacheX
// some fields of a result kept theirs), and keeps the memory of strings.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/fwd.hpp>
#include <tarn/message.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/reused_map.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

/// An item of a cache. `Value`: a `byte_string`, or any type that a pool can reset.
///
/// Moments are spans since the begin of a clock of the user's choice.
/// Thread safety: as an `int`.
template <class Value>
struct cache_item {
  std::string key{};
  Value value{};
  time_span ttl{};  ///< zero: it never expires
  time_span created_at{};
  time_span accessed_at{};
  std::int64_t access_count = 0;

  /// Makes it a new item. Throws: what assigning key and value throws.
  template <class From>
  void set(std::string_view new_key, const From& new_value, time_span lasts, time_span now) {
    key.assign(new_key);
    if constexpr (requires { value.assign(new_value); }) {
      value.assign(new_value);
    } else {
      value = new_value;
    }
    ttl = lasts;
    created_at = accessed_at = now;
    access_count = 0;
  }
  /// Notes a use of it.
  void touch(time_span now) noexcept {
    accessed_at = now;
    ++access_count;
  }
  /// When it expires; the largest moment if it never does.
  [[nodiscard]] constexpr time_span expires_at() const noexcept {
    const auto from = created_at.count();
    const auto span = ttl.count();
    const bool never = span <= 0 || (from > 0 && span > INT64_MAX - from);
    return time_span::of_nanoseconds(never ? INT64_MAX : from + span);
  }
  [[nodiscard]] constexpr bool is_expired(time_span now) const noexcept {
    return ttl.count() > 0 && now >= expires_at();
  }

  void reset() noexcept(noexcept(reset_object{}(std::declval<Value&>()))) {
    key.clear();
    reset_object{}(value);
    ttl = created_at = accessed_at = time_span{};
    access_count = 0;
  }
};

/// The kinds of Go-CacheX's errors, with its numbers.
enum class error_kind : unsigned char {
  unknown,
  key_empty,
  value_nil,
  ttl_negative,
  store_not_initialized,
  context_cancelled,
  item_expired,
  item_not_found,
};
[[nodiscard]] constexpr std::string_view to_string(error_kind kind) noexcept {
  constexpr std::string_view names[] = {
      "unknown",           "key empty",    "value nil",     "TTL negative", "store not initialized",
      "context cancelled", "item expired", "item not found"};
  const auto place = static_cast<std::size_t>(kind);
  return place < std::size(names) ? names[place] : names[0];
}

/// An error as a value. Thread safety: as an `int`.
struct common_error {
  std::string text{};
  error_kind kind = error_kind::unknown;

  /// Throws: `std::bad_alloc`; it is unchanged then.
  void set(std::string_view why, error_kind what) {
    text.assign(why);
    kind = what;
  }
  /// The message; the name of its kind if it has none. Valid until it changes.
  [[nodiscard]] std::string_view message() const noexcept {
    return text.empty() ? to_string(kind) : std::string_view(text);
  }
  void reset() noexcept {
    text.clear();
    kind = error_kind::unknown;
  }
};

/// The result of an operation that ends later, of any type. Thread safety: as an `int`.
template <class T>
struct async_result {
  T value{};
  reused_map<std::string, T> values{};  ///< keeps its nodes, as strings keep their memory
  std::int64_t result = 0;
  bool exists = false;
  bool has_failed = false;
  time_span ttl{};
  common_error error{};  ///< if `has_failed`

  /// Throws: `std::bad_alloc`.
  void fail(std::string_view why, error_kind kind = error_kind::unknown) {
    error.set(why, kind);
    has_failed = true;
  }
  void reset() noexcept(noexcept(reset_object{}(std::declval<T&>()))) {
    reset_object{}(value);
    values.clear();
    result = 0;
    exists = has_failed = false;
    ttl = {};
    error.reset();
  }
};

/// A channel with room for one result. Its object stays at its address; it is not movable.
///
/// Go's rules hold: a closed channel still gives what it has, and takes nothing more.
///
/// Thread safety: any thread may call any member, except that `reset` (which a pool calls) needs
/// the only owner.
template <class T>
class result_channel {
 public:
  result_channel() = default;
  result_channel(const result_channel&) = delete;
  result_channel& operator=(const result_channel&) = delete;

  /// Waits until there is room. Returns: false if the channel is closed. Throws: what moving a `T`
  /// throws; the channel is unchanged then.
  bool send(T value) {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return is_closed_ || !slot_; });
    return put(value);
  }
  /// As `send`, but returns false instead of waiting.
  [[nodiscard]] bool try_send(T value) {
    const std::lock_guard hold(mutex_);
    return !slot_ && put(value);
  }
  /// Waits for a result. Returns: nothing if the channel is closed and empty. Throws: what moving a
  /// `T` throws.
  [[nodiscard]] std::optional<T> receive() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return is_closed_ || slot_; });
    return take();
  }
  /// As `receive`, but waits at most so long.
  [[nodiscard]] std::optional<T> receive_for(time_span most) {
    std::unique_lock hold(mutex_);
    const auto is_ready = [this] { return is_closed_ || slot_; };
    // A longer wait would overflow in the standard library.
    constexpr std::int64_t year = std::int64_t{365} * 86'400 * 1'000'000'000;
    if (most.count() > year) {
      changed_.wait(hold, is_ready);
    } else {
      changed_.wait_for(hold, std::chrono::nanoseconds(most.count()), is_ready);
    }
    return take();
  }
  /// As `receive`, but returns nothing instead of waiting.
  [[nodiscard]] std::optional<T> try_receive() {
    const std::lock_guard hold(mutex_);
    return take();
  }
  /// Ends all waiting. A second call does nothing.
  void close() {
    const std::lock_guard hold(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool is_closed() const {
    const std::lock_guard hold(mutex_);
    return is_closed_;
  }
  [[nodiscard]] bool empty() const {
    const std::lock_guard hold(mutex_);
    return !slot_;
  }
  /// Drops a result that was not taken, and opens a closed channel again.
  void reset() {
    const std::lock_guard hold(mutex_);
    slot_.reset();
    is_closed_ = false;
  }

 private:
  bool put(T& value) {
    if (is_closed_) return false;
    slot_.emplace(std::move(value));
    changed_.notify_all();  // both senders and receivers wait for it
    return true;
  }
  std::optional<T> take() {
    if (!slot_) return std::nullopt;
    std::optional<T> taken = std::move(slot_);
    slot_.reset();
    changed_.notify_all();
    return taken;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> slot_;  // this and the next: the mutex
  bool is_closed_ = false;
};

}  // namespace tarn
