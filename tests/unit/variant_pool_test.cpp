// SPDX-License-Identifier: MIT
//
// One pool for objects of several types.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/policy/check_parts.hpp>
#include <tarn/variant_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

using test::tracked;

struct moved {
  int x = 0;
  int y = 0;
};
struct named {
  named(std::string text, std::unique_ptr<int> number)
      : name(std::move(text)), value(std::move(number)) {}
  std::string name;
  std::unique_ptr<int> value;
};
struct alignas(256) wide {
  char bytes[300] = {};
};
struct large {
  char bytes[100'000] = {};
};

template <class P, class... Ts>
using pool_of =
    tarn::basic_variant_pool<tarn::type_tiers<Ts...>, typename P::lock, typename P::stats>;
using simple = tarn::variant_pool<moved, named>;

template <class T, class Pool, class... Args>
constexpr bool can_make = requires(Pool& pool, Args... args) { pool.template make<T>(args...); };
static_assert(can_make<moved, simple>);
static_assert(!can_make<int, simple>);    // not one of the types
static_assert(!can_make<named, simple>);  // not without arguments
static_assert(!can_make<const moved, simple>);
static_assert(simple::holds<named> && !simple::holds<int>);
static_assert(sizeof(simple::handle<moved>) == 2 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<simple::handle<moved>>);
static_assert(std::is_nothrow_move_constructible_v<simple::handle<moved>>);
static_assert(!std::is_convertible_v<simple::handle<moved>, simple::handle<named>>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("each type has handles of its own, and a tier of its size",
                        "[variant_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType, large, moved, named, wide> pool({.name = "events"});
  {
    const auto m = pool.template make<moved>(3, 4);
    const auto n = pool.template make<named>("a", std::make_unique<int>(7));
    const auto w = pool.template make<wide>();
    const auto other = pool.template make<wide>();
    const auto l = pool.template make<large>();
    CHECK(m->x + m->y == 7);
    CHECK((*n).name == "a");
    CHECK(*n->value == 7);
    CHECK(reinterpret_cast<std::uintptr_t>(w.get()) % 256 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(other.get()) % 256 == 0);
    const auto now = pool.sized().occupancy();
    REQUIRE(now.tiers.size() == 4);
    CHECK(now.tiers[0].in_use == 1);
    CHECK(now.tiers[2].in_use == 2);
    CHECK(now.tiers[3].in_use == 1);
    CHECK(now.large.in_use == 0);
  }
  CHECK(pool.sized().occupancy().in_use() == 0);
  CHECK(test::imbalance(pool.sized()) == "");
}

TEMPLATE_LIST_TEST_CASE("an object is destroyed once, and its block serves the next of its size",
                        "[variant_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using block = std::array<char, sizeof(tracked)>;
  tracked::start();
  {
    pool_of<TestType, tracked, block> pool;
    auto a = pool.template make<tracked>(7);
    CHECK(a->value == 7);
    const void* const place = a.get();
    auto b = std::move(a);
    CHECK_FALSE(a);
    CHECK(a.get() == nullptr);
    CHECK(tracked::alive() == 1);
    b.reset();
    b.reset();
    CHECK(tracked::alive() == 0);
    CHECK(pool.template make<block>().get() == place);
    auto* const raw = pool.template make<tracked>(1).detach();
    CHECK(tracked::alive() == 1);
    pool.put(raw);
    pool.put(static_cast<tracked*>(nullptr));
    pool.put(pool.template make<tracked>());
    auto c = pool.template make<tracked>(1);
    c = pool.template make<tracked>(2);
    CHECK(tracked::alive() == 1);
    CHECK(c->value == 2);
  }
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
}

TEMPLATE_LIST_TEST_CASE("a constructor that throws loses no block", "[variant_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  tracked::start();
  pool_of<TestType, tracked, moved> pool;
  tracked::throw_at(1);
  CHECK_THROWS_AS(pool.template make<tracked>(1), tracked::thrown);
  tracked::throw_at(1);
  CHECK_THROWS_AS(pool.template try_make<tracked>(1), tracked::thrown);
  CHECK(pool.sized().occupancy().in_use() == 0);
  CHECK(tracked::alive() == 0);
  CHECK(pool.template make<tracked>(1)->value == 1);
  CHECK(test::imbalance(pool.sized()) == "");
}

TEMPLATE_LIST_TEST_CASE("handles outlive the pool, and a closed pool makes nothing",
                        "[variant_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType, tracked, moved>;
  tracked::start();
  std::optional<pool_type> pool(std::in_place);
  auto left = pool->template make<tracked>(5);
  pool->sized().close();
  CHECK_THROWS_AS(pool->template make<moved>(), tarn::pool_closed);
  CHECK_FALSE(pool->template try_make<moved>());
  pool.reset();
  CHECK(left->value == 5);
  left.reset();
  CHECK(tracked::alive() == 0);
}

TEMPLATE_LIST_TEST_CASE("limits hold for all types together", "[variant_pool]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType, moved, large> pool({.limit_bytes = 192 << 10});
  const auto one = pool.template make<large>();
  CHECK_FALSE(pool.template try_make<large>());
  CHECK_THROWS_AS(pool.template make<large>(), tarn::pool_exhausted);
  CHECK(pool.template make<moved>());
  if constexpr (tarn::is_concurrent_v<typename TestType::lock>) {
    CHECK_FALSE(pool.template make_for<large>(std::chrono::milliseconds(1)));
    CHECK_FALSE(pool.template make_until<large>(std::chrono::milliseconds(0)));
    CHECK(pool.template make_for<moved>(std::chrono::seconds(1), 1, 2)->y == 2);
  }
}

TEMPLATE_LIST_TEST_CASE("threads make and end objects of each other", "[variant_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  using pool_type = pool_of<TestType, tracked, moved>;
  tracked::start();
  {
    pool_type pool;
    std::vector<typename pool_type::template handle<tracked>> handed(400);
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i != 100; ++i) {
          const auto passing = pool.template make<moved>(t, i);
          handed[static_cast<std::size_t>(100 * t + i)] = pool.template make<tracked>(i);
        }
      });
    }
    for (auto& t : threads)
      t.join();
    CHECK(tracked::alive() == 400);
    std::thread([&] { handed.clear(); }).join();
    CHECK(pool.sized().occupancy().in_use() == 0);
    CHECK(test::imbalance(pool.sized()) == "");
  }
  CHECK(tracked::alive() == 0);
  CHECK(tracked::faults() == 0);
}

