// SPDX-License-Identifier: MIT
//
// pool_registry: named pools that other parts of the program can read and trim.
//
//   tarn::byte_pool<> frames({.name = "frames"});
//   const auto published = tarn::pools().publish(frames);   // until the end of the scope
//   for (const auto& s : tarn::pools().snapshots()) print(s);

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/detail/base/error.hpp>
#include <tarn/detail/base/guard.hpp>
#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/immortal.hpp>
#include <tarn/observe/detail/fork_lock.hpp>
#include <tarn/observe/detail/validate.hpp>
#include <tarn/observe/detail/watched_pool.hpp>

namespace tarn {

namespace detail {

/// The published pools by name. Under its lock only pointers move and names are compared.
struct pool_books {
  using entry = std::shared_ptr<watched>;
  using by_name = std::map<std::string_view, entry>;  // the name is a part of the entry
  using node = by_name::node_type;

  explicit pool_books(std::size_t most) noexcept : limit(most) {}

  /// Makes a node of `e`, so that the insertion needs no heap.
  [[nodiscard]] static node node_of(const entry& e) {
    by_name one;
    one.emplace(e->name(), e);
    return one.extract(one.begin());
  }
  /// Takes the entry of this name out, if it is `e` or if `e` is null.
  [[nodiscard]] node take_out(std::string_view name, const watched* e = nullptr) noexcept {
    const auto place = entries.find(name);
    const bool is_it = place != entries.end() && (e == nullptr || place->second.get() == e);
    return is_it ? entries.extract(place) : node();
  }

  fork_lock lock;
  const std::size_t limit;
  by_name entries;  // guarded by the lock
};

}  // namespace detail

/// Keeps a pool published; its destructor unpublishes the pool. Move-only, empty by default.
///
/// Declare it beside its pool, after it. If the pool ends first, the registry stops listing it, and
/// its name is free again.
class publication {
 public:
  publication() noexcept = default;
  publication(publication&& other) noexcept
      : books_(std::move(other.books_)), entry_(std::move(other.entry_)) {}
  publication& operator=(publication&& other) noexcept {
    publication taken(std::move(other));
    books_.swap(taken.books_);
    entry_.swap(taken.entry_);
    return *this;
  }
  ~publication() { reset(); }

  /// Unpublishes the pool now. Does nothing if the pool is unpublished or the registry has ended.
  void reset() noexcept {
    const auto books = books_.lock();
    auto entry = entry_.lock();
    books_.reset();
    entry_.reset();
    if (books == nullptr || entry == nullptr) return;
    detail::pool_books::node out;  // destroyed after the lock: it may free the core
    const detail::guard hold(books->lock);
    out = books->take_out(entry->name(), entry.get());
  }
  /// True if it has a pool to unpublish, as far as it knows.
  [[nodiscard]] explicit operator bool() const noexcept { return !entry_.expired(); }

 private:
  friend class pool_registry;
  publication(std::weak_ptr<detail::pool_books> books,
              std::weak_ptr<detail::watched> entry) noexcept
      : books_(std::move(books)), entry_(std::move(entry)) {}

  std::weak_ptr<detail::pool_books> books_;
  std::weak_ptr<detail::watched> entry_;
};

/// Pools by name. The caller that publishes a pool lets others read it, trim it and maintain it.
///
/// A published pool may end at any time: its end waits until no thread uses it here, and then it is
/// not listed any more. A closed pool is listed as long as it exists. A copy refers to the same
/// registry.
///
/// Thread safety: any thread may call any member at any time.
class pool_registry {
 public:
  static constexpr std::size_t default_limit = 1024;

  /// Throws: `std::invalid_argument` if `limit`, the most pools published at the same time, is 0 or
  /// above 2^20.
  pool_registry() : pool_registry(default_limit) {}
  explicit pool_registry(std::size_t limit) : books_(made(limit)) {}

  /// Publishes a pool under its own name.
  ///
  /// Throws: `std::invalid_argument`, with the name or the limit, if the pool has no name, if
  ///   the name is taken, or if the registry is full. Complexity: O(log of the pools); O(pools) if
  ///   the registry is full, to remove pools that have ended.
  template <class Pool>
  [[nodiscard]] publication publish(Pool& pool) {
    return publish(pool, name_of(pool));
  }
  /// Publishes a pool under another name. Its snapshots here have that name too.
  template <class Pool>
  [[nodiscard]] publication publish(Pool& pool, std::string name) {
    const std::string copy = name;
    publication token;
    switch (add(pool, std::move(name), token)) {
      case refusal::none:
        return token;
      case refusal::unnamed:
        throw std::invalid_argument(
            "tarn: a pool without a name can't be published: set options::name, or name it here");
      case refusal::duplicate:
        throw std::invalid_argument("tarn: a pool named '" + copy + "' is already published");
      case refusal::full:
        break;
    }
    throw std::invalid_argument("tarn: pool '" + copy + "' can't be published: there are " +
                                std::to_string(limit()) + " already, as many as may be");
  }
  /// As `publish`, but returns an empty token instead of throwing `std::invalid_argument`.
  template <class Pool>
  [[nodiscard]] publication try_publish(Pool& pool) {
    return try_publish(pool, name_of(pool));
  }
  template <class Pool>
  [[nodiscard]] publication try_publish(Pool& pool, std::string name) {
    publication token;
    static_cast<void>(add(pool, std::move(name), token));
    return token;
  }
  /// Unpublishes the pool of that name. Returns: false if there is no such pool.
  bool unpublish(std::string_view name) noexcept {
    detail::pool_books::node out;
    const detail::guard hold(books_->lock);
    out = books_->take_out(name);
    return !out.empty() && !out.mapped()->gone();
  }

