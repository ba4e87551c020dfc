// SPDX-License-Identifier: MIT
//
// node_bytes: what a standard container asks of its allocator for each element, for a table of
// tiers that fits.
//
//   using sessions = std::map<int, session, std::less<>, tarn::pool_allocator<...>>;
//   const tarn::runtime_tiers tiers({tarn::node_bytes<sessions>(), 4096});

#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>

#include <tarn/detail/base/compiler.hpp>

namespace tarn {

namespace detail {

/// Thrown by the probe: the size of the first node that was asked for.
struct node_probed {
  std::size_t bytes;
};

/// An allocator that tells the size of a node instead of making it. No element is made either, so
/// the elements need no constructor.
template <class T>
struct node_probe {
  using value_type = T;

  const bool* is_armed = nullptr;  // a container may allocate before it has an element

  node_probe() noexcept = default;
  explicit node_probe(const bool& armed) noexcept : is_armed(&armed) {}
  template <class U>
  node_probe(const node_probe<U>& other) noexcept : is_armed(other.is_armed) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    // Several objects at once, or pointers, are the buckets of a hash table.
    if (n == 1 && !std::is_pointer_v<T> && is_armed != nullptr && *is_armed)
      throw node_probed{sizeof(T)};
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept { std::allocator<T>().deallocate(p, n); }
  template <class U, class... Args>
  void construct(U*, Args&&...) noexcept {}
  template <class U>
  void destroy(U*) noexcept {}

  template <class U>
  [[nodiscard]] friend bool operator==(const node_probe&, const node_probe<U>&) noexcept {
    return true;
  }
};

/// The same container with the probe as its allocator.
template <class Container>
struct probed_container;
template <template <class...> class Container, class... Args>
struct probed_container<Container<Args...>> {
  using original = Container<Args...>;
  using allocator = node_probe<typename original::value_type>;
  using type = Container<std::conditional_t<std::is_same_v<Args, typename original::allocator_type>,
                                            allocator, Args>...>;
};

}  // namespace detail

/// The bytes that a node-based container takes from its allocator for each element: list,
/// forward_list, set, map, and their multi and unordered kinds, also those of other libraries with
/// the same interface. The buckets of an unordered container come on top. The allocator of
/// `Container` may be any; it takes no part.
///
/// It depends on the standard library, so it is found by asking: at run time, by a container whose
/// allocator throws. No element is made, compared or hashed. Keep the result; a call takes some
/// microseconds.
///
/// Preconditions: comparison and hash have a default constructor. Returns: bytes; 0 if the
/// container takes no memory for an element. Throws: `std::bad_alloc`, where the container takes
/// memory before its first element. Complexity: O(1). Thread safety: any thread.
template <class Container>
[[nodiscard]] std::size_t node_bytes() {
  static_assert(!std::random_access_iterator<typename Container::iterator>,
                "node_bytes: the container has no nodes; it holds its elements in arrays");
  using probed = typename detail::probed_container<Container>::type;
  bool is_armed = false;
  probed empty{typename probed::allocator_type(is_armed)};
  is_armed = true;
  try {
    if constexpr (requires { empty.emplace_front(); }) {
      empty.emplace_front();
    } else {
      empty.emplace();
    }
  } catch (const detail::node_probed& found) {
    return found.bytes;
  }
  return 0;
}

}  // namespace tarn
