// SPDX-License-Identifier: MIT
//
// The memory resource: every size and alignment, every failure, the standard's containers.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory_resource>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tarn/interop/pmr.hpp>
#include <tarn/policy/lock_free.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"

namespace {

using small_pool =
    tarn::byte_pool<tarn::no_lock, tarn::counting_stats, tarn::traits<tarn::small_tiers>>;
using checked_pool =
    tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::checked, test::failing_source>>;
using lock_free_pool = tarn::byte_pool<tarn::lock_free>;
using odd_tiers_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                       tarn::traits<tarn::fixed_tiers<1, 17, 24, 100, 5000>>>;

/// Every size up to 256, and the sizes around each power of two from there to 4 MiB, above every
/// tier.
std::vector<std::size_t> all_sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 256; ++size)
    sizes.push_back(size);
  for (std::size_t power = 512; power <= (std::size_t{4} << 20); power *= 2)
    sizes.insert(sizes.end(), {power - 1, power, power + 1});
  return sizes;
}

struct block {
  void* p;
  std::size_t size;
  std::size_t alignment;
  unsigned char mark;
};

/// Whether a block is at its address and still holds only its mark.
bool is_good(const block& b) {
  if (b.p == nullptr || reinterpret_cast<std::uintptr_t>(b.p) % b.alignment != 0) return false;
  if (b.size == 0) return true;
  const auto* const bytes = static_cast<const unsigned char*>(b.p);
  return bytes[0] == b.mark && std::memcmp(bytes, bytes + 1, b.size - 1) == 0;
}

/// Containers of all kinds, so that most of the containers that allocate do so in many sizes.
void fill_containers(std::pmr::memory_resource& memory) {
  std::pmr::vector<std::pmr::string> strings(&memory);
  std::pmr::list<int> list(&memory);
  std::pmr::unordered_map<int, std::pmr::string> map(&memory);
  for (int i = 0; i != 300; ++i) {
    strings.emplace_back(static_cast<std::size_t>(i) * 7, 's');
    list.push_back(i);
    map.emplace(i, std::string(40, 'm'));
  }
  const std::pmr::string large(std::size_t{3} << 20, 'l', &memory);
  if (strings[299].size() != 299 * 7 || list.back() != 299 || map.at(299).size() != 40 ||
      large.back() != 'l')
    throw std::logic_error("a container holds something else");
}

}  // namespace

TEMPLATE_TEST_CASE("every size and alignment is right", "[pmr]", tarn::byte_pool<>, small_pool,
                   checked_pool, lock_free_pool, odd_tiers_pool) {
  TestType pool;
  tarn::pool_resource<TestType> memory(pool);
  std::size_t pairs = 0;
  std::size_t wrong = 0;
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    std::vector<block> blocks;  // of one alignment, all alive at once: no two may share a byte
    for (const std::size_t size : all_sizes()) {
      ++pairs;
      blocks.push_back({memory.allocate(size, alignment), size, alignment,
                        static_cast<unsigned char>(1 + blocks.size() % 255)});
      std::memset(blocks.back().p, blocks.back().mark, size);
    }
    for (const block& b : blocks)
      wrong += !is_good(b);
    std::set<void*> places;  // a block of no bytes has its own address, too
    for (const block& b : blocks)
      places.insert(b.p);
    wrong += places.size() != blocks.size();
    for (const block& b : blocks)
      memory.deallocate(b.p, b.size, b.alignment);
  }
  CHECK(pairs == 299 * 17);  // more than 4,667, of which libstdc++ 12 gets 225 wrong
  CHECK(wrong == 0);
  CHECK(pool.occupancy().in_use() == 0);
  CHECK(test::imbalance(pool) == "");
}

TEST_CASE("what cannot be had is refused, and nothing has changed", "[pmr]") {
  tarn::byte_pool<> pool({.limit_bytes = 1 << 20});
  tarn::pool_resource<> memory(pool);
  const volatile std::size_t most = SIZE_MAX;  // otherwise the compiler would refuse it first
  CHECK_THROWS_AS(memory.allocate(most, 1), std::length_error);
  CHECK_THROWS_AS(memory.allocate(most / 2 + 1, 65536), std::length_error);
  CHECK_THROWS_AS(memory.allocate(2 << 20), std::bad_alloc);
  fill_containers(*std::pmr::new_delete_resource());  // the reference: the test itself is right
  void* const p = memory.allocate(1000);
  memory.deallocate(p, 1000);
  CHECK(pool.occupancy().in_use() == 0);
  pool.close();
  CHECK_THROWS_AS(memory.allocate(1), tarn::pool_closed);
}

