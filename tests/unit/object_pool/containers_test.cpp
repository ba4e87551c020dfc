// SPDX-License-Identifier: MIT
//
// Pools of containers: capacity is kept up to a limit; and objects with special needs of placement.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/tracked.hpp"

namespace {

template <class T, class P>
using pool_of = tarn::object_pool<T, typename P::lock, typename P::stats>;

// Each way to reset an object.
struct by_reset {
  int value = 0;
  void reset() noexcept { value = -1; }
  void clear() noexcept { value = -2; }  // reset() is preferred
};
struct by_clear {
  int value = 0;
  void clear() { value = -2; }
};
struct by_assignment {
  int value = 3;
};
// Has none of the three: it can be constructed, but not kept.
struct no_way {
  const int value = 0;
};

static_assert(std::is_invocable_v<tarn::reset_object, by_reset&>);
static_assert(std::is_invocable_v<tarn::reset_object, by_clear&>);
static_assert(std::is_invocable_v<tarn::reset_object, by_assignment&>);
static_assert(!std::is_invocable_v<tarn::reset_object, no_way&>);
static_assert(std::is_nothrow_invocable_v<tarn::reset_object, by_reset&>);
static_assert(!std::is_nothrow_invocable_v<tarn::reset_object, by_clear&>);
static_assert(std::is_nothrow_invocable_v<tarn::reset_object, by_assignment&>);

template <class T>
int after_a_cycle(int written) {
  tarn::object_pool<T, tarn::no_lock> pool;
  pool.get()->value = written;
  return pool.get()->value;
}

}  // namespace

TEST_CASE("a reset is found as reset(), as clear(), or as an assignment", "[object_pool]") {
  CHECK(after_a_cycle<by_reset>(7) == -1);
  CHECK(after_a_cycle<by_clear>(7) == -2);
  CHECK(after_a_cycle<by_assignment>(7) == 3);
}

TEST_CASE("factory and reset may be any callables, lambdas included", "[object_pool]") {
  int made = 0;
  int resets = 0;
  auto make = [&made] { return std::vector<int>(static_cast<std::size_t>(++made), 1); };
  auto tidy = [&resets](std::vector<int>& v) {
    ++resets;
    v.assign(2, 5);
  };
  using life = tarn::keep_objects<decltype(make), decltype(tidy)>;
  tarn::object_pool<std::vector<int>, tarn::no_lock, tarn::counting_stats,
                    tarn::object_traits<life>>
      pool({.initial_objects = 1}, life{make, tidy});
  CHECK(made == 1);
  {
    auto first = pool.get();
    auto second = pool.get();
    CHECK(first->size() == 1);
    CHECK(second->size() == 2);
  }
  CHECK(resets == 2);
  CHECK(*pool.get() == std::vector<int>{5, 5});
  CHECK(pool.snapshot().constructed == 2);
}

TEMPLATE_LIST_TEST_CASE("containers come back empty and keep their capacity", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<std::vector<int>, TestType> pool;
  const int* memory = nullptr;
  {
    auto v = pool.get();
    v->assign(1000, 1);
    memory = v->data();
  }
  auto v = pool.get();
  CHECK(v->empty());
  CHECK(v->capacity() >= 1000);
  v->push_back(1);
  CHECK(v->data() == memory);
}

TEMPLATE_LIST_TEST_CASE("a container above keep_capacity_bytes sheds its memory", "[object_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<std::string, TestType> pool({.keep_capacity_bytes = 1000});
  {
    pool.get()->reserve(1000);
  }
  CHECK(pool.get()->capacity() == 1000);  // exactly at the limit
  {
    pool.get()->reserve(1001);
  }
  CHECK(pool.get()->capacity() < 1000);
  CHECK(pool.snapshot().constructed == 1);  // shrunk in place

  pool_of<std::vector<int>, TestType> ints;  // by default 64 KiB
  {
    ints.get()->reserve(64 * 1024 / sizeof(int));
  }
  CHECK(ints.get()->capacity() == 64 * 1024 / sizeof(int));
  {
    ints.get()->reserve(64 * 1024 / sizeof(int) + 1);
  }
  CHECK(ints.get()->capacity() == 0);

  pool_of<std::vector<int>, TestType> none({.keep_capacity_bytes = 0});
  {
    none.get()->reserve(1);
  }
  CHECK(none.get()->capacity() == 0);
}

TEST_CASE("buckets of a hash map count as capacity", "[object_pool]") {
  using map = std::unordered_map<int, int>;
  tarn::object_pool<map, tarn::no_lock> pool({.keep_capacity_bytes = 1 << 12});
  {
    pool.get()->reserve(100);
  }
  CHECK(pool.get()->bucket_count() >= 100);
  {
    pool.get()->reserve(10000);
  }
  CHECK(pool.get()->bucket_count() < 100);
}

