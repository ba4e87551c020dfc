// SPDX-License-Identifier: MIT
//
// Pools that are visible from outside: by name, while they live, and not after.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

// The message of the std::invalid_argument that `action` throws.
template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "not refused";
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> names_in(const tarn::pool_registry& registry) {
  std::vector<std::string> names;
  for (const auto& s : registry.snapshots())
    names.push_back(s.name);
  return names;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a published pool of any policy is seen until its token ends", "[registry]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  test::byte_fixture<TestType> pool({.name = "frames"});
  {
    const auto token = registry.publish(*pool);
    CHECK(token);
    CHECK(registry.size() == 1);
    auto held = pool->get(1000);
    const auto all = registry.snapshots();
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "frames");
    const auto total = all[0].total();
    CHECK(total.in_use == 1);
    CHECK(all[0].slab_bytes == pool->occupancy().slab_bytes);
    CHECK(total.gets == (TestType::stats::counts ? 1 : 0));
    CHECK(all[0].taken >= all[0].created);
    CHECK_FALSE(registry.validate());
    held.reset();
    CHECK_FALSE(registry.validate(tarn::moment::at_rest));
  }
  CHECK(registry.size() == 0);
  CHECK_FALSE(registry.find("frames"));
}

TEST_CASE("all products can be published, and are listed by name", "[registry]") {
  tarn::pool_registry registry;
  tarn::byte_pool<> bytes({.name = "m"});
  tarn::object_pool<std::string> objects({.name = "z"});
  tarn::message_pool<> messages({.name = "a"});
  tarn::unsized_pool<> growing({.name = "k"});
  const auto one = registry.publish(bytes);
  const auto two = registry.publish(objects);
  const auto three = registry.publish(messages);
  const auto four = registry.publish(growing);
  const auto five = registry.publish(bytes, "b again");  // under another name, too
  CHECK(names_in(registry) == std::vector<std::string>{"a", "b again", "k", "m", "z"});
  auto text = objects.get();
  CHECK(registry.find("z").snapshot()->constructed == 1);
  CHECK(registry.find("k").name() == "k");
  CHECK_FALSE(registry.find("c"));
  std::size_t visited = 0;
  registry.for_each([&](const tarn::watched_pool& pool) { visited += pool.alive(); });
  CHECK(visited == 5);
}

TEST_CASE("a name is given once, and every refusal says what was wrong", "[registry]") {
  tarn::pool_registry registry(2);
  tarn::byte_pool<> frames({.name = "frames"});
  tarn::byte_pool<> frames_again({.name = "frames"});
  tarn::byte_pool<> unnamed;
  auto token = registry.publish(frames);
  CHECK(mentions(refusal([&] { auto t = registry.publish(frames_again); }),
                 "'frames' is already published"));
  CHECK_FALSE(registry.try_publish(frames_again));
  CHECK(mentions(refusal([&] { auto t = registry.publish(unnamed); }), "without a name"));
  CHECK_FALSE(registry.try_publish(unnamed));
  const auto named = registry.publish(unnamed, "other");
  CHECK(mentions(refusal([&] { auto t = registry.publish(unnamed, "third"); }), "2 already"));
  CHECK_FALSE(registry.try_publish(unnamed, "third"));
  CHECK(registry.size() == 2);
  // Refusals changed nothing, and a name that is given back can be given again.
  token.reset();
  CHECK_FALSE(token);
  const auto again = registry.publish(frames_again);
  CHECK(registry.size() == 2);
  CHECK(mentions(refusal([] { tarn::pool_registry none(0); }), "0 must be at least 1"));
  CHECK(mentions(refusal([] { tarn::pool_registry huge(std::size_t{1} << 21); }), "1048576"));
}

TEST_CASE("a pool can be unpublished by name, and its token does nothing then", "[registry]") {
  tarn::pool_registry registry;
  tarn::byte_pool<> first({.name = "x"});
  tarn::byte_pool<> second({.name = "x"});
  auto token = registry.publish(first);
  CHECK(registry.unpublish("x"));
  CHECK_FALSE(registry.unpublish("x"));
  const auto other = registry.publish(second);
  token.reset();  // the name now belongs to another token
  CHECK(registry.size() == 1);
}

