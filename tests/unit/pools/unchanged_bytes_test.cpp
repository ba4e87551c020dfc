// SPDX-License-Identifier: MIT
//
// Every operation of a byte pool that can throw, made to throw: at the first, second, ... call of
// the source, at the capacity and at the limit. An error changes nothing in the pool but the count
// of refusals, and nothing in what the caller holds.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <tarn/shared_buffer.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/whole_state.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

// What the caller holds beforehand, and an operation that may change it.
template <class Pool>
struct caller {
  using buffer = typename Pool::buffer;
  using shared = typename Pool::shared_buffer;

  // `idle`: blocks of this size are idle, fewer than a bulk takes; 0: none are.
  caller(Pool& pool, std::size_t idle)
      : one(pool.get(100)),
        full(pool.get(128)),
        bytes(pool.get_shared(3000)),
        alias(bytes),
        part(pool.get_shared(100 * kib).slice(0, 20)) {
    for (int i = 0; i != 3; ++i)
      handles.push_back(pool.get(5000));
    handles.resize(20);
    blocks.assign(200, &pool);
    std::vector<buffer> spare(3);
    if (idle != 0) static_cast<void>(pool.try_get_bulk(idle, spare));
  }

  [[nodiscard]] std::vector<const void*> held() const {
    std::vector<const void*> all{one.data(), full.data(), bytes.data(), alias.data(), part.data()};
    for (const auto& h : handles)
      all.push_back(h.data());
    all.insert(all.end(), blocks.begin(), blocks.end());
    return all;
  }

  buffer one, full;
  shared bytes, alias, part;
  std::vector<buffer> handles;
  std::vector<void*> blocks;
  std::function<void()> give_back = [] {};  // what `blocks` got
};

template <class Pool>
struct operation {
  std::string name;
  std::function<void(Pool&, caller<Pool>&)> act;
  // An operation that asks the source gives it all other idle memory first.
  std::size_t idle = 0;
  bool takes_idle = true;
};

template <class Pool>
[[nodiscard]] std::vector<operation<Pool>> operations() {
  using call = caller<Pool>&;
  std::vector<operation<Pool>> all;
  const auto add = [&](std::string name, auto act, std::size_t idle = 0, bool takes_idle = true) {
    all.push_back({std::move(name), act, idle, takes_idle});
  };
  for (const std::size_t size : {std::size_t{16}, 20 * kib, 64 * kib, mib, 3 * mib}) {
    const auto of_size = " of " + std::to_string(size);
    add("get" + of_size, [=](Pool& p, call c) { c.one = p.get(size); });
    add("get_at_least" + of_size, [=](Pool& p, call c) { c.one = p.get_at_least(size); });
    add("get_shared" + of_size, [=](Pool& p, call c) { c.bytes = p.get_shared(size); });
  }
  for (const std::size_t size : {std::size_t{1000}, 9 * kib, 300 * kib, 3 * mib}) {
    const auto of_size = " of " + std::to_string(size);
    add("get_bulk" + of_size, [=](Pool& p, call c) { p.get_bulk(size, c.handles); }, size);
    const std::size_t count = size < 100 * kib ? 200 : 6;
    add(
        "allocate_bulk" + of_size,
        [=](Pool& p, call c) {
          const auto out = std::span(c.blocks).first(count);
          p.allocate_bulk(size, out);
          c.give_back = [=, &p] { p.deallocate_bulk(out, size); };
        },
        size);
  }
  for (const std::size_t alignment : {std::size_t{256}, 128 * kib}) {
    add("allocate aligned", [=](Pool& p, call c) {
      void* const block = c.blocks[0] = p.allocate(300, alignment);
      c.give_back = [=, &p] { p.deallocate(block, 300, alignment); };
    });
  }
  add("adopt", [](Pool& p, call c) { c.bytes = p.adopt("text", [] {}); });
  add("freeze", [](Pool&, call c) { c.bytes = tarn::freeze(std::move(c.full)); });
  add("make_unique", [](Pool&, call c) { static_cast<void>(c.bytes.make_unique()); });
  add("compact_if", [](Pool&, call c) { static_cast<void>(c.part.compact_if(0.5)); });
  const auto add_making = [&](std::string name, auto act) { add(name, act, 1000, false); };
  add_making("prewarm", [](Pool& p, call) { p.prewarm(9, 20); });
  add_making("prewarm many", [](Pool& p, call) { p.prewarm(3, 1000); });
  add_making("resize", [](Pool& p, call) { p.resize(7, 50); });
  add_making("reset_and_drain", [](Pool& p, call) { p.reset_and_drain(); });
  return all;
}