TEST_CASE("a container that a factory made is made anew, not emptied, above the cap",
          "[object_pool]") {
  struct with_room {
    std::string operator()() const {
      std::string s;
      s.reserve(500);
      return s;
    }
  };
  tarn::object_pool<std::string, tarn::no_lock, tarn::counting_stats,
                    tarn::object_traits<tarn::keep_objects<with_room>>>
      pool({.keep_capacity_bytes = 1000});
  {
    pool.get()->reserve(2000);
  }
  auto s = pool.get();
  CHECK(s->capacity() >= 500);
  CHECK(s->capacity() < 2000);
  CHECK(pool.snapshot().constructed == 2);
}

TEST_CASE("a type may say itself what it keeps", "[object_pool]") {
  struct page {
    std::vector<char> a, b;
    void reset() noexcept {
      a.clear();
      b.clear();
    }
    [[nodiscard]] std::size_t kept_bytes() const noexcept { return a.capacity() + b.capacity(); }
  };
  tarn::object_pool<page, tarn::no_lock> pool({.keep_capacity_bytes = 100});
  {
    pool.get()->a.reserve(60);
  }
  CHECK(pool.get()->a.capacity() == 60);
  {
    pool.get()->b.reserve(60);
  }
  CHECK(pool.get()->a.capacity() == 0);
}

TEMPLATE_LIST_TEST_CASE("a get with a capacity has that room; zero means the default",
                        "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  pool_of<std::string, TestType> pool({.default_capacity = 256});
  CHECK(pool.get(0)->capacity() >= 256);
  CHECK(pool.get(100)->capacity() >= 256);  // the same object, not made smaller
  {
    auto other = pool.get(2048);
    CHECK(other->capacity() >= 2048);
    CHECK(other->empty());
  }
  CHECK(pool.snapshot().constructed == 1);
  // An impossible capacity is refused, and the object is not lost.
  CHECK_THROWS_AS(pool.get(static_cast<std::size_t>(-1)), std::length_error);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");

  pool_of<std::vector<int>, TestType> plain;
  CHECK(plain.get(0)->capacity() == 0);
  CHECK(plain.get(10)->capacity() >= 10);
}

TEST_CASE("containers of all kinds can be pooled", "[object_pool]") {
  const auto cycle = [](auto container, auto fill) {
    tarn::object_pool<decltype(container)> pool;
    for (int i = 0; i != 3; ++i) {
      auto c = pool.get();
      CHECK(c->empty());
      fill(*c);
      CHECK_FALSE(c->empty());
    }
    CHECK(pool.snapshot().constructed == 1);
  };
  const auto push = [](auto& c) { c.push_back({}); };
  const auto insert = [](auto& c) { c[1] = 2; };
  cycle(std::vector<std::string>(), push);
  cycle(std::deque<int>(), push);
  cycle(std::list<int>(), push);
  cycle(std::map<int, int>(), insert);
  cycle(std::unordered_map<int, int>(), insert);
}