  /// Returns: the pool of that name; empty if there is no such pool.
  [[nodiscard]] watched_pool find(std::string_view name) const noexcept {
    const detail::guard hold(books_->lock);
    const auto place = books_->entries.find(name);
    return place != books_->entries.end() && !place->second->gone() ? watched_pool(place->second)
                                                                    : watched_pool();
  }
  /// Returns: all pools, by name.
  [[nodiscard]] std::vector<watched_pool> list() const {
    std::vector<watched_pool> pools;
    look([&](entry&& e) { pools.push_back(watched_pool(std::move(e))); });
    return pools;
  }
  /// Calls `action(watched_pool&)` for each pool, by name. It may publish, unpublish and end pools.
  template <class Action>
  void for_each(Action&& action) const {
    for (auto& pool : list())
      action(pool);
  }
  /// Returns: the snapshots of all pools, by name. The pools are read one after the other.
  [[nodiscard]] std::vector<snapshot> snapshots() const {
    std::vector<snapshot> all;
    for_each([&](const watched_pool& pool) {
      if (auto s = pool.snapshot()) all.push_back(*std::move(s));
    });
    return all;
  }
  /// Checks the numbers of all pools. Returns: the broken invariant of the first bad pool, by name.
  [[nodiscard]] std::optional<broken_invariant> validate(moment when = moment::busy) const {
    for (const auto& pool : list()) {
      const auto s = pool.snapshot();
      if (!s) continue;
      if (auto broken = tarn::validate(*s, when)) return broken;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t size() const {
    std::size_t count = 0;
    look([&](entry&&) { ++count; });
    return count;
  }
  [[nodiscard]] std::size_t limit() const noexcept { return books_->limit; }

 private:
  enum class refusal : unsigned char { none, unnamed, duplicate, full };
  using entry = detail::pool_books::entry;

  [[nodiscard]] static std::shared_ptr<detail::pool_books> made(std::size_t limit) {
    if (limit < 1) detail::throw_invalid("limit of pools", limit, "must be at least", 1);
    if (limit > std::size_t{1} << 20) {
      detail::throw_invalid("limit of pools", limit, "must be at most", std::size_t{1} << 20);
    }
    return std::make_shared<detail::pool_books>(limit);
  }

  template <class Pool>
  [[nodiscard]] static std::string name_of(Pool& pool) {
    if constexpr (requires { pool.sized(); }) {
      return pool.sized().name();
    } else {
      return pool.name();
    }
  }

  template <class Pool>
  [[nodiscard]] refusal add(Pool& pool, std::string name, publication& token) {
    if constexpr (requires { pool.sized(); }) {
      return add(pool.sized(), std::move(name), token);
    } else {
      static_assert(watchable<Pool>,
                    "pool_registry: a pool with no_lock can't be published, because a thread "
                    "that reads it would be a second one; use another lock policy");
      if (name.empty()) return refusal::unnamed;
      detail::keep_this_module();  // an entry has functions of it
      const entry made = std::make_shared<detail::watched_as<Pool>>(pool, std::move(name));
      auto node = detail::pool_books::node_of(made);
      for (bool looked = false;; looked = true) {
        detail::pool_books::node ended;  // an ended pool frees its name
        {
          const detail::guard hold(books_->lock);
          auto& entries = books_->entries;
          const auto place = entries.find(made->name());
          if (place != entries.end()) {
            if (!place->second->gone()) return refusal::duplicate;
            ended = entries.extract(place);
          }
          if (entries.size() < books_->limit) {
            entries.insert(std::move(node));
            break;
          }
        }
        if (looked) return refusal::full;
        look([](entry&&) {});  // other ended pools free their entries
      }
      token = publication(books_, made);
      return refusal::none;
    }
  }

  /// Calls `action(entry&&)` for each pool that exists, by name, without a lock. It looks up
  /// several pools at a time, and removes those that have ended.
  template <class Action>
  void look(Action&& action) const {
    constexpr std::size_t at_once = 64;
    entry last;  // keeps its name alive
    for (bool more = true; more;) {
      entry there[at_once];
      detail::pool_books::node ended[at_once];  // their cores end with this scope
      std::size_t count = 0;
      {
        const detail::guard hold(books_->lock);
        auto& entries = books_->entries;
        auto at = last != nullptr ? entries.upper_bound(last->name()) : entries.begin();
        for (std::size_t looks = 0; looks != at_once && at != entries.end(); ++looks) {
          if (at->second->gone()) {
            ended[looks] = entries.extract(at++);
          } else {
            there[count++] = (at++)->second;
          }
        }
        more = at != entries.end();
      }
      if (count != 0) last = there[count - 1];
      for (std::size_t i = 0; i != count; ++i)
        action(std::move(there[i]));
    }
  }

  std::shared_ptr<detail::pool_books> books_;
};

/// The registry of the program. Never destroyed, so static destructors may use it.
[[nodiscard]] inline pool_registry& pools() {
  static immortal<pool_registry> registry;
  return *registry;
}

}  // namespace tarn
