// SPDX-License-Identifier: MIT
//
// reused_map: a sorted map that keeps its nodes when it is cleared, and what its keys and values
// hold.
//
//   tarn::object_pool<tarn::reused_map<std::string, std::string>> maps;
//   auto m = maps.get();
//   (*m)["key"] = "value";        // the second time around, no call of the heap
//
// A std::map frees each node as it is cleared, so a pool of them saves little.

#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/detail/base/align.hpp>
#include <tarn/detail/kept/kept_bytes.hpp>
#include <tarn/fwd.hpp>
#include <tarn/policy/lifecycle.hpp>

namespace tarn {

/// A `std::map` that keeps the nodes of erased and cleared entries, for its next entries.
///
/// A key and a value that are kept were reset as a pool resets objects (see `reset_object`), so
/// strings and vectors keep their memory too. By default `Compare` is
/// `std::less<>`, so string keys are found by a `std::string_view`.
///
/// In a pool it keeps up to `options::keep_capacity_bytes`, and has at least
/// `options::default_capacity` nodes.
///
/// Complexity: as `std::map`. Thread safety: as `std::map`.
template <class Key, class Value, class Compare>
class reused_map {
 public:
  using key_compare = std::conditional_t<std::is_void_v<Compare>, std::less<>, Compare>;
  using map_type = std::map<Key, Value, key_compare>;
  using key_type = Key;
  using mapped_type = Value;
  using value_type = typename map_type::value_type;
  using size_type = std::size_t;
  using iterator = typename map_type::iterator;
  using const_iterator = typename map_type::const_iterator;