// Whether `act` throws; if so, checks that nothing has changed.
template <class Pool>
[[nodiscard]] bool throws_without_change(Pool& pool, caller<Pool>& c, const operation<Pool>& what) {
  const auto before = test::whole_state(pool);
  const auto held = c.held();
  const std::string content(c.bytes.view());
  bool threw = false;
  try {
    what.act(pool, c);
  } catch (const std::exception&) {
    threw = true;
  }
  if (threw) {
    CHECK(test::change(before, test::whole_state(pool)) == "");
    CHECK(c.held() == held);
    CHECK(c.bytes.view() == content);
  }
  return threw;
}

template <class P, class Check>
void walk_the_source(tarn::options o) {
  using pool_type = test::byte_pool_for<P, tarn::power_of_two_tiers<>, Check>;
  for (const auto& what : operations<pool_type>()) {
    INFO(what.name);
    for (std::size_t n = 1;; ++n) {
      REQUIRE(n < 100);
      INFO("the source fails at call " << n);
      test::failing_source source;
      if (!what.takes_idle) o.initial_objects = 1, o.initial_bytes = mib;
      pool_type pool(o, {}, source);
      caller<pool_type> c(pool, what.idle);
      source.fail_from(n);
      const bool threw = throws_without_change(pool, c, what);
      const bool failed = source.failures() != 0;
      CHECK(test::imbalance(pool, source) == "");
      c.give_back();
      if (!failed) {
        CHECK_FALSE(threw);
        break;
      }
    }
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("an error of the source changes nothing in a byte pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  walk_the_source<TestType, tarn::no_check>({});
}

TEMPLATE_LIST_TEST_CASE("nor in one that zeroes, checks and keeps large blocks", "[unchanged]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  walk_the_source<TestType, tarn::checked>(
      {.large_cache_bytes = 8 * mib, .zeroing = tarn::zeroing::on_put});
}

TEMPLATE_LIST_TEST_CASE("an error at a bound changes nothing in a byte pool", "[unchanged]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = test::byte_pool_for<TestType>;
  // At these bounds idle blocks are of no use to the operations that fail.
  for (const tarn::options& o :
       {tarn::options{.initial_objects = 1, .capacity = 15}, tarn::options{.capacity = 15},
        tarn::options{.limit_bytes = mib}, tarn::options{.limit_bytes = 700 * kib}}) {
    std::size_t failed = 0;
    for (const auto& what : operations<pool_type>()) {
      INFO(what.name << ", capacity " << o.capacity.value_or(0) << ", limit "
                     << o.limit_bytes.value_or(0));
      test::failing_source source;
      pool_type pool(o, {}, source);
      caller<pool_type> c(pool, what.idle);
      failed += throws_without_change(pool, c, what);
      CHECK(test::imbalance(pool, source) == "");
      c.give_back();
    }
    CHECK(failed >= 3);
  }
}

TEMPLATE_LIST_TEST_CASE("a callback hears of no get that failed and of no put, only of the refusal",
                        "[unchanged]", test::every_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = test::byte_pool_for<TestType>;
  for (const auto& what : operations<pool_type>()) {
    INFO(what.name);
    for (std::size_t n = 1; n != 5; ++n) {
      test::failing_source source;
      pool_type pool({}, {}, source);
      caller<pool_type> c(pool, what.idle);
      std::size_t heard = 0;
      pool.set_callback(
          [&](const tarn::operation& o) { heard += o.kind != tarn::operation_kind::refuse; });
      source.fail_from(n);
      try {
        what.act(pool, c);
      } catch (const std::exception&) {
        CHECK(heard == 0);
      }
      pool.set_callback(nullptr);
      c.give_back();
    }
  }
}

TEMPLATE_LIST_TEST_CASE("an error names what was missing", "[unchanged]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const auto text_of = [](auto&& action) -> std::string {
    try {
      action();
    } catch (const std::exception& e) {
      return e.what();
    }
    return {};
  };
  test::failing_source source;
  test::byte_pool_for<TestType> pool({.name = "p"}, {}, source);
  source.fail_from(1);
  const std::string node = "has nothing for a node, which shared bytes need beside their block";
  CHECK(text_of([&] { static_cast<void>(pool.get_shared(mib)); }).find(node) != std::string::npos);
  CHECK(text_of([&] { static_cast<void>(pool.adopt("x", [] {})); }).find(node) !=
        std::string::npos);
  CHECK(text_of([&] {
          std::vector<typename test::byte_pool_for<TestType>::buffer> out(3);
          pool.get_bulk(1000, out);
        }) ==
        "tarn: pool 'p' has nothing for 3 blocks of 1000 bytes: 0 bytes held of the source, "
        "which has no more memory");
  CHECK(pool.occupancy().slab_bytes == 0);
}
