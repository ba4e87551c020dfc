// SPDX-License-Identifier: MIT
//
// Every operation of object and message pools that can throw, made to throw: by the first, second,
// ... call of user code, of the source, and at the bounds. An error changes nothing in the pool but
// the count of refusals, and nothing in what the caller holds.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/whole_state.hpp"

namespace {

// User code throws at the n-th call after it was armed; 0: never.
int calls_left = 0;
int alive = 0;
bool has_thrown = false;
void user_code() {
  if (calls_left == 0 || --calls_left != 0) return;
  has_thrown = true;
  throw std::runtime_error("user code");
}

// A container, so large that a few of them need several slabs.
struct box {
  box() { user_code(), ++alive; }
  explicit box(int n) : value(n) { user_code(), ++alive; }
  box(const box&) = delete;
  box& operator=(const box&) = delete;
  ~box() { --alive; }
  void reserve(std::size_t n) {
    value = 1;  // it may change before it throws
    user_code();
    capacity = n;
  }
  void reset() noexcept { value = 0; }

  int value = 0;
  std::size_t capacity = 0;
  std::byte bytes[9000];
};

template <class P, class Lifecycle = tarn::keep_objects<>, class Check = tarn::no_check>
using pool_of = tarn::object_pool<box, typename P::lock, typename P::stats,
                                  tarn::object_traits<Lifecycle, Check, test::failing_source>>;
template <class P>
using messages_of = tarn::message_pool<
    box, typename P::lock, typename P::stats,
    tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>;

// What the caller holds.
template <class Pool>
struct caller {
  std::vector<typename Pool::handle> handles{12};
  std::vector<typename Pool::handle> more;

