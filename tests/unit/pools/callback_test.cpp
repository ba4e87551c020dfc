// SPDX-License-Identifier: MIT
//
// Callbacks: the events that they are called for, and the operations that they may use.

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"

namespace {

using tarn::operation;
using tarn::operation_kind;

struct told {
  operation_kind kind;
  std::size_t tier;
  std::size_t size;
  void* item;
  friend bool operator==(const told&, const told&) = default;
};

// Records the events of a pool.
struct diary {
  std::vector<told> lines;
  [[nodiscard]] auto callback() {
    return [this](const operation& o) { lines.push_back({o.kind, o.tier, o.size_bytes, o.item}); };
  }
  [[nodiscard]] std::size_t count(operation_kind kind) const {
    std::size_t n = 0;
    for (const auto& l : lines)
      n += l.kind == kind;
    return n;
  }
};

struct clumsy {
  static inline bool throws = false;
  int value = 0;
  void reset() {
    if (throws) throw std::runtime_error("no");
    value = 0;
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a byte pool tells its callback of every get and put, with block and size",
                        "[callback]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  diary d;
  f->set_callback(d.callback());
  void* first = nullptr;
  {
    auto b = f->get(100);
    first = b.data();
    REQUIRE(d.lines.size() == 2);
    CHECK(d.lines[0] == told{operation_kind::create, 0, 128, first});
    CHECK(d.lines[1] == told{operation_kind::get, 0, 100, first});
  }
  REQUIRE(d.lines.size() == 3);
  CHECK(d.lines[2] == told{operation_kind::put, 0, 100, first});
  void* const again = f->allocate(200);
  f->deallocate(again, 200);
  const auto last = d.lines.size();
  CHECK(d.lines[last - 2] == told{operation_kind::get, 1, 200, again});
  CHECK(d.lines[last - 1] == told{operation_kind::put, 1, 200, again});
}

TEMPLATE_LIST_TEST_CASE("gets and puts of every kind are told once each", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType>;
  fixture f;
  diary d;
  f->set_callback(d.callback());
  {
    auto a = f->try_get(10);
    auto b = f->get_at_least(1000);
    auto c = f->get_shared(100);   // its node is in the tail
    auto n = f->get_shared(2048);  // its node is apart, and a callback does not learn of it
    auto copy = n;
    void* blocks[3];
    f->allocate_bulk(64, blocks);
    f->deallocate_bulk(blocks, 64);
    typename fixture::buffer some[5];
    f->get_bulk(300, some);
    CHECK(d.count(operation_kind::get) == 12);
    f->put_bulk(some);
    CHECK(d.count(operation_kind::put) == 8);
  }
  CHECK(d.count(operation_kind::get) == 12);
  CHECK(d.count(operation_kind::put) == 12);
  CHECK(d.count(operation_kind::discard) == 0);
  {
    auto huge = f->get(std::size_t{3} << 20);
    const auto& line = d.lines.back();
    CHECK(line.kind == operation_kind::get);
    CHECK(line.tier == f->tiers().count());
    CHECK(line.size == std::size_t{3} << 20);
  }
  CHECK(d.count(operation_kind::put) == 13);
}

TEMPLATE_LIST_TEST_CASE("without a callback nothing is told, and the next one is told at once",
                        "[callback]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  diary one;
  diary two;
  f->set_callback(one.callback());
  static_cast<void>(f->get(1));
  f->set_callback(two.callback());
  static_cast<void>(f->get(1));
  f->set_callback(nullptr);
  static_cast<void>(f->get(1));
  f->set_callback(std::function<void(const operation&)>());
  f->set_callback(static_cast<void (*)(const operation&)>(nullptr));
  static_cast<void>(f->get(1));
  CHECK(one.count(operation_kind::get) == 1);
  CHECK(two.count(operation_kind::get) == 1);
}

TEMPLATE_LIST_TEST_CASE("a callback may use the pool; what it does is not told", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  std::size_t calls = 0;
  f->set_callback([&](const operation&) {
    ++calls;
    auto mine = f->get(500);
    std::memset(mine.data(), 1, mine.size());
    f->trim();
  });
  {
    const auto b = f->get(100);
  }
  CHECK(calls == 3);  // create, get, put
}

TEMPLATE_LIST_TEST_CASE("a callback may take itself out and put another one in", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  std::size_t first = 0;
  std::size_t second = 0;
  f->set_callback([&](const operation&) {
    ++first;
    f->set_callback([&](const operation& o) {
      ++second;
      if (o.kind == operation_kind::put) f->set_callback(nullptr);
    });
  });
  {
    const auto b = f->get(100);
  }
  {
    const auto b = f->get(100);
  }
  CHECK(first == 1);
  CHECK(second == 2);
}

TEMPLATE_LIST_TEST_CASE("what a callback throws harms no caller and is counted", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  f->set_callback([](const operation&) { throw std::runtime_error("no"); });
  {
    const auto b = f->get(100);
  }
  {
    const auto b = f->get(100);
  }
  if constexpr (TestType::stats::counts) CHECK(f->snapshot().callback_failures == 5);
  f->set_callback(nullptr);
}

TEMPLATE_LIST_TEST_CASE("an object pool tells of the object, made and returned", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<clumsy, typename TestType::lock, typename TestType::stats> pool;
  diary d;
  pool.set_callback(d.callback());
  void* object = nullptr;
  {
    const auto o = pool.get();
    object = o.get();
    o->value = 7;
  }
  {
    const auto o = pool.get();
  }
  REQUIRE(d.lines.size() == 5);
  CHECK(d.lines[0] == told{operation_kind::create, 0, sizeof(clumsy), object});
  CHECK(d.lines[1] == told{operation_kind::get, 0, sizeof(clumsy), object});
  CHECK(d.lines[2] == told{operation_kind::put, 0, sizeof(clumsy), object});
  CHECK(d.lines[3] == told{operation_kind::get, 0, sizeof(clumsy), object});
  CHECK(d.lines[4] == told{operation_kind::put, 0, sizeof(clumsy), object});

  clumsy::throws = true;
  {
    const auto o = pool.get();
  }
  clumsy::throws = false;
  REQUIRE(d.lines.size() == 8);
  CHECK(d.lines[6] == told{operation_kind::put, 0, sizeof(clumsy), object});
  CHECK(d.lines[7] == told{operation_kind::discard, 0, sizeof(clumsy), object});
}

TEMPLATE_LIST_TEST_CASE("a pool that builds its objects tells of them once they are got",
                        "[callback]", test::every_policy) {
  INFO(test::name_of<TestType>());
  tarn::built_pool<std::string, typename TestType::lock, typename TestType::stats> pool;
  diary d;
  pool.set_callback(d.callback());
  {
    const auto s = pool.make("text");
  }
  {
    const auto s = pool.make("text");
  }
  CHECK(d.count(operation_kind::create) == 1);
  CHECK(d.count(operation_kind::get) == 2);
  CHECK(d.count(operation_kind::put) == 2);
}

TEMPLATE_LIST_TEST_CASE("a message pool tells of the message itself", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tarn::message_pool<tarn::message, typename TestType::lock, typename TestType::stats> pool;
  diary d;
  pool.set_callback(d.callback());
  void* message = nullptr;
  {
    const auto m = pool.get();
    message = m.get();
  }
  REQUIRE(d.lines.size() == 3);
  for (const auto& line : d.lines)
    CHECK(line.item == message);
  pool.set_callback(nullptr);
  {
    const auto m = pool.get();
  }
  CHECK(d.lines.size() == 3);
}

TEST_CASE("a closed pool tells nothing any more, and takes no callback", "[callback]") {
  diary d;
  tarn::byte_pool<> pool({.name = "frames"});
  pool.set_callback(d.callback());
  auto b = pool.get(100);
  pool.close();
  b.reset();
  CHECK(d.count(operation_kind::put) == 0);
  CHECK_THROWS_AS(pool.set_callback(d.callback()), tarn::pool_closed);
  pool.set_callback(nullptr);
}

TEST_CASE("a callback holds what it captured until it goes, and no longer", "[callback]") {
  const auto token = std::make_shared<int>(0);
  {
    tarn::byte_pool<> pool;
    pool.set_callback([token](const operation&) {});
    CHECK(token.use_count() == 2);
    pool.set_callback([token](const operation&) {});
    CHECK(token.use_count() == 2);
    pool.set_callback(nullptr);
    CHECK(token.use_count() == 1);
    pool.set_callback([token](const operation&) {});
  }
  CHECK(token.use_count() == 1);
}

TEMPLATE_LIST_TEST_CASE("blocks that leave are told one by one: a bound, a trim", "[callback]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::fixed_tiers<65536>> f({.max_objects = 2});
  diary d;
  f->set_callback(d.callback());
  std::set<void*> out;
  {
    typename test::byte_fixture<TestType, tarn::fixed_tiers<65536>>::buffer many[40];
    f->get_bulk(1, many);
    for (const auto& b : many)
      out.insert(const_cast<std::byte*>(b.data()));
  }
  f->trim();
  if constexpr (TestType::stats::counts) {
    const auto t = f->snapshot().tiers[0];
    CHECK(d.count(operation_kind::discard) == t.discarded + t.trimmed);
  }
  // The other blocks are in this thread's cache, or were reported.
  CHECK(d.count(operation_kind::discard) + f->occupancy().idle() == 40);
  for (const auto& line : d.lines) {
    if (line.kind != operation_kind::discard) continue;
    CHECK(line.size == 65536);
    CHECK(out.erase(line.item) == 1);
  }
  CHECK(d.count(operation_kind::cleanup) == 0);
}

TEMPLATE_LIST_TEST_CASE("what decays is told as cleanup, whether it goes or only its pages do",
                        "[callback]", test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 65536;
  for (const bool stays : {false, true}) {
    INFO("stays " << stays);
    using traits = tarn::traits<tarn::fixed_tiers<size>>;
    tarn::byte_pool<typename TestType::lock, typename TestType::stats, traits> pool(
        {.idle_memory = stays ? tarn::idle_memory::purge : tarn::idle_memory::give_back});
    std::vector<void*> blocks(8);
    pool.allocate_bulk(size, blocks);
    pool.deallocate_bulk(blocks, size);
    diary d;
    pool.set_callback(d.callback());
    pool.maintain(tarn::time_span::of_seconds(100));
    CHECK(d.lines.empty());
    pool.maintain(tarn::time_span::of_seconds(101));
    const auto gone = d.lines.size();
    CHECK(gone >= 4);
    CHECK(gone < 8 + (stays ? 1 : 0));
    for (const auto& line : d.lines) {
      CHECK(line.kind == operation_kind::cleanup);
      CHECK(line.size == size);
      CHECK(std::count(blocks.begin(), blocks.end(), line.item) == 1);
    }
    const auto t = pool.occupancy().tiers[0];
    CHECK((stays ? t.purged : t.aged) == gone);
    CHECK(t.idle == (stays ? 8 : 8 - gone));
    if (stays) {
      CHECK(pool.purge() == (8 - gone) * size);
      CHECK(d.count(operation_kind::cleanup) == 8);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("an idle object that is destroyed because its pages go is told as cleanup",
                        "[callback]", test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::object_pool<clumsy, typename TestType::lock, typename TestType::stats> pool(
      {.cleanup_interval = tarn::time_span::of_seconds(1),
       .idle_memory = tarn::idle_memory::purge});
  {
    const auto a = pool.get();
    const auto b = pool.get();
  }
  diary d;
  pool.set_callback(d.callback());
  pool.maintain(tarn::time_span::of_seconds(10));
  pool.maintain(tarn::time_span::of_seconds(11));
  CHECK(d.count(operation_kind::cleanup) == 2);
  CHECK(d.lines.size() == 2);
}

TEMPLATE_LIST_TEST_CASE("what goes by age is told as cleanup", "[callback]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::fixed_tiers<65536>> f(
      {.cleanup_interval = tarn::time_span::of_seconds(1)});
  diary d;
  f->set_callback(d.callback());
  {
    const auto a = f->get(1);
    const auto b = f->get(1);
  }
  f->maintain(tarn::time_span::of_seconds(10));
  f->maintain(tarn::time_span::of_seconds(11));
  CHECK(d.count(operation_kind::cleanup) == 2);
  CHECK(d.count(operation_kind::discard) == 0);
  CHECK(f->occupancy().idle() == 0);
}