  reused_map() = default;
  explicit reused_map(key_compare compare) : entries_(std::move(compare)) {}
  /// Copies the entries, not the memory that is kept for more. Throws: `std::bad_alloc`, and what
  /// copies of keys and values throw.
  reused_map(const reused_map& other) : entries_(other.entries_) { spare_.reserve(size()); }
  reused_map(reused_map&& other) noexcept(std::is_nothrow_move_constructible_v<map_type>)
      : entries_(std::move(other.entries_)),
        spare_(std::move(other.spare_)),
        spare_bytes_(std::exchange(other.spare_bytes_, 0)) {
    other.entries_.clear();
    other.spare_.clear();
  }
  /// As the copy; after an exception nothing has changed.
  reused_map& operator=(const reused_map& other) {
    reused_map copy(other);
    swap(copy);
    return *this;
  }
  reused_map& operator=(reused_map&& other) noexcept(
      std::is_nothrow_move_constructible_v<map_type>) {
    reused_map taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~reused_map() = default;
  void swap(reused_map& other) noexcept {
    entries_.swap(other.entries_);
    spare_.swap(other.spare_);
    std::swap(spare_bytes_, other.spare_bytes_);
  }
  friend void swap(reused_map& a, reused_map& b) noexcept { a.swap(b); }

  [[nodiscard]] iterator begin() noexcept { return entries_.begin(); }
  [[nodiscard]] iterator end() noexcept { return entries_.end(); }
  [[nodiscard]] const_iterator begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return entries_.end(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// The entries as a `std::map`, for functions that take one.
  [[nodiscard]] const map_type& entries() const noexcept { return entries_; }

  template <class K = Key>
  [[nodiscard]] iterator find(const K& key) {
    return entries_.find(key);
  }
  template <class K = Key>
  [[nodiscard]] const_iterator find(const K& key) const {
    return entries_.find(key);
  }
  template <class K = Key>
  [[nodiscard]] bool contains(const K& key) const {
    return entries_.contains(key);
  }
  template <class K = Key>
  [[nodiscard]] iterator lower_bound(const K& key) {
    return entries_.lower_bound(key);
  }
  template <class K = Key>
  [[nodiscard]] iterator upper_bound(const K& key) {
    return entries_.upper_bound(key);
  }

  /// The value of that key. Without such an entry it makes one, with a reset value. Throws:
  /// `std::bad_alloc`, and what making or assigning the key throws; no entry has changed then.
  template <class K = Key>
  Value& operator[](K&& key) {
    return add(std::forward<K>(key), [](Value&) {}).first->second;
  }
  /// Adds an entry, unless one has that key already. Returns: its place, and whether it is new.
  /// Throws: as `operator[]`, and what assigning the value throws; no entry has changed then.
  template <class K = Key, class V = Value>
  std::pair<iterator, bool> insert(K&& key, V&& value) {
    return add(std::forward<K>(key), [&](Value& to) { assign(to, std::forward<V>(value)); });
  }
  /// As `insert`, but also assigns to the value of an entry that is there. If that assignment
  /// throws, the entry has what it left.
  template <class K = Key, class V = Value>
  std::pair<iterator, bool> insert_or_assign(K&& key, V&& value) {
    const auto at =
        add(std::forward<K>(key), [&](Value& to) { assign(to, std::forward<V>(value)); });
    if (!at.second) assign(at.first->second, std::forward<V>(value));
    return at;
  }

  /// Takes an entry out, and keeps its node. Returns: the next entry.
  iterator erase(const_iterator at) noexcept {
    const auto next = std::next(at);
    keep(entries_.extract(at));
    return entries_.erase(next, next);  // the same place, as an iterator
  }
  /// Returns: how many entries were taken out, 0 or 1.
  template <class K = Key>
    requires(!std::convertible_to<const K&, const_iterator>)
  std::size_t erase(const K& key) {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return 0;
    erase(const_iterator(at));
    return 1;
  }
  /// Takes all entries out, and keeps their nodes. An entry whose reset throws is freed.
  void clear() noexcept {
    while (!entries_.empty())
      keep(entries_.extract(entries_.begin()));
  }

  /// The entries that it may have without memory for nodes from the heap.
  [[nodiscard]] std::size_t capacity() const noexcept { return size() + spare_.size(); }
  /// Makes nodes until the capacity is `entries`. Throws: `std::bad_alloc`, and what the default
  /// constructors of key and value throw; the nodes that were made until then stay.
  /// Complexity: O(nodes made).
  void reserve(std::size_t entries)
    requires(std::default_initializable<Key> && std::default_initializable<Value>)
  {
    if (entries > capacity()) spare_.reserve(entries);
    while (capacity() < entries) {
      map_type one(entries_.key_comp());
      one.emplace(std::piecewise_construct, std::tuple<>(), std::tuple<>());
      put(one.extract(one.begin()));
    }
  }

  /// Bytes of all nodes, and of what their keys and values hold. An estimate of the nodes' size.
  /// Complexity: O(entries) if keys or values hold memory, else O(1).
  [[nodiscard]] std::size_t kept_bytes() const noexcept {
    std::size_t sum = spare_.capacity() * sizeof(node_type) + spare_bytes_ + size() * node_bytes;
    if constexpr (detail::is_measurable<Key>() || detail::is_measurable<Value>()) {
      for (const auto& [key, value] : entries_)
        sum += detail::kept_bytes(key) + detail::kept_bytes(value);
    }
    return sum;
  }
  /// Frees kept nodes until at most `bytes` are held, or no kept node is left. Entries stay.
  void shrink(std::size_t bytes) noexcept {
    auto held = kept_bytes();
    while (!spare_.empty() && held > bytes) {
      const auto one = bytes_of(spare_.back());
      held -= one;
      spare_bytes_ -= one;
      spare_.pop_back();
    }
    if (spare_.empty() && held > bytes) std::vector<node_type>().swap(spare_);
  }

  friend bool operator==(const reused_map& a, const reused_map& b) {
    return a.entries_ == b.entries_;
  }

 private:
  using node_type = typename map_type::node_type;
  // A node has three pointers and a colour beside its entry.
  static constexpr std::size_t node_bytes =
      detail::align_up(sizeof(value_type), sizeof(void*)) + 4 * sizeof(void*);

  [[nodiscard]] static std::size_t bytes_of(const node_type& node) noexcept {
    if (node.empty()) return 0;  // never; g++ 12 warns of it otherwise
    return node_bytes + detail::kept_bytes(node.key()) + detail::kept_bytes(node.mapped());
  }
  /// Assigns so that a string keeps its memory.
  template <class To, class From>
  static void assign(To& to, From&& from) {
    if constexpr (requires { to.assign(std::forward<From>(from)); }) {
      to.assign(std::forward<From>(from));
    } else {
      to = std::forward<From>(from);
    }
  }
  template <class T>
  static void reset(T& t) {
    if constexpr (std::is_invocable_v<reset_object, T&>) reset_object{}(t);
  }

  /// Keeps a node, if there is room: so nothing is allocated here.
  void keep(node_type node) noexcept {
    if (node.empty() || spare_.size() == spare_.capacity()) return;
    static_assert(std::is_invocable_v<reset_object, Value&>,
                  "reused_map: a value needs reset(), clear() or an assignment of Value()");
    try {
      reset(node.key());
      reset(node.mapped());
    } catch (...) {
      return;
    }
    put(std::move(node));
  }
  /// Preconditions: there is room.
  void put(node_type node) noexcept {
    spare_bytes_ += bytes_of(node);
    spare_.push_back(std::move(node));
  }

  template <class K, class Fill>
  std::pair<iterator, bool> add(K&& key, Fill&& fill) {
    const auto at = entries_.lower_bound(key);
    if (at != entries_.end() && !entries_.key_comp()(key, at->first)) return {at, false};
    node_type node = take();
    if (node.empty()) {
      map_type one(entries_.key_comp());
      one.emplace(std::piecewise_construct, std::forward_as_tuple(std::forward<K>(key)),
                  std::tuple<>());
      node = one.extract(one.begin());
      if (!node.empty()) fill(node.mapped());
    } else {
      try {
        assign(node.key(), std::forward<K>(key));
        fill(node.mapped());
      } catch (...) {
        keep(std::move(node));
        throw;
      }
    }
    return {entries_.insert(at, std::move(node)), true};
  }
  /// Takes a kept node. Without one, it makes room to keep one more, and returns an empty handle.
  [[nodiscard]] node_type take() {
    if (spare_.empty()) {
      const auto wanted = size() + 1;
      if (wanted > spare_.capacity()) spare_.reserve(detail::max_of(wanted, 2 * spare_.capacity()));
      return node_type();
    }
    spare_bytes_ -= bytes_of(spare_.back());
    node_type node = std::move(spare_.back());
    spare_.pop_back();
    return node;
  }

  map_type entries_;
  std::vector<node_type> spare_;  // room for all nodes that there are
  std::size_t spare_bytes_ = 0;   // of its nodes, and of what they hold
};

}  // namespace tarn
