// SPDX-License-Identifier: MIT
//
// `fence_blocks`: writes behind the capacity are found by the put, and nothing else is.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check_parts.hpp>
#include <tarn/policy/recording_stats.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::fence_blocks;
using tarn::misuse;

using fenced = tarn::checked_with<fence_blocks>;
using fenced_and_filled = tarn::checked_with<tarn::fill_blocks, fence_blocks>;
template <class P, class Check = fenced>
using fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, Check>;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

std::size_t heard = 0;
tarn::misuse_report last{};
void listen(const tarn::misuse_report& report) noexcept {
  ++heard;
  last = report;
}
struct listening {
  listening() : before(tarn::set_misuse_handler(listen)) { heard = 0; }
  ~listening() { tarn::set_misuse_handler(before); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

  tarn::misuse_handler before;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a write behind the capacity is found by the put, which takes the block",
                        "[check]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool({.large_cache_bytes = 16 * mib});
  std::size_t found = 0;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{100}, 3 * kib, 64 * kib, 2 * mib, 5 * mib, 5 * mib + 1}) {
    for (const std::size_t past : {std::size_t{0}, fence_blocks::room_bytes - 1}) {
      INFO(size << " " << past);
      const auto capacity = pool->capacity_for(size);
      auto* const block = static_cast<std::byte*>(pool->allocate(size));
      CHECK(pool->block_size(block) >= capacity);
      std::memset(block, 1, capacity);
      pool->deallocate(block, size);
      CHECK(heard == found);  // up to the capacity the bytes are the user's

      auto* const again = static_cast<std::byte*>(pool->allocate(size));
      REQUIRE(again == block);
      again[pool->block_size(again) + past] = std::byte{1};
      pool->deallocate(again, size);
      CHECK(heard == ++found);
      CHECK(last.kind == misuse::overrun);
      CHECK(last.block == again);
      CHECK(last.size == size);
      CHECK(pool->occupancy().in_use() == 0);
      CHECK(pool->allocate(size) == block);  // with its fence repaired
      pool->deallocate(block, size);
      CHECK(heard == found);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("what may be written behind the requested size raises no alarm", "[check]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType, fenced_and_filled> pool;
  using pool_type = typename fixture<TestType, fenced_and_filled>::pool_type;
  {
    auto b = pool->get(100);
    b.resize(b.capacity());
    std::memset(b.data(), 1, b.size());
    auto whole = pool->get_at_least(1000);
    std::memset(whole.data(), 1, whole.size());
    auto shared = pool->get_shared(100);  // its node lies in the tail of the block
    auto exact = pool->get_shared(128);
    auto copy = shared;
    auto unique = exact.make_unique();
    std::memset(unique.data(), 1, unique.size());
    tarn::basic_fast_buffer<tarn::no_lock, tarn::no_stats, tarn::fast_buffer_traits<pool_type>>
        text(*pool);
    for (int i = 0; i != 5000; ++i)
      text.append(std::string_view("0123456789"));
    auto rest = std::move(text).detach();
    std::vector<typename pool_type::buffer> some(5);
    pool->get_bulk(500, some);
    for (auto& each : some)
      std::memset(each.data(), 1, each.capacity());
  }
  void* const aligned = pool->allocate(100, 4096);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned) % 4096 == 0);
  std::memset(aligned, 1, 100);
  pool->deallocate(aligned, 100, 4096);
  pool->trim(0);
  pool->prewarm(0, 3);
  for (int i = 0; i != 10; ++i)
    pool->get(100).reset();
  CHECK(heard == 0);
}

TEMPLATE_LIST_TEST_CASE("zeroing and fences leave each other alone", "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  for (const auto zeroing : {tarn::zeroing::on_get, tarn::zeroing::on_put,
                             tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    INFO(static_cast<int>(zeroing));
    fixture<TestType, fenced_and_filled> pool({.alignment = 64 * kib, .zeroing = zeroing});
    bool zero = true;
    std::mt19937 random(3);
    std::vector<typename fixture<TestType, fenced_and_filled>::buffer> held(10);
    for (int i = 0; i != 500; ++i) {
      auto& b = held[random() % held.size()];
      b = pool->get(std::size_t{64} << random() % 13);  // larger blocks are cut for smaller ones
      for (const auto byte : b)
        zero = zero && byte == std::byte{};
      std::memset(b.data(), 1, b.size());
      if (i % 50 == 0) held.clear(), held.resize(10);
    }
    CHECK(zero);
    CHECK(heard == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("no fence of a piece is left in a block that keeps its zeros", "[check]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  for (const auto zeroing :
       {tarn::zeroing::on_put, tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    INFO(static_cast<int>(zeroing));
    fixture<TestType> pool({.alignment = 64 * kib, .zeroing = zeroing});
    auto block = pool->get(256 * kib);
    auto* const base = block.data();
    block.reset();
    auto piece = pool->get(64 * kib);  // cut out of the block
    REQUIRE(piece.data() == base);
    piece.reset();
    block = pool->get(256 * kib);  // one block again
    REQUIRE(block.data() == base);
    bool zero = true;
    for (const auto byte : block)
      zero = zero && byte == std::byte{};
    CHECK(zero);
  }
  CHECK(heard == 0);
}

TEMPLATE_LIST_TEST_CASE("a write behind an object is found, behind a kept one and a built one",
                        "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  struct alignas(256) wide {
    std::uint64_t n = 0;
  };
  const auto check = [&](auto& pool, auto take) {
    for (std::size_t round = 0; round != 2; ++round) {
      heard = 0;
      auto* const object = take(pool).detach();
      CHECK(reinterpret_cast<std::uintptr_t>(object) % alignof(decltype(*object)) == 0);
      auto* const bytes = reinterpret_cast<unsigned char*>(object);
      if (round == 1) bytes[sizeof(*object)] ^= 1;
      pool.put(object);
      CHECK(heard == round);
      CHECK((round == 0 || last.kind == misuse::overrun));
    }
  };
  using lock = typename TestType::lock;
  using stats = typename TestType::stats;
  const auto get = [](auto& pool) { return pool.get(); };
  const auto make = [](auto& pool) { return pool.make(); };
  {
    tarn::object_pool<std::string, lock, stats, tarn::object_traits<tarn::keep_objects<>, fenced>>
        pool;
    check(pool, get);
  }
  {
    tarn::object_pool<wide, lock, stats, tarn::object_traits<tarn::build_objects, fenced>> pool;
    check(pool, make);
  }
}

TEST_CASE("the report of an overrun names the get, if the statistics follow it", "[check]") {
  const listening here;
  using follows_all = tarn::basic_recording_stats<16, 1>;
  tarn::byte_pool<tarn::thread_cached<>, follows_all,
                  tarn::traits<tarn::power_of_two_tiers<>, fenced>>
      pool;
  for (const std::size_t size : {std::size_t{100}, 5 * mib}) {
    const auto line = static_cast<std::uint32_t>(__LINE__) + 1;
    auto* const block = static_cast<std::byte*>(pool.allocate(size));
    block[pool.block_size(block)] = std::byte{1};
    pool.deallocate(block, size);
    REQUIRE(last.kind == misuse::overrun);
    CHECK(last.where.line() == line);
    CHECK(std::string_view(last.where.file_name()).find("fence_test.cpp") !=
          std::string_view::npos);
    pool.deallocate(block, size);
    CHECK(last.kind == misuse::double_put);
    CHECK_FALSE(last.where);  // its put has ended what was known of it
  }
}
