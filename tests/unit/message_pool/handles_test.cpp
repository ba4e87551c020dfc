// SPDX-License-Identifier: MIT
//
// The owners of a pooled message, and the moment when it goes back.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

template <class P, class M = tarn::message>
using pool_of = tarn::message_pool<M, typename P::lock, typename P::stats>;

/// A message that holds others of its own pool: each type is incomplete before the other one.
struct node {
  int number = 0;
  tarn::message_pool<node>::shared next;
};
struct tree {
  std::vector<tarn::message_pool<tree, tarn::system_mutex>::handle> children;
  void reset() { children.clear(); }
};

static_assert(!std::is_copy_constructible_v<tarn::message_pool<>::handle>);
static_assert(std::is_nothrow_move_constructible_v<tarn::message_pool<>::handle>);
static_assert(std::is_nothrow_copy_constructible_v<tarn::message_pool<>::shared>);
static_assert(
    std::is_same_v<decltype(*std::declval<tarn::message_pool<>::shared&>()), const tarn::message&>);
// A handle with a plain count is another type, and does not convert to the atomic one.
static_assert(!std::is_convertible_v<tarn::message_pool<tarn::message, tarn::no_lock>::shared,
                                     tarn::message_pool<>::shared>);
static_assert(sizeof(tarn::message_pool<>::handle) == 2 * sizeof(void*));
static_assert(sizeof(tarn::message_pool<>::shared) == 2 * sizeof(void*));

}  // namespace

