// SPDX-License-Identifier: MIT
//
// Every operation of a pool that can throw, with a heap that fails at its first, second, ... call:
// an error changes nothing in the pool but the count of refusals. Slabs come from pages, so that
// the heap is what a pool needs beside them.

#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/compat/expvar.hpp>
#include <tarn/message.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"
#include "support/whole_state.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

struct slabs_of_pages : tarn::page_source {
  static constexpr bool is_below_heap = false;
};
template <class P>
using bytes_for =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, slabs_of_pages>>;
template <class P>
using strings_for =
    tarn::object_pool<std::string, typename P::lock, typename P::stats,
                      tarn::object_traits<tarn::keep_objects<>, tarn::no_check, slabs_of_pages>>;
template <class P>
using built_for =
    tarn::object_pool<std::string, typename P::lock, typename P::stats,
                      tarn::object_traits<tarn::build_objects, tarn::no_check, slabs_of_pages>>;
template <class P>
using messages_for =
    tarn::message_pool<tarn::message, typename P::lock, typename P::stats,
                       tarn::object_traits<tarn::keep_objects<>, tarn::no_check, slabs_of_pages>>;

// Runs `operation(pool)`, which gives back what it takes unless it throws, with a heap that fails
// at call 0, 1, ... once, or from there on. Each time the thread and the pool are new: a thread and
// a pool need some memory only once. Returns: what went wrong.
template <class Pool, class Operation>
[[nodiscard]] std::string walk(const tarn::options& o, Operation&& operation) {
  std::string wrong;
  for (const bool once : {false, true}) {
    std::size_t n = 0;
    for (bool failed = true; failed && n != 500; ++n) {
      std::thread([&] {
        Pool pool(o);
        operation(pool, true);
        const auto before = test::whole_state(pool);
        bool threw = false;
        failed = test::with_failing_heap(
            n,
            [&] {
              try {
                operation(pool, false);
              } catch (const std::exception&) {
                threw = true;
              }
            },
            once);
        if (!threw) return;
        const auto changed = test::change(before, test::whole_state(pool));
        if (!changed.empty()) wrong += "call " + std::to_string(n) + ": " + changed;
        wrong += test::imbalance(pool);
      }).join();
    }
    if (n == 500) wrong += "no end";
  }
  return wrong;
}