TEST_CASE("a checked pool finds an object that is put twice, and bytes are wiped as asked",
          "[variant_pool]") {
  tarn::basic_variant_pool<tarn::type_tiers<moved>, std::mutex, tarn::counting_stats, tarn::checked,
                           tarn::heap_source>
      pool({.zeroing = tarn::zeroing::secure});
  auto* const raw = pool.make<moved>(0x5a5a5a5a, 0x5a5a5a5a).detach();
  pool.put(raw);
  const auto again = pool.sized().try_get(sizeof(moved));
  CHECK(again.data() == static_cast<void*>(raw));
  for (const auto byte : again.bytes())
    CHECK(byte == std::byte{0});
  auto* const twice = pool.make<moved>().detach();
  pool.put(twice);
  pool.put(twice);
  CHECK(pool.sized().snapshot().misuses[static_cast<std::size_t>(tarn::misuse::double_put)] == 1);
}

TEST_CASE("objects are aligned also where a check has room behind each", "[variant_pool]") {
  struct alignas(128) large {
    char bytes[128];
  };
  using pool_type =
      tarn::basic_variant_pool<tarn::type_tiers<large, char>, tarn::no_lock, tarn::counting_stats,
                               tarn::checked_with<tarn::fence_blocks>, tarn::heap_source>;
  pool_type pool;
  std::vector<pool_type::handle<large>> all;
  for (int i = 0; i != 20; ++i) {
    all.push_back(pool.make<large>());
    CHECK(reinterpret_cast<std::uintptr_t>(all.back().get()) % alignof(large) == 0);
  }
  CHECK_THROWS_AS(pool_type({.alignment = 3}), std::invalid_argument);
}

TEST_CASE("a failing source is no crash", "[variant_pool]") {
  test::failing_source source;
  {
    tarn::basic_variant_pool<tarn::type_tiers<moved, large>, std::mutex, tarn::counting_stats,
                             tarn::no_check, test::failing_source>
        pool({}, source);
    source.fail_from(1);
    CHECK_THROWS_AS(pool.make<moved>(), std::bad_alloc);
    CHECK_FALSE(pool.try_make<large>());
    source.never_fail();
    CHECK(pool.make<moved>(1, 2)->x == 1);
  }
  CHECK(source.live_bytes() == 0);
}
