// SPDX-License-Identifier: MIT
//
// The size of a container's nodes, against what the container really asks for.

#include <cstddef>
#include <forward_list>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <tarn/interop/allocator.hpp>
#include <tarn/interop/node_bytes.hpp>
#include <tarn/policy/runtime_tiers.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

std::vector<std::size_t> asked;  // the sizes of single objects

template <class T>
struct noting {
  using value_type = T;
  noting() = default;
  template <class U>
  noting(const noting<U>&) noexcept {}
  T* allocate(std::size_t n) {
    if (n == 1 && !std::is_pointer_v<T>) asked.push_back(sizeof(T));
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept { std::allocator<T>().deallocate(p, n); }
  template <class U>
  friend bool operator==(const noting&, const noting<U>&) noexcept {
    return true;
  }
};

struct wide {
  alignas(64) char bytes[100];
  friend bool operator==(const wide&, const wide&) noexcept { return true; }
  friend bool operator<(const wide&, const wide&) noexcept { return false; }
};
struct hash_of_wide {
  std::size_t operator()(const wide&) const noexcept { return 0; }
};
// Can't be made by the probe, compared or hashed.
struct closed {
  closed(int, const std::string&) = delete;
  closed(const closed&) = delete;
};

using text = std::string;
using lists =
    std::tuple<std::list<char, noting<char>>, std::list<text, noting<text>>,
               std::forward_list<int, noting<int>>, std::forward_list<wide, noting<wide>>>;
using trees =
    std::tuple<std::set<char, std::less<>, noting<char>>,
               std::multiset<wide, std::less<>, noting<wide>>,
               std::map<int, text, std::less<>, noting<std::pair<const int, text>>>,
               std::multimap<text, wide, std::less<>, noting<std::pair<const text, wide>>>>;
using tables =
    std::tuple<std::unordered_set<int, std::hash<int>, std::equal_to<>, noting<int>>,
               std::unordered_multiset<wide, hash_of_wide, std::equal_to<>, noting<wide>>,
               std::unordered_map<text, int, std::hash<text>, std::equal_to<>,
                                  noting<std::pair<const text, int>>>,
               std::unordered_multimap<int, wide, std::hash<int>, std::equal_to<>,
                                       noting<std::pair<const int, wide>>>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a list asks for so many bytes", "[node_bytes]", lists) {
  TestType c;
  asked.clear();
  c.emplace_front();
  c.emplace_front();
  CHECK(asked == std::vector<std::size_t>(2, tarn::node_bytes<TestType>()));
}

TEMPLATE_LIST_TEST_CASE("a tree asks for so many bytes", "[node_bytes]", trees) {
  TestType c;
  asked.clear();
  c.emplace();
  CHECK(asked == std::vector<std::size_t>(1, tarn::node_bytes<TestType>()));
}

TEMPLATE_LIST_TEST_CASE("a hash table asks for so many bytes, and for its buckets", "[node_bytes]",
                        tables) {
  TestType c;
  asked.clear();
  c.emplace();
  CHECK(asked == std::vector<std::size_t>(1, tarn::node_bytes<TestType>()));
}

TEST_CASE("the allocator of the container takes no part, and elements need no constructor",
          "[node_bytes]") {
  using plain = std::map<int, text>;
  using pooled =
      std::map<int, text, std::less<int>, tarn::pool_allocator<std::pair<const int, text>>>;
  CHECK(tarn::node_bytes<plain>() == tarn::node_bytes<pooled>());
  CHECK(tarn::node_bytes<plain>() > sizeof(std::pair<const int, text>));
  CHECK(tarn::node_bytes<std::list<closed>>() >= sizeof(closed) + 2 * sizeof(void*));
  CHECK(tarn::node_bytes<std::map<int, closed>>() > 3 * sizeof(void*));
}

TEMPLATE_LIST_TEST_CASE("a tier of this size holds a node without waste", "[node_bytes]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = test::byte_pool_for<TestType, tarn::runtime_tiers>;
  using element = std::pair<const int, wide>;
  using map = std::map<int, wide, std::less<>, tarn::pool_allocator<element, pool_type>>;
  const auto bytes = tarn::node_bytes<map>();
  test::byte_fixture<TestType, tarn::runtime_tiers> pool({},
                                                         tarn::runtime_tiers({64, bytes, 4096}));
  map c{tarn::pool_allocator<element, pool_type>(*pool)};
  for (int i = 0; i != 100; ++i)
    c.try_emplace(i);
  const auto now = pool->occupancy();
  CHECK(now.tiers[1].size_bytes == bytes);
  CHECK(now.tiers[1].in_use == 100);
  CHECK(now.in_use() == 100);
}