TEMPLATE_LIST_TEST_CASE("a handle owns its message until it is reset, moved or gone",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  using handle = typename pool_of<TestType>::handle;
  handle none;
  CHECK_FALSE(none);
  CHECK(none.get() == nullptr);
  handle a = pool.get();
  CHECK(a);
  CHECK(pool.in_flight() == 1);
  auto* const message = a.get();
  CHECK(&*a == message);
  handle b = std::move(a);
  CHECK_FALSE(a);  // NOLINT: what is moved from is empty
  CHECK(b.get() == message);
  swap(a, b);
  CHECK(a.get() == message);
  b = pool.get();
  CHECK(pool.in_flight() == 2);
  b = std::move(a);  // the old message goes back
  CHECK(pool.in_flight() == 1);
  b.reset();
  CHECK(pool.in_flight() == 0);
  b.reset();
  pool.put(pool.get());
  pool.put(handle());
  CHECK(pool.in_flight() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a shared message goes back with its last owner, whichever that is",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  using shared = typename pool_of<TestType>::shared;
  for (std::size_t last = 0; last != 4; ++last) {
    auto m = pool.get();
    m->topic = "fan";
    shared owners[4] = {pool.share(std::move(m))};
    CHECK_FALSE(m);  // NOLINT: what is moved from is empty
    CHECK(owners[0].unique());
    owners[1] = owners[0];
    owners[2] = owners[1];
    owners[3] = std::move(owners[0]);
    owners[0] = owners[3];
    CHECK(owners[0].ref_count() == 4);
    CHECK_FALSE(owners[0].unique());
    for (std::size_t i = 0; i != 4; ++i) {
      if (i != last) owners[i].reset();
    }
    CHECK(pool.in_flight() == 1);
    CHECK(owners[last].unique());
    CHECK(owners[last]->topic == "fan");
    owners[last] = shared();
    CHECK(pool.in_flight() == 0);
  }
  CHECK(shared().ref_count() == 0);
  CHECK_FALSE(shared().unique());
  CHECK(pool.share({}).get() == nullptr);
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("a message is fanned out to any number of sinks", "[message_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  using shared = typename pool_of<TestType>::shared;
  for (const std::size_t n : {0u, 1u, 2u, 7u}) {
    INFO(n << " sinks");
    std::vector<shared> sinks(n);
    auto m = pool.get();
    m->id = n;
    pool.share(std::move(m), sinks);
    CHECK(pool.in_flight() == (n == 0 ? 0 : 1));
    for (const auto& s : sinks) {
      CHECK(s->id == n);
      CHECK(s.ref_count() == n);
    }
    // The message that a sink owns until it drops its handle.
    pool.share(pool.get(), sinks);
    CHECK(pool.in_flight() == (n == 0 ? 0 : 1));
    pool.share({}, sinks);
    CHECK(pool.in_flight() == 0);
    for (const auto& s : sinks)
      CHECK_FALSE(s);
  }
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("only the one owner gets a message back to write to", "[message_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  auto first = pool.share(pool.get());
  auto second = first;
  CHECK_FALSE(first.make_unique());
  CHECK(first);
  CHECK(second.ref_count() == 2);
  second.reset();
  auto owner = first.make_unique();
  CHECK(owner);
  CHECK_FALSE(first);
  CHECK_FALSE(first.make_unique());
  owner->id = 5;
  auto again = pool.share(std::move(owner));
  CHECK(again->id == 5);
  CHECK(again.ref_count() == 1);
  again.reset();
  CHECK(pool.in_flight() == 0);
  // The next message from the pool has one owner again.
  CHECK(pool.share(pool.get()).unique());
  CHECK(test::imbalance(pool) == "");
}

TEMPLATE_LIST_TEST_CASE("messages may outlive their pool", "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const std::optional<std::size_t> capacity : {std::optional<std::size_t>{}, {3}}) {
    tracked::start();
    using pool_type = pool_of<TestType, tracked>;
    typename pool_type::handle kept;
    typename pool_type::shared shared[2];
    {
      pool_type pool({.capacity = capacity});
      kept = pool.get();
      pool.share(pool.get(), shared);
    }
    kept->value = 1;
    CHECK(shared[0]->value == 0);
    kept.reset();
    shared[1].reset();
    CHECK(tracked::alive() == 1);
    shared[0].reset();
    tarn::flush_thread();
    CHECK(tracked::alive() == 0);
    CHECK(tracked::faults() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("what can be reset by reset, clear or assignment can be a message",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  {
    pool_of<TestType, std::string> pool;  // clear()
    pool.get()->assign(100, 'x');
    CHECK(pool.get()->empty());
    CHECK(pool.get()->capacity() >= 100);
  }
  {
    pool_of<TestType, int> pool;  // assignment
    *pool.get() = 5;
    CHECK(*pool.get() == 0);
  }
  tracked::start();
  {
    pool_of<TestType, tracked> pool;  // reset()
    pool.get()->value = 5;
    CHECK(pool.get()->value == 0);
    CHECK(tracked::resets() == 2);
    tracked::throw_at(1);
    pool.get().reset();  // its reset throws: it is destroyed
    CHECK(tracked::alive() == 0);
    pool.get()->value = 6;
    CHECK(tracked::alive() == 1);
    CHECK(test::imbalance(pool) == "");
  }
  tarn::flush_thread();
  CHECK(tracked::alive() == 0);
}

TEST_CASE("a factory makes the messages", "[message_pool]") {
  const auto factory = [] {
    tarn::message m;
    m.value.reserve(512);
    return m;
  };
  using lifecycle = tarn::keep_objects<decltype(factory)>;
  tarn::message_pool<tarn::message, tarn::thread_cached<>, tarn::counting_stats,
                     tarn::object_traits<lifecycle>>
      pool({.initial_objects = 2}, {factory, {}});
  CHECK(pool.snapshot().constructed == 2);
  CHECK(pool.get()->value.capacity() == 512);
}

TEST_CASE("messages that hold messages of their own pool go back with them", "[message_pool]") {
  tarn::message_pool<node> nodes({.name = "nodes"});
  for (const int links : {1, 2, 1000}) {
    tarn::message_pool<node>::shared head;
    for (int i = 0; i != links; ++i) {
      auto n = nodes.get();
      n->number = i;
      n->next = std::exchange(head, {});
      head = nodes.share(std::move(n));
    }
    CHECK(nodes.in_flight() == static_cast<std::size_t>(links));
    head.reset();
    CHECK(nodes.in_flight() == 0);
  }
  tarn::message_pool<tree, tarn::system_mutex> trees({.capacity = 7});
  {
    auto root = trees.get();
    for (int i = 0; i != 2; ++i) {
      root->children.push_back(trees.get());
      for (int j = 0; j != 2; ++j)
        root->children.back()->children.push_back(trees.get());
    }
    CHECK_FALSE(trees.try_get());
  }
  CHECK(trees.in_flight() == 0);
  CHECK(test::imbalance(trees) == "");
}

TEMPLATE_LIST_TEST_CASE("a pool is closed, drained, trimmed and warmed as an object_pool",
                        "[message_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  tracked::start();
  {
    pool_of<TestType, tracked> pool({.name = "messages", .initial_objects = 3});
    CHECK(pool.name() == "messages");
    CHECK(tracked::alive() == 3);
    pool.prewarm(2);
    CHECK(tracked::alive() == 5);
    pool.resize(10);
    CHECK(tracked::alive() == 10);
    CHECK(pool.occupancy().idle() == 10);
    auto out = pool.get();
    CHECK(pool.owns(out.get()));
    static_cast<void>(pool.trim());
    CHECK(tracked::alive() == 1);
    pool.reset_and_drain();
    CHECK(tracked::alive() == 4);
    pool.drain();
    CHECK(tracked::alive() == 1);
    CHECK(pool.maintain() == 0);
    CHECK_FALSE(pool.closed());
    pool.close();
    CHECK(pool.closed());
    CHECK_FALSE(pool.try_get());
    CHECK_THROWS_AS(pool.get(), tarn::pool_closed);
    out.reset();
    tarn::flush_thread();
    CHECK(tracked::alive() == 0);
  }
  CHECK(tracked::faults() == 0);
}

TEST_CASE("a message without a default constructor comes from a factory", "[message_pool]") {
  struct numbered {
    explicit numbered(int n) noexcept : number(n) {}
    void reset() noexcept { number = 0; }
    int number;
  };
  struct sevens {
    numbered operator()() const { return numbered(7); }
  };
  tarn::message_pool<numbered, tarn::thread_cached<>, tarn::counting_stats,
                     tarn::object_traits<tarn::keep_objects<sevens>>>
      pool;
  CHECK(pool.get()->number == 7);
}

TEST_CASE("a refusal says whose messages are all in use", "[message_pool]") {
  tarn::message_pool<> pool({.name = "orders", .capacity = 3});
  auto some = pool.consumer(1);
  const auto one = some.get();
  CHECK_THROWS_WITH(some.get(),
                    "tarn: pool 'orders': all messages of this consumer are in use, quota 1");
  const auto two = pool.get();
  CHECK_THROWS_WITH(pool.consumer(2),
                    "tarn: pool 'orders': quota 2 can't be reserved while so many messages are in "
                    "use, capacity 3, 1 of it reserved");
  const auto three = pool.get();
  CHECK_THROWS_WITH(pool.get(),
                    "tarn: pool 'orders': all messages are in use or reserved for consumers, "
                    "capacity 3, 1 of it reserved");
}
