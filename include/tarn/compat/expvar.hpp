// SPDX-License-Identifier: MIT
//
// The variables that a program publishes for GET /debug/vars, as Go's expvar does: functions, and
// the statistics of pools.
//
//   const auto uptime = tarn::expvars().publish("uptime_seconds", [] { return seconds(); });
//   const auto frames = tarn::expvars().publish_pool(pool, "frames_");  // "frames_pool_stats"
//   std::string body;
//   tarn::write_debug_vars(std::back_inserter(body), tarn::expvars());

#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/immortal.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/fork_turn.hpp>
#include <tarn/observe/detail/watched_pool.hpp>
#include <tarn/observe/json.hpp>

namespace tarn {

/// Text that is JSON already. It is written as it is, unchecked.
struct json_text {
  std::string text;
};

namespace detail {

/// Writes a value of JSON. A range of pairs with names becomes an object, any other range an array.
template <class Out, class Value>
void put_json_value(json_writer<Out>& to, const Value& v) {
  if constexpr (std::same_as<Value, bool>) {
    to.literal(v ? "true" : "false");
  } else if constexpr (std::integral<Value>) {
    if constexpr (std::is_signed_v<Value>) {
      to.whole(static_cast<std::int64_t>(v));
    } else {
      to.value(metric_number(static_cast<std::uint64_t>(v)));
    }
  } else if constexpr (std::floating_point<Value>) {
    to.value(metric_number(static_cast<double>(v)));
  } else if constexpr (std::same_as<Value, std::nullptr_t>) {
    to.null();
  } else if constexpr (std::same_as<Value, json_text>) {
    to.literal(v.text);
  } else if constexpr (std::same_as<Value, snapshot>) {
    put_expvar(to, v);
  } else if constexpr (std::convertible_to<const Value&, std::string_view>) {
    if constexpr (std::is_pointer_v<Value>) {
      if (v == nullptr) return to.null();
    }
    to.value(static_cast<std::string_view>(v));
  } else if constexpr (requires {
                         v.has_value();
                         *v;
                       }) {
    v.has_value() ? put_json_value(to, *v) : to.null();
  } else {
    static_assert(std::ranges::input_range<const Value>,
                  "expvar: the function must return a number, a text, a json_text, a snapshot, an "
                  "optional of these, or a range of these or of pairs with names");
    if constexpr (requires(const std::ranges::range_value_t<const Value>& one) {
                    { one.first } -> std::convertible_to<std::string_view>;
                    one.second;
                  }) {
      to.object([&] {
        for (const auto& one : v) {
          to.key(one.first);
          put_json_value(to, one.second);
        }
      });
    } else {
      to.array([&] {
        for (const auto& one : v)
          put_json_value(to, one);
      });
    }
  }
}

/// A published variable. Its function runs under its turn, so that it does not end meanwhile.
class expvar_entry {
 public:
  explicit expvar_entry(std::string name) : name_(std::move(name)) {}
  expvar_entry(const expvar_entry&) = delete;
  expvar_entry& operator=(const expvar_entry&) = delete;
  virtual ~expvar_entry() = default;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// True if it was unpublished, or if its pool has ended.
  [[nodiscard]] bool gone() const noexcept {
    return gone_.load(std::memory_order::relaxed) || ended();  // it only ever becomes true
  }
  /// Appends the value to `text`. Returns: false, and appends nothing, if it is `gone`.
  [[nodiscard]] bool read(std::string& text, std::atomic<std::uint64_t>& failures) {
    if (turn_.is_mine()) return text += "null", true;  // the function itself reads the variables
    const guard hold(turn_);
    if (gone()) return false;
    const auto before = text.size();
    try {
      put(text);
    } catch (...) {
      failures.fetch_add(1, std::memory_order::relaxed);  // a statistic
      text.resize(before);
      text += "null";
    }
    if (gone_.load(std::memory_order::relaxed)) drop();  // the function unpublished itself
    return true;
  }
  /// Unpublishes it. Waits for a call of the function, unless it is called from within one.
  void end() noexcept {
    const bool is_within = turn_.is_mine();
    const guard hold(turn_);
    gone_.store(true, std::memory_order::relaxed);  // the turn orders it
    if (!is_within) drop();
  }

 protected:
  virtual void put(std::string& text) = 0;
  virtual void drop() noexcept = 0;
  [[nodiscard]] virtual bool ended() const noexcept { return false; }

 private:
  static void forget_turn(void* whom) noexcept { static_cast<expvar_entry*>(whom)->turn_.forget(); }

  std::string name_;
  fork_turn turn_;
  std::atomic<bool> gone_{false};
  fork_lock fork_{forget_turn, this};  // only for its call in a child
};

template <class Function>
class expvar_function final : public expvar_entry {
 public:
  expvar_function(std::string name, Function f)
      : expvar_entry(std::move(name)), function_(std::move(f)) {}