// An operation: `act(pool)` after `prepare(pool)`.
template <class Pool>
struct steps {
  std::function<void(Pool&)> prepare;
  std::function<void(Pool&)> act;
  void operator()(Pool& pool, bool before) const { before ? prepare(pool) : act(pool); }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("without heap, an error changes nothing in a byte pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = bytes_for<TestType>;
  const auto none = [](pool_type&) {};
  for (const std::size_t size : {std::size_t{100}, 20 * kib, mib, 3 * mib}) {
    INFO(size);
    CHECK(walk<pool_type>({}, steps<pool_type>{none, [=](pool_type& p) {
                                                 static_cast<void>(p.get(size));
                                               }}) == "");
    CHECK(walk<pool_type>({.large_cache_bytes = 8 * mib},
                          steps<pool_type>{none, [=](pool_type& p) {
                                             static_cast<void>(p.get_shared(size));
                                           }}) == "");
    const auto bulk = [=](pool_type& p) {
      static typename pool_type::buffer out[600];
      const auto few = std::span(out).first(size < kib ? 600 : 4);
      p.get_bulk(size, few);
      p.put_bulk(few);
    };
    CHECK(walk<pool_type>({}, steps<pool_type>{none, bulk}) == "");
    // Idle blocks are a part of the bulk.
    CHECK(walk<pool_type>({}, steps<pool_type>{[=](pool_type& p) {
                                                 std::vector<typename pool_type::buffer> two(2);
                                                 if (size < mib) p.get_bulk(size, two);
                                               },
                                               bulk}) == "");
  }
  const auto some_idle = [](pool_type& p) { p.put(p.get(1000)); };
  CHECK(walk<pool_type>({}, steps<pool_type>{some_idle, [](pool_type& p) { p.prewarm(9, 30); }}) ==
        "");
  CHECK(walk<pool_type>({}, steps<pool_type>{some_idle, [](pool_type& p) { p.resize(9, 30); }}) ==
        "");
  CHECK(walk<pool_type>({.initial_objects = 3, .initial_bytes = mib},
                        steps<pool_type>{some_idle, [](pool_type& p) { p.reset_and_drain(); }}) ==
        "");
  CHECK(walk<pool_type>({}, steps<pool_type>{some_idle, [](pool_type& p) {
                                               p.set_callback([](const tarn::operation&) {});
                                               p.set_callback(nullptr);
                                             }}) == "");
}

TEMPLATE_LIST_TEST_CASE("nor in pools of objects and messages", "[unchanged]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using kept = strings_for<TestType>;
  const auto none = [](auto&) {};
  const auto idle = [](kept& p) { p.put(p.get()); };
  for (const auto& before : {std::function<void(kept&)>(none), std::function<void(kept&)>(idle)}) {
    CHECK(walk<kept>({}, steps<kept>{before, [](kept& p) { static_cast<void>(p.get(5000)); }}) ==
          "");
    CHECK(walk<kept>({}, steps<kept>{before, [](kept& p) {
                                       static typename kept::handle out[300];
                                       p.get_bulk(out);
                                       p.put_bulk(out);
                                     }}) == "");
    CHECK(walk<kept>({}, steps<kept>{before, [](kept& p) { p.prewarm(3000); }}) == "");
    CHECK(walk<kept>({.initial_objects = 9},
                     steps<kept>{before, [](kept& p) { p.reset_and_drain(); }}) == "");
  }
  using built = built_for<TestType>;
  CHECK(walk<built>({}, steps<built>{none, [](built& p) {
                                       static_cast<void>(p.make(std::size_t{5000}, 'x'));
                                     }}) == "");
  CHECK(walk<built>({}, steps<built>{[](built& p) { p.put(p.make()); },
                                     [](built& p) {
                                       static_cast<void>(p.make(std::size_t{5000}, 'x'));
                                     }}) == "");
  using messages = messages_for<TestType>;
  CHECK(walk<messages>({.capacity = 20}, steps<messages>{none, [](messages& p) {
                                                           static_cast<void>(p.get());
                                                         }}) == "");
  CHECK(walk<messages>({.capacity = 20}, steps<messages>{none, [](messages& p) {
                                                           static_cast<void>(p.consumer(5));
                                                         }}) == "");
}

TEST_CASE("a pool that is closed reports what is out, although the heap has nothing", "[heap]") {
  for (const auto how : {tarn::closing::report, tarn::closing::abort}) {
    const auto end = test::in_child([how] {
      tarn::byte_pool<> pool({.name = "frames", .closing = how});
      const auto out = pool.get(100);
      test::with_failing_heap(0, [&] { pool.close(); });
      return 0;
    });
    CHECK(end.said.starts_with("tarn: pool 'frames' was closed with 1 block in use\n"));
    CHECK(end.signal == (how == tarn::closing::abort ? SIGABRT : 0));
  }
}

TEST_CASE("without heap, a header that is set stays as it was", "[heap]") {
  const std::string large(300, 'v');
  std::size_t n = 0;
  for (bool threw = true; threw; ++n) {
    REQUIRE(n != 10);
    tarn::header_list list;
    list.add("a", "1");
    list.add("b", "2");
    threw = false;
    test::with_failing_heap(n, [&] {
      try {
        list.set("a", large);
      } catch (const std::bad_alloc&) {
        threw = true;
      }
    });
    CHECK(list.size() == 2);
    CHECK((*list.find("a")).text() == (threw ? "1" : large));
    CHECK((*list.find("b")).text() == "2");
  }
  CHECK(n > 1);
}

TEST_CASE("without heap, a variable is not published, and its name stays free", "[heap]") {
  tarn::expvar_registry all;
  std::size_t n = 0;
  for (bool threw = true; threw; ++n) {
    REQUIRE(n != 20);
    tarn::expvar_publication mine;
    threw = false;
    test::with_failing_heap(n, [&] {
      try {
        mine = all.publish("a name that is no short string", [] { return 1; });
      } catch (const std::bad_alloc&) {
        threw = true;
      }
    });
    CHECK(all.size() == (threw ? 0 : 1));
  }
  CHECK(n > 1);
}