  [[nodiscard]] std::vector<const void*> held() const {
    std::vector<const void*> all;
    for (const auto& h : handles)
      all.push_back(h.get());
    all.push_back(more.data() + more.size());
    return all;
  }
};

template <class Pool>
struct operation {
  std::string name;
  std::function<void(Pool&, caller<Pool>&)> act;
};

// How an operation is made to fail.
enum class failing { user_code, source };

// Runs all `operations` in pools from `make(source, caller)`, which fail at the first, second, ...
// call. Idle memory goes before the source fails for good, so there is none then.
template <class Pool, class Make>
void walk(failing what, const std::vector<operation<Pool>>& operations, Make&& make) {
  for (const auto& operation : operations) {
    INFO(operation.name);
    std::size_t threw = 0;
    for (int n = 1;; ++n) {
      INFO("fails at call " << n);
      REQUIRE(n < 60);
      const auto others = alive;
      {
        test::failing_source source;
        caller<Pool> c;
        const std::unique_ptr<Pool> pool = make(source, c);
        const auto objects = alive;
        const auto before = test::whole_state(*pool);
        const auto held = c.held();
        has_thrown = false;
        what == failing::source ? source.fail_from(static_cast<std::size_t>(n)) : void();
        calls_left = what == failing::user_code ? n : 0;
        try {
          operation.act(*pool, c);
        } catch (const std::exception&) {
          ++threw;
          CHECK(test::change(before, test::whole_state(*pool)) == "");
          CHECK(c.held() == held);
          CHECK(alive == objects);
        }
        calls_left = 0;
        CHECK(test::imbalance(*pool, source) == "");
        if (!has_thrown && source.failures() == 0) n = 1000;
        source.never_fail();
      }
      CHECK(alive == others);
      if (n >= 1000) break;
    }
    CHECK(threw != 0);
  }
}

// Three objects are in use; `idle` are idle.
template <class Pool>
auto pool_with(const tarn::options& o, std::size_t idle) {
  return [=](test::failing_source& source, caller<Pool>& c) {
    auto pool = std::make_unique<Pool>(o, typename Pool::lifecycle_type{}, source);
    std::vector<typename Pool::handle> spare;
    for (int i = 0; i != 3; ++i)
      c.handles[static_cast<std::size_t>(i)] = pool->get();
    for (std::size_t i = 0; i != idle; ++i)
      spare.push_back(pool->get());
    return pool;
  };
}

template <class Pool>
[[nodiscard]] std::vector<operation<Pool>> gets_of_kept() {
  using call = caller<Pool>&;
  return {{"get all",
           [](Pool& p, call c) {
             // The gets before the one that fails are no part of the error.
             std::vector<typename Pool::handle> out(20);
             p.get_bulk(out);
             c.handles = std::move(out);
           }},
          {"get_bulk", [](Pool& p, call c) { p.get_bulk(c.handles); }},
          {"prewarm", [](Pool& p, call) { p.prewarm(14); }},
          {"resize", [](Pool& p, call) { p.resize(15); }}};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("user code that throws changes nothing in an object pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  using call = caller<pool_type>&;
  auto operations = gets_of_kept<pool_type>();
  walk<pool_type>(failing::user_code, operations, pool_with<pool_type>({}, 4));
  walk<pool_type>(failing::user_code, operations, pool_with<pool_type>({}, 0));
  walk<pool_type>(failing::user_code,
                  {{"get of a new object", [](pool_type& p, call c) { c.handles[0] = p.get(); }},
                   {"try_get", [](pool_type& p, call c) { c.handles[0] = p.try_get(); }},
                   {"get of a capacity", [](pool_type& p, call c) { c.handles[0] = p.get(100); }}},
                  pool_with<pool_type>({}, 0));
  walk<pool_type>(failing::user_code,
                  {{"get of a capacity, of an idle object",
                    [](pool_type& p, call c) { c.handles[0] = p.get(100); }},
                   {"try_get", [](pool_type& p, call c) { c.handles[0] = p.try_get(100); }}},
                  pool_with<pool_type>({}, 2));
}

TEMPLATE_LIST_TEST_CASE("nor where the pool checks", "[unchanged]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType, tarn::keep_objects<>, tarn::checked>;
  using call = caller<pool_type>&;
  walk<pool_type>(failing::user_code, gets_of_kept<pool_type>(), pool_with<pool_type>({}, 4));
  walk<pool_type>(failing::user_code,
                  {{"get of a capacity", [](pool_type& p, call c) { c.handles[0] = p.get(100); }}},
                  pool_with<pool_type>({}, 2));
}

TEMPLATE_LIST_TEST_CASE("a constructor that throws changes nothing in a pool of built objects",
                        "[unchanged]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType, tarn::build_objects>;
  using call = caller<pool_type>&;
  for (const bool reused : {false, true}) {
    const auto make = [&](test::failing_source& source, caller<pool_type>& c) {
      auto pool = std::make_unique<pool_type>(tarn::options{}, tarn::build_objects{}, source);
      c.handles[1] = pool->make(1);
      if (reused) pool->put(pool->make(2));
      return pool;
    };
    walk<pool_type>(failing::user_code,
                    {{"make", [](pool_type& p, call c) { c.handles[0] = p.make(3); }},
                     {"try_make", [](pool_type& p, call c) { c.handles[0] = p.try_make(3); }}},
                    make);
  }
}

TEMPLATE_LIST_TEST_CASE("a source that fails changes nothing in an object pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  walk<pool_type>(failing::source, gets_of_kept<pool_type>(), pool_with<pool_type>({}, 0));
  // Idle objects are a part of the bulk, so they are not given up for it.
  walk<pool_type>(failing::source,
                  {{"get_bulk", [](pool_type& p, caller<pool_type>& c) { p.get_bulk(c.handles); }}},
                  pool_with<pool_type>({}, 4));
}

TEMPLATE_LIST_TEST_CASE("reset_and_drain at a bound loses no object to a factory that throws",
                        "[unchanged]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  const std::vector<operation<pool_type>> reset{
      {"reset_and_drain", [](pool_type& p, caller<pool_type>&) { p.reset_and_drain(); }}};
  for (const tarn::options& o : {tarn::options{.initial_objects = 6, .capacity = 10},
                                 tarn::options{.initial_objects = 6, .limit_bytes = 128 << 10},
                                 tarn::options{.initial_objects = 6}}) {
    walk<pool_type>(
        failing::user_code, reset, [&](test::failing_source& source, caller<pool_type>& c) {
          auto pool = std::make_unique<pool_type>(o, typename pool_type::lifecycle_type{}, source);
          for (std::size_t i = 0; i != 4; ++i)
            c.handles[i] = pool->get();
          return pool;
        });
  }
}

TEMPLATE_LIST_TEST_CASE("a bulk above a bound leaves objects and handles alone", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType>;
  for (const tarn::options& o :
       {tarn::options{.capacity = 10}, tarn::options{.limit_bytes = 64 << 10}}) {
    test::failing_source source;
    caller<pool_type> c;
    const auto pool = pool_with<pool_type>(o, 2)(source, c);
    c.handles[0]->value = 7;
    const auto before = test::whole_state(*pool);
    const auto held = c.held();
    CHECK_THROWS_AS(pool->get_bulk(c.handles), tarn::pool_exhausted);
    CHECK_FALSE(pool->try_get_bulk(c.handles));
    CHECK(test::change(before, test::whole_state(*pool)) == "");
    CHECK(c.held() == held);
    CHECK(c.handles[0]->value == 7);
    std::uint64_t refused = 0;
    for (const auto n : pool->occupancy().refusals)
      refused += n;
    CHECK(refused == 2);
    // What there is can be had.
    pool->get_bulk(std::span(c.handles).subspan(3, 2));
  }
}

TEMPLATE_LIST_TEST_CASE("an error changes nothing in a message pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = messages_of<TestType>;
  using call = caller<pool_type>&;
  std::vector<operation<pool_type>> operations{
      {"get", [](pool_type& p, call c) { c.handles[0] = p.get(); }},
      {"prewarm", [](pool_type& p, call) { p.prewarm(9); }},
      {"resize", [](pool_type& p, call) { p.resize(9); }}};
  const auto make = [](test::failing_source& source, caller<pool_type>&) {
    return std::make_unique<pool_type>(tarn::options{.capacity = 12},
                                       typename pool_type::lifecycle_type{}, source);
  };
  walk<pool_type>(failing::source, operations, make);
  operations.push_back({"get_for", [](pool_type& p, call c) {
                          c.handles[0] = p.get_for(tarn::time_span::of_seconds(9));
                        }});
  walk<pool_type>(failing::user_code, operations, make);
}
