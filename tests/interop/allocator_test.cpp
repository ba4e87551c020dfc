// SPDX-License-Identifier: MIT
//
// The allocator: containers of all kinds, containers that move between pools, failures.

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tarn/interop/allocator.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/tracked.hpp"

namespace {

using policy = test::policies<tarn::thread_cached<>, tarn::counting_stats>;
using pool_type = test::byte_pool_for<policy>;
template <class T>
using alloc = tarn::pool_allocator<T, pool_type>;
template <class T>
using vector = std::vector<T, alloc<T>>;
template <class T>
using list = std::list<T, alloc<T>>;
using string = std::basic_string<char, std::char_traits<char>, alloc<char>>;

static_assert(sizeof(alloc<int>) == sizeof(void*));
static_assert(std::is_same_v<std::allocator_traits<alloc<int>>::rebind_alloc<long>, alloc<long>>);
static_assert(std::is_convertible_v<pool_type&, alloc<int>>);
static_assert(std::is_nothrow_convertible_v<alloc<int>, alloc<long>>);
static_assert(std::is_nothrow_copy_constructible_v<alloc<int>>);
// Only byte_pool<> has a default pool.
static_assert(std::is_default_constructible_v<tarn::pool_allocator<int>>);
static_assert(!std::is_default_constructible_v<alloc<int>>);

struct alignas(256) wide {
  long value = 7;
};

template <class T>
bool is_aligned(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0;
}

void fill_containers(pool_type& pool) {
  vector<long> numbers(pool);
  std::map<int, string, std::less<>, alloc<std::pair<const int, string>>> tree(pool);
  std::unordered_map<int, int, std::hash<int>, std::equal_to<>, alloc<std::pair<const int, int>>>
      table(pool);
  list<test::tracked> objects(pool);
  for (int i = 0; i != 200; ++i) {
    numbers.push_back(i);
    tree.try_emplace(i, string(60, 't', pool));
    table.emplace(i, i);
    objects.emplace_back(i);
  }
  const auto shared = std::allocate_shared<test::tracked>(alloc<test::tracked>(pool), 5);
  const std::weak_ptr<test::tracked> weak = shared;
  const vector<wide> aligned(20, pool);
  if (numbers[199] != 199 || tree.at(199).size() != 60 || table.at(199) != 199 ||
      objects.back().value != 199 || weak.lock()->value != 5 || aligned[19].value != 7) {
    throw std::logic_error("a container holds something else");
  }
}

}  // namespace

TEST_CASE("containers and shared objects take their memory from the pool", "[allocator]") {
  test::tracked::start();
  test::byte_fixture<policy> f;
  fill_containers(*f);
  CHECK(f->snapshot().total().gets > 600);

  auto shared = std::allocate_shared<long>(alloc<long>(*f), 3);
  CHECK(f->owns(shared.get()));  // the object and its counts are in one block
  CHECK(f->occupancy().in_use() == 1);
  const std::weak_ptr<long> weak = shared;
  shared.reset();
  CHECK(weak.expired());
  CHECK(f->occupancy().in_use() == 1);  // the counts are still there
  CHECK(test::tracked::alive() == 0);
}

TEST_CASE("an over-aligned type is aligned in every container", "[allocator]") {
  // Blocks of these tiers are not aligned to more than 64 bytes by themselves.
  using odd_tiers = tarn::fixed_tiers<24, 100, 300, 600, 5000, 20000>;
  using odd_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                   tarn::traits<odd_tiers, tarn::no_check, test::failing_source>>;
  using odd_alloc = tarn::pool_allocator<wide, odd_pool>;
  test::failing_source source;
  odd_pool pool({}, {}, source);
  int wrong = 0;
  for (std::size_t n = 1; n != 70; ++n) {
    const std::vector<wide, odd_alloc> v(n, pool);
    const std::list<wide, odd_alloc> l(n, pool);
    wrong += !is_aligned(v.data());
    for (const auto& w : l)
      wrong += !is_aligned(&w);
    wrong += !is_aligned(std::allocate_shared<wide>(odd_alloc(pool)).get());
  }
  CHECK(wrong == 0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool, source) == "");
}