 private:
  void put(std::string& text) override {
    json_writer to(std::back_inserter(text));
    put_json_value(to, (*function_)());
  }
  void drop() noexcept override { function_.reset(); }

  std::optional<Function> function_;  // guarded by the turn
};

template <class Pool>
class expvar_of_pool final : public expvar_entry {
 public:
  expvar_of_pool(std::string name, Pool& pool)
      : expvar_entry(std::move(name)), pool_(pool, std::string()) {}

 private:
  void put(std::string& text) override {
    json_writer to(std::back_inserter(text));
    put_json_value(to, pool_.read());
  }
  void drop() noexcept override {}
  [[nodiscard]] bool ended() const noexcept override { return pool_.gone(); }

  watched_as<Pool> pool_;
};

/// The published variables by name. The map is never changed: a new one replaces it.
struct expvar_books {
  using entry = std::shared_ptr<expvar_entry>;
  using by_name = std::map<std::string_view, entry>;  // the name is a part of the entry

  explicit expvar_books(std::size_t most) noexcept : limit(most) {}

  [[nodiscard]] std::shared_ptr<const by_name> now() {
    const guard hold(lock);
    return entries;
  }

  fork_lock lock;
  const std::size_t limit;
  std::shared_ptr<const by_name> entries = std::make_shared<by_name>();  // guarded by the lock
  std::atomic<std::uint64_t> failures{0};
};

}  // namespace detail

/// Keeps a variable published; its destructor unpublishes it. Move-only, empty by default.
///
/// Its end waits for a call of the function, so the function may use whatever lives longer than
/// this object.
class expvar_publication {
 public:
  expvar_publication() noexcept = default;
  expvar_publication(expvar_publication&& other) noexcept = default;
  expvar_publication& operator=(expvar_publication&& other) noexcept {
    expvar_publication taken(std::move(other));
    entry_.swap(taken.entry_);
    return *this;
  }
  ~expvar_publication() { reset(); }

  /// Unpublishes the variable now, and ends its function. The name is free then.
  void reset() noexcept {
    const auto entry = std::exchange(entry_, nullptr);
    if (entry != nullptr) entry->end();
  }
  [[nodiscard]] explicit operator bool() const noexcept { return entry_ != nullptr; }

 private:
  friend class expvar_registry;
  explicit expvar_publication(std::shared_ptr<detail::expvar_entry> entry) noexcept
      : entry_(std::move(entry)) {}

  std::shared_ptr<detail::expvar_entry> entry_;
};

/// Variables by name. A copy refers to the same variables.
///
/// Thread safety: any thread may call any member at any time. A function runs on the thread that
/// writes the variables, outside every lock of this registry: it may publish and unpublish
/// variables, and write them; its own value is `null` then. It must not wait for a thread that
/// unpublishes it.
class expvar_registry {
 public:
  static constexpr std::size_t default_limit = 1024;

  /// Throws: `std::invalid_argument` if `limit`, the most variables at a time, is 0 or above 2^20.
  explicit expvar_registry(std::size_t limit = default_limit) : books_(made(limit)) {}

  /// Publishes a function under a name. `f()` returns a number, a `bool`, a text, a `json_text`, a
  /// `snapshot` (as bytepool shows a pool), an optional of these, or a range of these or of pairs
  /// of a name and one of these. If it throws, the value is `null`.
  ///
  /// Throws: `std::invalid_argument`, with the name or the limit, if the name is empty or taken, or
  ///   if there are too many variables; `std::bad_alloc`. Complexity: O(variables).
  template <class Function>
    requires std::invocable<Function&>
  [[nodiscard]] expvar_publication publish(std::string name, Function f) {
    detail::keep_this_module();  // an entry has functions of it
    return add(std::make_shared<detail::expvar_function<Function>>(std::move(name), std::move(f)));
  }
  /// Publishes the statistics of a pool as bytepool's `Expvar(prefix)` does, under the name
  /// "<prefix>pool_stats". If the pool ends first, the variable ends with it. Throws: as `publish`.
  template <class Pool>
  [[nodiscard]] expvar_publication publish_pool(Pool& pool, std::string prefix) {
    if constexpr (requires { pool.sized(); }) {
      return publish_pool(pool.sized(), std::move(prefix));
    } else {
      static_assert(watchable<Pool>,
                    "expvar_registry: a pool with no_lock can't be published, because a thread "
                    "that reads it would be a second one; use another lock policy");
      detail::keep_this_module();
      return add(std::make_shared<detail::expvar_of_pool<Pool>>(prefix + "pool_stats", pool));
    }
  }
  /// Unpublishes the variable of that name, as its publication does. Returns: false if there is no
  /// such variable.
  bool unpublish(std::string_view name) noexcept {
    const auto all = books_->now();
    const auto place = all->find(name);
    if (place == all->end() || place->second->gone()) return false;
    place->second->end();
    return true;
  }