TEST_CASE("a token moves, and may outlive its registry", "[registry]") {
  tarn::byte_pool<> a({.name = "a"});
  tarn::byte_pool<> b({.name = "b"});
  tarn::publication late;
  {
    tarn::pool_registry registry;
    auto one = registry.publish(a);
    auto two = std::move(one);
    CHECK_FALSE(one);
    CHECK(registry.size() == 1);
    auto three = registry.publish(b);
    three = std::move(two);  // b is withdrawn
    CHECK(names_in(registry) == std::vector<std::string>{"a"});
    late = std::move(three);
    CHECK(names_in(registry) == std::vector<std::string>{"a"});
  }
  CHECK_FALSE(late);
  late.reset();
}

TEMPLATE_LIST_TEST_CASE("a pool that ends first is seen no more, and leaks nothing", "[registry]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  tarn::pool_registry registry;
  tarn::publication token;
  tarn::watched_pool kept;
  {
    test::byte_fixture<TestType> pool({.name = "short"});
    token = registry.publish(*pool);
    kept = registry.find("short");
    auto held = pool->get(1000);
    pool.end_pool();  // a buffer is still in use
    CHECK_FALSE(kept.alive());
    CHECK_FALSE(kept.snapshot());
    CHECK_FALSE(kept.occupancy());
    CHECK(kept.trim() == 0);
    CHECK(kept.maintain(std::chrono::seconds(1)) == 0);
    kept.drain();
    CHECK_FALSE(registry.find("short"));
    CHECK(registry.snapshots().empty());
    held.reset();
    CHECK(pool.source.live_bytes() == 0);  // only the core itself is kept, by `kept`
  }
  // The name is free again, although the token still exists.
  tarn::byte_pool<> next({.name = "short"});
  const auto again = registry.publish(next);
  token.reset();
  CHECK(registry.size() == 1);
}

TEST_CASE("a closed pool is seen until it ends", "[registry]") {
  tarn::pool_registry registry;
  std::optional<tarn::byte_pool<>> pool;
  pool.emplace(tarn::options{.name = "closed"});
  const auto token = registry.publish(*pool);
  auto held = pool->get(100);
  pool->close();
  CHECK(registry.find("closed").snapshot()->total().in_use == 1);
  pool.reset();
  CHECK(registry.size() == 0);
}

TEST_CASE("the end of a pool waits for a thread that is looking at it", "[registry]") {
  // A slow destructor runs inside a trim from outside.
  static std::atomic<int> stage{0};
  struct slow {
    ~slow() {
      if (stage != 1) return;
      stage = 2;
      while (stage != 3)
        std::this_thread::yield();
    }
  };
  using pool_type = tarn::object_pool<slow, std::mutex>;
  tarn::pool_registry registry;
  auto pool = std::make_unique<pool_type>(tarn::options{.name = "slow"});
  const auto token = registry.publish(*pool);
  pool->prewarm(1);
  std::atomic<bool> has_ended{false};
  stage = 1;
  std::jthread trimmer([&] { registry.find("slow").trim(); });
  while (stage != 2)
    std::this_thread::yield();
  std::jthread ender([&] {
    pool.reset();
    has_ended = true;
  });
  for (int i = 0; i != 1000; ++i)
    std::this_thread::yield();
  CHECK_FALSE(has_ended);
  stage = 3;
  ender.join();
  CHECK(has_ended);
}

TEST_CASE("who visits the pools may publish, unpublish and end them", "[registry]") {
  tarn::pool_registry registry;
  auto doomed = std::make_unique<tarn::byte_pool<>>(tarn::options{.name = "b"});
  tarn::byte_pool<> first({.name = "a"});
  tarn::byte_pool<> late({.name = "c"});
  std::vector<tarn::publication> tokens;
  tokens.push_back(registry.publish(first));
  tokens.push_back(registry.publish(*doomed));
  registry.for_each([&](const tarn::watched_pool& pool) {
    if (pool.name() == "a") {
      doomed.reset();
      tokens.push_back(registry.publish(late));
      CHECK(registry.unpublish("a"));
    } else {
      CHECK_FALSE(pool.alive());
    }
  });
  CHECK(names_in(registry) == std::vector<std::string>{"c"});
}