TEST_CASE("the allocator of no pool takes the default one", "[allocator]") {
  const std::vector<int, tarn::pool_allocator<int>> numbers(100);
  CHECK(tarn::default_pool().owns(numbers.data()));
  CHECK(numbers.get_allocator() == tarn::pool_allocator<long>(tarn::default_pool()));
  tarn::byte_pool<> other;
  CHECK(numbers.get_allocator() != tarn::pool_allocator<int>(other));
}

TEST_CASE("containers stay with their pools, but for a swap", "[allocator]") {
  test::byte_fixture<policy> one;
  test::byte_fixture<policy> other;
  const vector<string> original(3, string(200, 'o', *one), *one);
  const auto is_copy_in = [&](const vector<string>& v, pool_type& pool) {
    // The strings are elements: they are copies, and stay with the pool they came from.
    return v.size() == 3 && v[2] == original[2] && pool.owns(v.data());
  };

  const vector<string> copy(original);
  CHECK(is_copy_in(copy, *one));
  const vector<string> copy_elsewhere(original, *other);
  CHECK(is_copy_in(copy_elsewhere, *other));

  vector<string> assigned(*other);
  assigned = original;
  CHECK(is_copy_in(assigned, *other));

  vector<string> source(original);
  const auto* const place = source.data();
  vector<string> moved(std::move(source));
  CHECK(moved.data() == place);
  vector<string> moved_at_home(*one);
  moved_at_home = std::move(moved);
  CHECK(moved_at_home.data() == place);
  vector<string> moved_elsewhere(*other);
  moved_elsewhere = std::move(moved_at_home);
  CHECK(moved_elsewhere.data() != place);
  CHECK(is_copy_in(moved_elsewhere, *other));

  vector<string> at_home(original);
  const auto* const elsewhere = moved_elsewhere.data();
  at_home.swap(moved_elsewhere);
  CHECK(at_home.data() == elsewhere);
  CHECK(is_copy_in(at_home, *other));
  CHECK(is_copy_in(moved_elsewhere, *one));

  list<int> nodes({1, 2, 3}, *one);
  list<int> more({4}, *one);
  const int* const node = &nodes.front();
  more.splice(more.end(), nodes);
  CHECK(&*std::next(more.begin()) == node);
}

TEST_CASE("what no container can have is refused", "[allocator]") {
  test::byte_fixture<policy> f;
  alloc<long> a(*f);
  volatile std::size_t above = alloc<long>::max_size() + 1;
  CHECK_THROWS_AS(a.allocate(above), std::length_error);
  above = SIZE_MAX;
  CHECK_THROWS_AS(a.allocate(above), std::length_error);
  above = SIZE_MAX / sizeof(long) + 2;  // wraps around to a few bytes
  CHECK_THROWS_AS(a.allocate(above), std::length_error);
  vector<long> v(*f);
  CHECK_THROWS_AS(v.reserve(above), std::length_error);
  CHECK(f.source.allocations() == 0);
  f->close();
  CHECK_THROWS_AS(v.push_back(1), tarn::pool_closed);
}

TEST_CASE("containers survive each failure of the source", "[allocator]") {
  test::tracked::start();
  for (std::size_t point = 1, failed = 1; failed != 0; ++point) {
    test::byte_fixture<policy> f;
    f.source.fail_from(point);
    try {
      fill_containers(*f);
    } catch (const std::bad_alloc&) {
    }
    failed = f.source.failures();
    f.source.never_fail();
    fill_containers(*f);
    CHECK((failed == 0 || point < 50));
  }
  CHECK(test::tracked::alive() == 0);
  CHECK(test::tracked::faults() == 0);
}
