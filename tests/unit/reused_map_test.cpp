// SPDX-License-Identifier: MIT
//
// Maps that keep their nodes: alone, in pools, with a heap that fails, with values that throw.

#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/compat/cachex.hpp>
#include <tarn/reused_map.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"

namespace {

using texts = tarn::reused_map<std::string, std::string>;
const std::string long_text(60, 'x');  // longer than the internal buffer of a string

// Calls of the heap, counted by one that does not fail.
template <class Action>
std::size_t heap_calls_of(Action&& action) {
  constexpr std::size_t plenty = 1'000'000;
  std::size_t left = 0;
  test::with_failing_heap(plenty, [&] {
    action();
    left = test::heap_calls_left;
  });
  return plenty - left;
}

void fill(texts& m, int entries) {
  for (int i = 0; i != entries; ++i) {
    const char key[] = {'k', static_cast<char>('a' + i), '\0'};
    m.insert(std::string_view(key), std::string_view(long_text));
  }
}

struct picky {
  int value = 0;
  static inline bool throws = false;
  picky() = default;
  picky(const picky&) = default;
  picky& operator=(int v) {
    if (throws) throw std::bad_alloc();
    value = v;
    return *this;
  }
  void reset() {
    if (throws) throw std::bad_alloc();
    value = 0;
  }
};

static_assert(std::is_nothrow_move_constructible_v<texts>);
static_assert(std::is_copy_constructible_v<texts>);
static_assert(std::is_same_v<texts::map_type, std::map<std::string, std::string, std::less<>>>);

}  // namespace

TEST_CASE("a reused map is a sorted map", "[reused_map]") {
  tarn::reused_map<std::string, int> m;
  CHECK(m.empty());
  m["two"] = 2;
  m["one"] = 1;
  CHECK(m.insert("three", 3).second);
  CHECK_FALSE(m.insert("three", 4).second);
  CHECK(m["three"] == 3);
  CHECK(m.insert_or_assign("three", 5).first->second == 5);
  CHECK(m.size() == 3);
  CHECK(m.contains(std::string_view("one")));
  CHECK(m.find("four") == m.end());
  CHECK(std::as_const(m).find("one")->second == 1);
  CHECK(m.lower_bound("p")->first == "three");
  CHECK(m.upper_bound("three")->first == "two");
  std::string order;
  for (const auto& [key, value] : std::as_const(m))
    order += key + ' ';
  CHECK(order == "one three two ");
  CHECK(m.erase(m.find("three"))->first == "two");
  CHECK(m.erase("one") == 1);
  CHECK(m.erase("one") == 0);
  CHECK(m.entries() == std::map<std::string, int, std::less<>>{{"two", 2}});
  m.clear();
  CHECK(m.begin() == m.end());
  CHECK(m["two"] == 0);  // not the value that was there before

  tarn::reused_map<int, int, std::greater<int>> down;
  down[1] = down[2] = 0;
  CHECK(down.begin()->first == 2);
}

TEST_CASE("what was cleared or erased serves the next entries, and the heap is not called",
          "[reused_map]") {
  texts m;
  CHECK(heap_calls_of([&] { fill(m, 16); }) > 32);
  m.clear();
  CHECK(m.capacity() == 16);
  CHECK(heap_calls_of([&] {
          for (int i = 0; i != 20; ++i) {
            fill(m, 16);
            m.clear();
          }
          fill(m, 8);
          m.erase("kc");
          m.erase(m.begin());
          m.insert("other", std::string_view(long_text));
          m.clear();
        }) == 0);
  CHECK(m.capacity() == 16);
}

TEST_CASE("a capacity that is reserved needs no heap for nodes", "[reused_map]") {
  tarn::reused_map<int, int> m;
  m.reserve(16);
  CHECK(m.capacity() == 16);
  CHECK(m.empty());
  CHECK(heap_calls_of([&] {
          for (int i = 0; i != 16; ++i)
            m[i] = i;
        }) == 0);
  CHECK(heap_calls_of([&] { m[16] = 1; }) > 0);
  m.reserve(3);
  CHECK(m.capacity() == 17);
}

TEST_CASE("kept bytes count nodes and what they hold, and shrink frees kept nodes",
          "[reused_map]") {
  texts m;
  CHECK(m.kept_bytes() == 0);
  fill(m, 10);
  const auto full = m.kept_bytes();
  CHECK(full > 10 * (sizeof(texts::value_type) + long_text.size()));
  m.clear();
  CHECK(m.kept_bytes() == full);  // the capacities are still there
  fill(m, 4);
  CHECK(m.kept_bytes() == full);
  m.shrink(full / 2);
  CHECK(m.size() == 4);
  CHECK(m.kept_bytes() <= full / 2);
  m.shrink(0);
  CHECK(m.size() == 4);
  CHECK(m.capacity() == 4);
  m.clear();  // there is no room to keep what was shrunk away, and none is asked for
  CHECK(m.empty());
  m.shrink(0);
  CHECK(m.kept_bytes() == 0);
  fill(m, 3);
  m.clear();
  CHECK(m.capacity() == 3);
}