TEMPLATE_LIST_TEST_CASE("each failure of the source is survived", "[pmr]", test::every_lock) {
  for (const bool once : {true, false}) {
    std::size_t points = 0;
    std::size_t refused = 0;
    for (bool failed = true; failed; ++points) {
      test::byte_fixture<TestType> f;
      tarn::pool_resource memory(*f);
      once ? f.source.fail_at(points + 1) : f.source.fail_from(points + 1);
      try {
        fill_containers(memory);
      } catch (const std::bad_alloc&) {
        ++refused;
      }
      failed = f.source.failures() != 0;
      f.source.never_fail();
      fill_containers(memory);  // the resource is as usable as before
    }
    CHECK(points > 10);
    // A refused allocation is repeated once all idle memory has gone back.
    CHECK(refused == (once ? 0 : points - 1));
  }
}

TEST_CASE("containers use the pool that they are given", "[pmr]") {
  test::byte_fixture<test::policies<tarn::thread_cached<>, tarn::counting_stats>> f;
  tarn::pool_resource memory(*f);
  fill_containers(memory);
  CHECK(f->snapshot().total().gets > 600);
  {
    // A container inside a container uses the same pool.
    std::pmr::vector<std::pmr::string> outer(&memory);
    outer.emplace_back(std::size_t{100}, 'x');
    CHECK(f->owns(outer.data()));
    CHECK(f->owns(outer.front().data()));
  }
}

TEST_CASE("it is an upstream of the standard's own pools", "[pmr]") {
  test::byte_fixture<test::policies<tarn::thread_cached<>, tarn::counting_stats>> f;
  tarn::pool_resource memory(*f);
  {
    std::pmr::unsynchronized_pool_resource single(&memory);
    std::pmr::synchronized_pool_resource shared(&memory);
    std::pmr::monotonic_buffer_resource arena(&memory);
    fill_containers(single);
    fill_containers(shared);
    fill_containers(arena);
    CHECK(f->occupancy().in_use() > 0);
  }
  CHECK(f->occupancy().in_use() == 0);
}

TEST_CASE("two are equal if they refer to the same pool", "[pmr]") {
  tarn::byte_pool<> one;
  tarn::byte_pool<> other;
  const tarn::pool_resource<> a(one);
  const tarn::pool_resource<> b(one);
  const tarn::pool_resource<> c(other);
  const tarn::pool_resource<> d;
  CHECK(a == b);
  CHECK(a != c);
  CHECK(a != d);
  CHECK(d == tarn::pool_resource<>(tarn::default_pool()));
  CHECK_FALSE(a.is_equal(*std::pmr::new_delete_resource()));
  CHECK(&a.pool() == &one);

  // Lists of equal resources may take each other's nodes; other lists may not, and copy.
  tarn::pool_resource<> first(one);
  tarn::pool_resource<> second(one);
  std::pmr::list<int> from({1, 2, 3}, &first);
  const int* const node = &from.front();
  const std::pmr::list<int> to(std::move(from), &second);
  CHECK(&to.front() == node);
}

TEST_CASE("a pool takes its slabs from a memory resource and gives them back", "[pmr]") {
  struct limited : std::pmr::memory_resource {
    std::size_t left = 1 << 20;
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (bytes > left) throw std::bad_alloc();
      left -= bytes;
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      left += bytes;
      std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
      return this == &other;
    }
  };
  using traits = tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::resource_source>;
  limited upstream;
  {
    tarn::byte_pool<tarn::no_lock, tarn::counting_stats, traits> pool({}, {}, &upstream);
    void* const p = pool.allocate(100);
    CHECK(upstream.left < 1 << 20);
    CHECK_THROWS_AS(pool.allocate(std::size_t{2} << 20), std::bad_alloc);
    pool.deallocate(p, 100);
  }
  CHECK(upstream.left == 1 << 20);

  // By default from the program's default resource.
  std::pmr::memory_resource* const before = std::pmr::set_default_resource(&upstream);
  {
    tarn::byte_pool<tarn::no_lock, tarn::counting_stats, traits> pool;
    pool.deallocate(pool.allocate(100), 100);
    CHECK(upstream.left < 1 << 20);
  }
  CHECK(upstream.left == 1 << 20);
  std::pmr::set_default_resource(before);
}

TEST_CASE("a resource has what the standard's pool resources have", "[pmr]") {
  tarn::byte_pool<std::mutex> pool;
  tarn::pool_resource memory(pool);
  CHECK(memory.options().largest_required_pool_block == std::size_t{2} << 20);
  CHECK(memory.upstream_resource() == std::pmr::new_delete_resource());
  std::pmr::vector<int> numbers({1, 2, 3}, &memory);
  {
    const std::pmr::vector<int> more(1000, &memory);
  }
  REQUIRE(pool.occupancy().idle_bytes() != 0);
  memory.release();
  CHECK(pool.occupancy().idle_bytes() == 0);
  CHECK(numbers == std::pmr::vector<int>{1, 2, 3});  // memory in use stays valid

  std::pmr::monotonic_buffer_resource upstream;
  using upstream_pool =
      tarn::byte_pool<std::mutex, tarn::no_stats,
                      tarn::traits<tarn::small_tiers, tarn::no_check, tarn::resource_source>>;
  upstream_pool other({}, {}, &upstream);
  CHECK(tarn::pool_resource(other).upstream_resource() == &upstream);
}