  /// The value of that variable as JSON; nothing if there is no such variable. Throws:
  /// `std::bad_alloc`.
  [[nodiscard]] std::optional<std::string> read(std::string_view name) const {
    const auto all = books_->now();
    const auto place = all->find(name);
    std::string text;
    if (place == all->end() || !place->second->read(text, books_->failures)) return std::nullopt;
    return text;
  }
  /// Calls `action(name, json)` for each variable, by name. The variables are read one after the
  /// other. Throws: `std::bad_alloc`; what the action throws.
  template <class Action>
  void for_each(Action&& action) const {
    const auto all = books_->now();
    std::string text;
    bool has_gone = false;
    for (const auto& one : *all) {
      text.clear();
      if (one.second->read(text, books_->failures)) {
        action(one.first, std::string_view(text));
      } else {
        has_gone = true;
      }
    }
    // Frees what ended variables keep. Another thread may be first, and does the same then.
    if (has_gone) static_cast<void>(replace(all, without_gone(*all)));
  }

  /// The number of variables. Complexity: O(variables).
  [[nodiscard]] std::size_t size() const noexcept { return count(*books_->now()); }
  [[nodiscard]] std::size_t limit() const noexcept { return books_->limit; }
  /// Calls of functions that threw.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return books_->failures.load(std::memory_order::relaxed);  // a statistic
  }

 private:
  using by_name = detail::expvar_books::by_name;

  [[nodiscard]] static std::shared_ptr<detail::expvar_books> made(std::size_t limit) {
    if (limit < 1) detail::throw_invalid("limit of variables", limit, "must be at least", 1);
    if (limit > std::size_t{1} << 20) {
      detail::throw_invalid("limit of variables", limit, "must be at most", std::size_t{1} << 20);
    }
    return std::make_shared<detail::expvar_books>(limit);
  }
  [[nodiscard]] static std::size_t count(const by_name& all) noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [](const auto& one) { return !one.second->gone(); }));
  }

  [[nodiscard]] expvar_publication add(detail::expvar_books::entry made) {
    if (made->name().empty()) {
      throw std::invalid_argument("tarn: a variable without a name can't be published");
    }
    for (;;) {
      const auto old = books_->now();
      auto with = without_gone(*old);
      if (!with->emplace(made->name(), made).second) {
        throw std::invalid_argument("tarn: a variable named '" + made->name() +
                                    "' is already published");
      }
      if (with->size() > books_->limit) {
        throw std::invalid_argument("tarn: variable '" + made->name() +
                                    "' can't be published: there are " +
                                    std::to_string(books_->limit) + " already, as many as may be");
      }
      if (replace(old, std::move(with))) return expvar_publication(std::move(made));
    }
  }
  [[nodiscard]] static std::shared_ptr<by_name> without_gone(const by_name& all) {
    auto rest = std::make_shared<by_name>();
    for (const auto& one : all) {
      if (!one.second->gone()) rest->emplace_hint(rest->end(), one.first, one.second);
    }
    return rest;
  }
  /// Returns: false if another thread has replaced `old` meanwhile.
  [[nodiscard]] bool replace(const std::shared_ptr<const by_name>& old,
                             std::shared_ptr<const by_name> with) const noexcept {
    const detail::guard hold(books_->lock);  // the parameter ends after it, with the old map
    if (books_->entries != old) return false;
    books_->entries.swap(with);
    return true;
  }

  std::shared_ptr<detail::expvar_books> books_;
};

/// The variables of the program. Never destroyed, so static destructors may use them.
[[nodiscard]] inline expvar_registry& expvars() {
  static immortal<expvar_registry> all;
  return *all;
}

/// Writes the reply to GET /debug/vars: all variables, sorted by name.
///
/// Returns: the iterator behind the last character. Throws: what the iterator throws;
///   `std::bad_alloc`.
template <std::output_iterator<const char&> Out>
Out write_debug_vars(Out out, const expvar_registry& of) {
  detail::text_writer<Out> to(std::move(out));
  std::string_view before = "{\n";
  of.for_each([&](std::string_view name, std::string_view json) {
    to.put(before);
    to.put_json(name);
    to.put(std::string_view(": "));
    to.put(json);
    before = ",\n";
  });
  if (before == "{\n") to.put(before);
  to.put(std::string_view("\n}\n"));
  return std::move(to).out();
}

}  // namespace tarn