TEST_CASE("copies have the entries, moves also what is kept", "[reused_map]") {
  texts m;
  fill(m, 5);
  m.erase("ka");
  texts copy(m);
  CHECK(copy == m);
  CHECK(copy.capacity() == 4);
  CHECK(copy.insert("new", "entry").second);
  CHECK_FALSE(copy == m);
  const auto bytes = m.kept_bytes();
  texts moved(std::move(m));
  CHECK(moved.capacity() == 5);
  CHECK(moved.kept_bytes() == bytes);
  CHECK(m.empty());  // NOLINT(bugprone-use-after-move): that it is empty is what is tested
  CHECK(m.kept_bytes() == 0);
  fill(m, 2);
  m = moved;
  CHECK(m == moved);
  m = std::move(moved);
  CHECK(m.capacity() == 5);
  texts& same = m;
  m = std::move(same);
  CHECK(m.size() == 4);
  swap(m, copy);
  CHECK(copy.size() == 4);
  CHECK(m.size() == 5);
}

TEST_CASE("without heap, no entry changes", "[reused_map]") {
  for (const int kept : {0, 2}) {
    bool failed = true;
    std::size_t n = 0;
    for (; failed && n != 50; ++n) {
      INFO("call " << n);
      texts m;
      fill(m, 3 + kept);
      for (int i = 0; i != kept; ++i) {
        m.begin()->second.shrink_to_fit();
        m.erase(m.begin());
      }
      const texts before(m);
      const auto live = test::heap_live.load();
      std::string text(200, 'y');
      failed = test::with_failing_heap(n, [&] {
        try {
          m.insert(std::string_view(text), std::string_view(text));
        } catch (const std::bad_alloc&) {
        }
      });
      if (failed) {
        CHECK(m == before);
        CHECK(test::heap_live.load() <= live + 4);
      } else {
        CHECK(m.size() == before.size() + 1);
      }
      m.clear();
    }
    CHECK(n > 2);
    CHECK_FALSE(failed);
  }
  texts m;
  fill(m, 4);
  // A clear never calls the heap.
  CHECK_FALSE(test::with_failing_heap(0, [&] { m.clear(); }));
  CHECK(m.capacity() == 4);
}

TEST_CASE("a value that throws changes no entry, and is not kept", "[reused_map]") {
  tarn::reused_map<int, picky> m;
  m.insert(1, 10);
  m.insert(2, 20);
  m.erase(2);
  picky::throws = true;
  CHECK_THROWS_AS(m.insert(3, 30), std::bad_alloc);
  CHECK(m.size() == 1);
  CHECK(m.capacity() == 1);  // its reset threw, too
  CHECK_THROWS_AS(m.insert(3, 30), std::bad_alloc);
  m.clear();
  CHECK(m.empty());
  CHECK(m.capacity() == 0);
  m.reserve(2);  // new nodes need no reset
  CHECK(m.capacity() == 2);
  picky::throws = false;
  m.insert(1, 5);
  CHECK(m[1].value == 5);
}

TEST_CASE("what a value owns ends when it is cleared", "[reused_map]") {
  tarn::reused_map<int, std::shared_ptr<int>> m;
  const auto owned = std::make_shared<int>(1);
  m[1] = owned;
  CHECK(owned.use_count() == 2);
  m.clear();
  CHECK(owned.use_count() == 1);
  CHECK(m[2] == nullptr);
}

TEMPLATE_LIST_TEST_CASE("pooled maps are empty for the next user, and keep up to a limit",
                        "[reused_map]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type =
      tarn::map_pool<std::string, std::string, typename TestType::lock, typename TestType::stats>;
  {
    pool_type pool;
    fill(*pool.get(), 16);
    auto m = pool.get();
    CHECK(m->empty());
    CHECK(m->capacity() == 16);
    CHECK(heap_calls_of([&] {
            for (int i = 0; i != 10; ++i) {
              fill(*m, 16);
              m.reset();
              m = pool.get();
            }
          }) == 0);
    m.reset();
    CHECK(test::imbalance(pool) == "");
  }
  pool_type pool({.keep_capacity_bytes = 2000, .default_capacity = 4});
  CHECK(pool.get()->capacity() == 4);
  fill(*pool.get(), 16);
  const auto m = pool.get();
  CHECK(m->kept_bytes() <= 2000);
  CHECK(m->capacity() >= 4);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("the values of a pooled result keep their nodes", "[reused_map]") {
  tarn::async_result_pool<std::string> pool;
  const auto use = [&] {
    auto r = pool.get();
    CHECK(r->values.empty());
    for (const char* key : {"one", "two", "three"})
      r->values[key] = long_text;
  };
  use();
  CHECK(heap_calls_of(use) == 0);
}
