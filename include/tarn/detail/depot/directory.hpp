// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/system/own_memory.hpp>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Bits of an address, and of the index into an inner node, unless the environment sets others: a
/// model checker has few addresses, and each entry is expensive to it.
template <class Env>
struct directory_bits {
  static constexpr unsigned address = 48;
  static constexpr unsigned node = 12;
};
template <class Env>
  requires requires { Env::directory_address_bits + Env::directory_node_bits; }
struct directory_bits<Env> {
  static constexpr unsigned address = Env::directory_address_bits;
  static constexpr unsigned node = Env::directory_node_bits;
};

/// A map from an address to a value (the slab that covers it). Any thread reads it without a lock.
///
/// A radix tree of three levels over `address / unit`. Nodes are added as slabs come and live as
/// long as the directory, so a racing reader never reads freed memory. It takes 2 KiB while empty,
/// and 32 KiB for every 4096 neighbouring units in use, touched only where there are entries.
/// Source: the page maps of tcmalloc and jemalloc.
template <class Env, class Value>
class directory {
 public:
  static constexpr unsigned address_bits = directory_bits<Env>::address;

  /// `unit_bits`: log2 of the bytes that one entry stands for, 16..30 (so that 32 bits of index
  /// suffice). Its nodes come from `own`.
  directory(unsigned unit_bits, const own_memory& own) noexcept
      : unit_bits_(unit_bits), own_(own) {}
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;

  ~directory() {
    for (auto& root : root_) {
      auto* const middle = root.load(std::memory_order::relaxed);  // no other thread is left
      if (middle == nullptr) continue;
      for (auto& entry : middle->entries)
        own_.destroy(entry.load(std::memory_order::relaxed));
      own_.destroy(middle);
    }
  }

  /// The value for `p`; null if nothing covers it. Thread safety: any thread may call it at any
  /// time.
  [[nodiscard]] Value* find(const void* p) const noexcept {
    const auto unit = reinterpret_cast<std::uintptr_t>(p) >> unit_bits_;
    if (std::uint64_t{unit} >> (address_bits - unit_bits_) != 0) return nullptr;
    // (1) acquire, pairs with (2), on each level: a node that is seen is complete.
    const auto* const middle = root_[root_index(unit)].load(std::memory_order::acquire);
    if (middle == nullptr) return nullptr;
    const auto* const leaf = middle->entries[middle_index(unit)].load(std::memory_order::acquire);
    if (leaf == nullptr) return nullptr;
    return leaf->entries[unit & node_mask].load(std::memory_order::acquire);
  }

  /// The value for `p`. Preconditions: something covers it.
  [[nodiscard]] Value* find_known(const void* p) const noexcept {
    Value* const found = find(p);
    promise(found != nullptr);
    return found;
  }

  /// Makes room for `[p, p + bytes)`. Returns: false if there is no memory, or if the address is
  /// beyond 48 bits. Thread safety: from any thread.
  [[nodiscard]] bool make_room(const void* p, std::size_t bytes) noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(p) >> unit_bits_;
    const auto last = (reinterpret_cast<std::uintptr_t>(p) + bytes - 1) >> unit_bits_;
    if (std::uint64_t{last} >> (address_bits - unit_bits_) != 0) return false;
    for (auto unit = first; unit <= last; unit = (unit | node_mask) + 1) {
      auto* const middle = child(root_[root_index(unit)]);
      if (middle == nullptr || child(middle->entries[middle_index(unit)]) == nullptr) return false;
    }
    return true;
  }

  /// Sets the value for `[p, p + bytes)`. Preconditions: room was made.
  void set(const void* p, std::size_t bytes, Value* value) noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(p) >> unit_bits_;
    const auto last = (reinterpret_cast<std::uintptr_t>(p) + bytes - 1) >> unit_bits_;
    for (auto unit = first; unit <= last; ++unit) {
      auto* const middle = root_[root_index(unit)].load(std::memory_order::acquire);
      auto* const leaf = middle->entries[middle_index(unit)].load(std::memory_order::acquire);
      // (2) release, pairs with (1): the descriptor is complete before it can be found.
      leaf->entries[unit & node_mask].store(value, std::memory_order::release);
    }
  }

 private:
  static constexpr unsigned node_bits = directory_bits<Env>::node;
  static constexpr std::uintptr_t node_mask = (std::uintptr_t{1} << node_bits) - 1;
  static constexpr unsigned root_bits = address_bits - 16 - 2 * node_bits;  // for the least unit

  [[nodiscard]] static std::uintptr_t root_index(std::uintptr_t unit) noexcept {
    return unit >> 2 * node_bits & ((std::uintptr_t{1} << root_bits) - 1);
  }
  [[nodiscard]] static std::uintptr_t middle_index(std::uintptr_t unit) noexcept {
    return unit >> node_bits & node_mask;
  }

  template <class T>
  using atomic_pointer = typename Env::template atomic<T*>;

  struct leaf_node {
    atomic_pointer<Value> entries[node_mask + 1] = {};
  };
  struct middle_node {
    atomic_pointer<leaf_node> entries[node_mask + 1] = {};
  };

  template <class Node>
  [[nodiscard]] Node* child(atomic_pointer<Node>& place) const noexcept {
    Node* found = place.load(std::memory_order::acquire);
    if (found != nullptr) return found;
    auto* const made = own_.template make<Node>();
    if (made == nullptr) return nullptr;
    // (2) release, pairs with (1); acquire on failure: the other thread's node is used.
    if (place.compare_exchange_strong(found, made, std::memory_order::release,
                                      std::memory_order::acquire)) {
      return made;
    }
    own_.destroy(made);
    return found;
  }

  unsigned unit_bits_;
  own_memory own_;
  atomic_pointer<middle_node> root_[std::size_t{1} << root_bits] = {};
};

}  // namespace tarn::detail