namespace {

template <std::size_t Alignment>
struct alignas(Alignment) aligned_object {
  std::uint64_t first = 1;
  void reset() noexcept { first = 2; }
};

template <std::size_t Alignment, class P>
void check_alignment() {
  INFO("alignment " << Alignment);
  using object = aligned_object<Alignment>;
  test::failing_source source;
  {
    tarn::object_pool<
        object, typename P::lock, typename P::stats,
        tarn::object_traits<tarn::keep_objects<>, tarn::no_check, test::failing_source>>
        kept({.initial_objects = 2}, {}, source);
    tarn::object_pool<
        object, typename P::lock, typename P::stats,
        tarn::object_traits<tarn::build_objects, tarn::no_check, test::failing_source>>
        built({}, {}, source);
    int crooked = 0;
    const auto look = [&](const auto& handle) {
      crooked += reinterpret_cast<std::uintptr_t>(handle.get()) % Alignment != 0;
    };
    std::vector<typename decltype(kept)::handle> some;
    std::vector<typename decltype(built)::handle> more;
    for (int i = 0; i != 20; ++i) {
      some.push_back(kept.get());
      more.push_back(built.make());
      look(some.back());
      look(more.back());
    }
    CHECK(crooked == 0);
    CHECK(kept.occupancy().tiers[0].stride_bytes % Alignment == 0);
    some.clear();
    CHECK(kept.get()->first == 2);
  }
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("over-aligned objects are aligned", "[object_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  check_alignment<8, TestType>();
  check_alignment<64, TestType>();
  check_alignment<4096, TestType>();
  check_alignment<128 * 1024, TestType>();  // above the size of a slab
}

// Handles.

namespace {

using tracked_pool = tarn::object_pool<test::tracked>;
using tracked_handle = tracked_pool::handle;

static_assert(sizeof(tracked_handle) == 2 * sizeof(void*));
static_assert(!std::is_copy_constructible_v<tracked_handle>);
static_assert(!std::is_copy_assignable_v<tracked_handle>);
static_assert(std::is_nothrow_default_constructible_v<tracked_handle>);
static_assert(std::is_nothrow_move_constructible_v<tracked_handle>);
static_assert(std::is_nothrow_move_assignable_v<tracked_handle>);
static_assert(std::is_nothrow_swappable_v<tracked_handle>);
static_assert(std::is_nothrow_destructible_v<tracked_handle>);
static_assert(noexcept(std::declval<tracked_handle&>().reset()));
static_assert(noexcept(std::declval<tracked_pool&>().put(std::declval<tracked_handle>())));
static_assert(!std::is_convertible_v<tracked_handle, bool>);
static_assert(!std::is_copy_constructible_v<tracked_pool>);
static_assert(!std::is_move_constructible_v<tracked_pool>);
static_assert(std::is_same_v<decltype(*std::declval<const tracked_handle&>()), test::tracked&>);

// Kept objects come from get, built ones from make; no pool has both.
template <class Pool>
concept gives = requires(Pool& p) { p.get(); };
template <class Pool>
concept makes = requires(Pool& p) { p.make(); };
using built_ints = tarn::object_pool<int, tarn::thread_cached<>, tarn::counting_stats,
                                     tarn::object_traits<tarn::build_objects>>;
static_assert(gives<tracked_pool> && !makes<tracked_pool>);
static_assert(makes<built_ints> && !gives<built_ints>);
// A capacity can be requested only where there is a reserve().
template <class Pool>
concept gives_room = requires(Pool& p) { p.get(std::size_t{10}); };
static_assert(gives_room<tarn::object_pool<std::string>> && !gives_room<tracked_pool>);

tarn::immortal<tracked_pool> kept_objects(tarn::options{.name = "static"});
tarn::immortal<built_ints> built_objects;
using kept_here = tarn::static_pool<kept_objects>;
using built_here = tarn::static_pool<built_objects>;

static_assert(sizeof(kept_here::handle) == sizeof(void*));
static_assert(!std::is_copy_constructible_v<kept_here::handle>);
static_assert(std::is_nothrow_move_constructible_v<kept_here::handle>);
static_assert(std::is_nothrow_move_assignable_v<kept_here::handle>);

// Empty, moved-from, moved onto itself: none of these has an effect. `get` returns a full handle.
template <class Handle, class Get>
void check_handle(Get get) {
  Handle empty;
  CHECK_FALSE(empty);
  CHECK(empty.get() == nullptr);
  empty.reset();
  Handle other(std::move(empty));
  CHECK_FALSE(other);
  other = Handle();
  CHECK_FALSE(other);

  Handle full = get();
  auto* const object = full.get();
  CHECK(full);
  Handle taken = std::move(full);
  CHECK_FALSE(full);  // NOLINT(bugprone-use-after-move): that it is empty is what is tested
  CHECK(taken.get() == object);
  full.reset();
  full = std::move(taken);
  CHECK(full.get() == object);

  Handle& same = full;
  full = std::move(same);
  CHECK(full.get() == object);

  Handle second = get();
  auto* const its = second.get();
  CHECK(its != object);
  full.swap(second);
  CHECK(full.get() == its);
  CHECK(second.get() == object);
  full = std::move(second);  // its old object goes back
  CHECK(full.get() == object);
  Handle again = get();
  CHECK(again.get() == its);
}

}  // namespace

TEST_CASE("object handles that are empty or moved from do nothing", "[object_pool]") {
  test::tracked::start();
  {
    tracked_pool pool;
    check_handle<tracked_handle>([&] { return pool.get(); });
    CHECK(pool.occupancy().in_use() == 0);
    pool.put(tracked_handle());
    tracked_handle moved = pool.get();
    pool.put(std::move(moved));
    pool.put(std::move(moved));  // NOLINT(bugprone-use-after-move)
    CHECK(pool.occupancy().in_use() == 0);
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(test::tracked::alive() == 0);
}

TEST_CASE("handles of a static pool are one pointer and behave alike", "[object_pool]") {
  check_handle<kept_here::handle>([] { return kept_here::get(); });
  check_handle<built_here::handle>([] { return built_here::make(4); });
  check_handle<kept_here::handle>([] { return kept_here::try_get(); });
  check_handle<built_here::handle>([] { return built_here::try_make(4); });
  CHECK(kept_objects->occupancy().in_use() == 0);
  CHECK(built_objects->occupancy().in_use() == 0);
  auto four = built_here::make(4);
  CHECK(*four == 4);
  CHECK(built_objects->occupancy().in_use() == 1);
  kept_objects->drain();  // before the living objects are counted elsewhere
}
