// SPDX-License-Identifier: MIT
//
// options::default_capacity: each container that the pool makes has that room, whichever way it is
// made, and a container that the heap has no room for changes nothing.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <tarn/object_pool.hpp>
#include <tarn/policy/source.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"
#include "support/whole_state.hpp"

namespace {

struct slabs_of_pages : tarn::page_source {
  static constexpr bool is_below_heap = false;
};
template <class P, class T = std::vector<char>>
using pool_for =
    tarn::object_pool<T, typename P::lock, typename P::stats,
                      tarn::object_traits<tarn::keep_objects<>, tarn::no_check, slabs_of_pages>>;

constexpr std::size_t room = 1000;

// The least capacity of all objects that the pool has, idle and new.
template <class Pool>
std::size_t least_room(Pool& pool, std::size_t objects) {
  std::vector<typename Pool::handle> all;
  std::size_t least = static_cast<std::size_t>(-1);
  for (std::size_t i = 0; i != objects; ++i) {
    all.push_back(pool.get());
    least = std::min(least, all.back()->capacity());
  }
  return least;
}

// Fills its text with room of its own, and gives all of it back where it is told to shrink.
struct note {
  std::string text;
  void reserve(std::size_t n) { text.reserve(n); }
  [[nodiscard]] std::size_t capacity() const noexcept { return text.capacity(); }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return text.capacity(); }
  void clear() noexcept { text.clear(); }
  void shrink(std::size_t) noexcept { std::string().swap(text); }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("each container of a pool has room for the default capacity, from any get",
                        "[object_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_for<TestType>;
  {
    pool_type pool({.default_capacity = room});
    CHECK(pool.get()->capacity() >= room);
    CHECK(pool.try_get()->capacity() >= room);
    if constexpr (tarn::can_wait_for_other_threads<typename TestType::lock>) {
      auto first = pool.get();
      CHECK(pool.get_for(tarn::time_span::of_seconds(1))->capacity() >= room);
    }
    CHECK(least_room(pool, 5) >= room);
    CHECK(test::imbalance(pool) == "");
  }
  {
    pool_type pool({.default_capacity = room});
    std::vector<typename pool_type::handle> many(7);
    pool.get_bulk(many);
    for (const auto& one : many)
      CHECK(one->capacity() >= room);
  }
  {
    pool_type pool({.initial_objects = 3, .default_capacity = room});
    CHECK(least_room(pool, 3) >= room);
  }
  {
    pool_type pool({.default_capacity = room});
    pool.prewarm(4);
    CHECK(least_room(pool, 4) >= room);
    pool.resize(9);
    CHECK(least_room(pool, 9) >= room);
    CHECK(pool.try_get(room + 1)->capacity() > room);
    CHECK(test::imbalance(pool) == "");
  }
  pool_type plain;
  CHECK(plain.get()->capacity() == 0);  // without the option the factory decides
}

TEMPLATE_LIST_TEST_CASE("a container that grew too large comes back with the default capacity",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_for<TestType> pool({.keep_capacity_bytes = 2000, .default_capacity = room});
  for (int i = 0; i != 3; ++i) {
    auto v = pool.get();
    CHECK(v->capacity() >= room);
    CHECK(v->capacity() <= 2000);
    v->reserve(5000);
  }
  // Also if the pool may not keep that much.
  pool_for<TestType> strict({.keep_capacity_bytes = 10, .default_capacity = room});
  for (int i = 0; i != 3; ++i)
    CHECK(strict.get()->capacity() >= room);
  // Also if the type gives back more than it had to.
  pool_for<TestType, note> notes({.keep_capacity_bytes = 2000, .default_capacity = room});
  for (int i = 0; i != 3; ++i) {
    auto n = notes.get();
    CHECK(n->capacity() >= room);
    n->reserve(5000);
  }
  CHECK(test::imbalance(pool) == "");
  CHECK(test::imbalance(strict) == "");
  CHECK(test::imbalance(notes) == "");
}

TEST_CASE("a put allocates no memory, although a container lost its room", "[object_pool]") {
  pool_for<test::policies<std::mutex, tarn::counting_stats>> pool(
      {.keep_capacity_bytes = 2000, .default_capacity = room});
  auto v = pool.get();
  v->reserve(5000);
  CHECK_FALSE(test::with_failing_heap(0, [&] { v.reset(); }));
  CHECK(pool.get()->capacity() >= room);
}

TEST_CASE("room is for all types with reserve, and for no other", "[object_pool]") {
  tarn::object_pool<std::unordered_map<int, int>> hashed({.default_capacity = 500});
  CHECK(hashed.get()->bucket_count() >= 500);
  tarn::object_pool<std::map<int, int>> sorted({.default_capacity = 500});
  CHECK(sorted.get()->empty());
  const auto make = [] { return std::string("> "); };
  const auto tidy = [](std::string& s) { s.resize(2); };
  using prompts = tarn::keep_objects<decltype(make), decltype(tidy)>;
  tarn::object_pool<std::string, tarn::no_lock, tarn::counting_stats, tarn::object_traits<prompts>>
      lines({.default_capacity = 300});
  auto line = lines.get();
  CHECK(*line == "> ");
  CHECK(line->capacity() >= 300);
}

TEMPLATE_LIST_TEST_CASE("without heap for the room, an error changes nothing", "[object_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_for<TestType>;
  const auto get = [](pool_type& p) { static_cast<void>(p.get()); };
  const auto sized = [](pool_type& p) { static_cast<void>(p.get(room + 1)); };
  const auto bulk = [](pool_type& p) {
    static typename pool_type::handle out[5];
    p.get_bulk(out);
    p.put_bulk(out);
  };
  const auto prewarm = [](pool_type& p) { p.prewarm(5); };
  const auto resize = [](pool_type& p) { p.resize(6); };
  const auto walk = [](auto operation, bool has_idle) {
    std::string wrong;
    std::size_t failures = 0;
    for (const bool once : {false, true}) {
      bool failed = true;
      for (std::size_t n = 0; failed && n != 200; ++n) {
        std::thread([&] {
          pool_type pool({.default_capacity = room});
          if (has_idle) pool.put(pool.get());
          const auto before = test::whole_state(pool);
          bool threw = false;
          const auto live = test::heap_live.load();
          failed = test::with_failing_heap(
              n,
              [&] {
                try {
                  operation(pool);
                } catch (const std::bad_alloc&) {
                  threw = true;
                }
              },
              once);
          if (!threw) return;
          ++failures;
          wrong += test::change(before, test::whole_state(pool)) + test::imbalance(pool);
          if (test::heap_live.load() > live + 8) wrong += "leak;";  // what a thread needs once
        }).join();
      }
      if (failed) wrong += "no end;";
    }
    if (failures == 0) wrong += "no failure;";
    return wrong;
  };
  CHECK(walk(get, false) == "");
  CHECK(walk(sized, false) == "");
  CHECK(walk(sized, true) == "");
  CHECK(walk(bulk, false) == "");
  CHECK(walk(bulk, true) == "");
  CHECK(walk(prewarm, false) == "");
  CHECK(walk(prewarm, true) == "");
  CHECK(walk(resize, true) == "");
}