TEST_CASE("pools of one thread can't be published", "[registry]") {
  STATIC_REQUIRE(tarn::watchable<tarn::byte_pool<>>);
  STATIC_REQUIRE(tarn::watchable<tarn::object_pool<int, std::mutex>>);
  STATIC_REQUIRE(tarn::watchable<tarn::message_pool<>>);
  STATIC_REQUIRE_FALSE(tarn::watchable<tarn::byte_pool<tarn::no_lock>>);
}

TEST_CASE("the registry of the program is one, and outlives everything", "[registry]") {
  CHECK(&tarn::pools() == &tarn::pools());
  STATIC_REQUIRE(std::is_same_v<decltype(tarn::pools()), tarn::pool_registry&>);
  tarn::byte_pool<> pool({.name = "here for a moment"});
  const auto token = tarn::pools().publish(pool);
  CHECK(tarn::pools().find("here for a moment"));
  // A static object whose destructor comes after those of statics that were made before it.
  static struct late {
    ~late() {
      if (tarn::pools().find("here for a moment")) std::abort();
    }
  } const looks_at_the_end;
  static_cast<void>(looks_at_the_end);
}

TEST_CASE("a fork waits for the holder of a fork lock, and its child mends what it must",
          "[registry]") {
  // As the books of a registry are.
  struct books {
    tarn::detail::fork_lock lock{[](void* b) noexcept { ++static_cast<books*>(b)->mended; }, this};
    int first = 0;  // equal to the next whenever the lock is free
    int second = 0;
    int mended = 0;
  } here;
  std::atomic<bool> is_at_books{false};
  std::atomic<bool> stop{false};  // it keeps running: a child takes an ended thread for a leak
  std::jthread other([&] {
    tarn::detail::locked(here.lock, [&] {
      ++here.first;
      is_at_books = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ++here.second;
    });
    while (!stop)
      std::this_thread::yield();
  });
  while (!is_at_books)
    std::this_thread::yield();
  const auto end = test::in_child([&] {
    return tarn::detail::locked(
        here.lock, [&] { return here.first == 1 && here.second == 1 && here.mended == 1 ? 0 : 1; });
  });
  stop = true;
  INFO(end.said);
  CHECK(end.ok());
  CHECK(here.mended == 0);
}

TEST_CASE("a fork's child sees the pools, whatever other threads were doing", "[registry]") {
  tarn::pool_registry registry;
  tarn::byte_pool<std::mutex> steady({.name = "steady"});
  const auto token = registry.publish(steady);
  auto visited = std::make_unique<tarn::byte_pool<std::mutex>>(tarn::options{.name = "visited"});
  const auto second = registry.publish(*visited);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> others;
  others.emplace_back([&] {
    while (!stop) {
      tarn::byte_pool<std::mutex> brief({.name = "brief"});
      const auto seen = registry.publish(brief);
    }
  });
  others.emplace_back([&] {
    while (!stop)
      static_cast<void>(registry.snapshots());
  });
  for (int i = 0; i != 20; ++i) {
    const auto end = test::in_child(
        [&] {
          auto held = steady.get(100);
          const auto seen = registry.find("steady").occupancy();
          if (!seen || seen->in_use() != 1) return 1;
          held.reset();
          static_cast<void>(registry.unpublish("brief"));
          visited.reset();  // the thread that was visiting it does not exist here
          if (registry.find("visited")) return 3;
          auto own = std::make_unique<tarn::byte_pool<std::mutex>>(tarn::options{.name = "own"});
          const auto published = registry.publish(*own);
          own.reset();
          return registry.find("own") ? 2 : 0;
        },
        10);
    // The heaps of the sanitizers may hang in such a child, with or without pools.
    CHECK((end.ok() || ((test::with_asan || test::with_tsan) && end.signal == SIGALRM)));
    CHECK(end.said == "");
  }
  stop = true;
}
