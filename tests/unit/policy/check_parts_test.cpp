// SPDX-License-Identifier: MIT
//
// A check is a set of parts: each sees every block on its way out and home, through every
// interface.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check_parts.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::check_finding;
using tarn::checked_block;
using tarn::misuse;

// What the parts below saw last, and how often.
struct seen_by_part {
  checked_block out{}, home{}, idle{};
  int gets = 0, puts = 0, idles = 0;
};
seen_by_part first, second;

// A part of a user's: sees all, says nothing, and keeps eight bytes behind each block.
struct watching_part {
  static constexpr std::size_t room_bytes = 8;
  static void on_get(const checked_block& b) noexcept {
    first.out = b;
    ++first.gets;
    std::memset(b.room, 0x11, room_bytes);
  }
  static void on_put(const checked_block& b) noexcept {
    first.home = b;
    ++first.puts;
  }
  static void on_idle(const checked_block& b) noexcept {
    first.idle = b;
    ++first.idles;
  }
};

// One that finds a fault in each block of which the first byte is 0x66.
struct finding_part {
  static constexpr std::size_t room_bytes = 4;
  static check_finding on_put(const checked_block& b) noexcept {
    second.home = b;
    ++second.puts;
    return b.bytes[0] == std::byte{0x66} ? check_finding(misuse::overrun) : check_finding();
  }
};

struct my_check : tarn::checked_with<watching_part, finding_part> {};

static_assert(tarn::check_part<watching_part> && tarn::check_part<finding_part>);
static_assert(!tarn::check_part<int> && !tarn::check_part<tarn::checked>);
static_assert(tarn::check_policy<tarn::checked_with<>> && tarn::check_policy<my_check>);

std::size_t heard = 0;
tarn::misuse_report last{};
void listen(const tarn::misuse_report& report) noexcept {
  ++heard;
  last = report;
}
struct listening {
  listening() : before(tarn::set_misuse_handler(listen)) {
    heard = 0;
    first = second = {};
  }
  ~listening() { tarn::set_misuse_handler(before); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

  tarn::misuse_handler before;
};

template <class P, class Check = my_check>
using fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, Check>;

template <class Pool>
std::uint64_t count(const Pool& pool, misuse kind) {
  return pool.snapshot().misuses[static_cast<std::size_t>(kind)];
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("each part sees each block of a pool once on its way out and home",
                        "[check]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool({.large_cache_bytes = std::size_t{8} << 20});
  auto& p = *pool;
  const auto saw = [&](int gets, int puts) {
    return first.gets == gets && first.puts == puts && first.idles == puts && second.puts == puts;
  };

  auto* const block = static_cast<std::byte*>(p.allocate(100));
  CHECK(first.out.bytes == block);
  CHECK(first.out.size == 100);
  CHECK(first.out.capacity == 128);
  CHECK(first.out.room == block + 128);
  CHECK(first.out.is_free);
  CHECK(saw(1, 0));
  p.deallocate(block, 90);
  CHECK(first.home.bytes == block);
  CHECK(first.home.size == 90);
  CHECK(first.home.capacity == 128);
  CHECK(first.home.room == block + 128);
  CHECK(second.home.room == block + 136);  // each has its own bytes
  CHECK(saw(1, 1));

  p.get(1000).reset();
  CHECK(first.out.capacity == 1024);
  CHECK(saw(2, 2));
  p.get_shared(1024).reset();  // its node is no user's memory
  CHECK(saw(3, 3));
  p.get_at_least(1000).reset();
  CHECK(saw(4, 4));
  {
    std::vector<typename fixture<TestType>::buffer> some(3);
    p.get_bulk(500, some);
    CHECK(saw(7, 4));
    p.put_bulk(some);
  }
  CHECK(saw(7, 7));
  auto* const large = static_cast<std::byte*>(p.allocate(5 << 20));
  CHECK(first.out.bytes == large);
  CHECK(first.out.capacity == 5 << 20);
  CHECK(first.out.room == large + (5 << 20));
  CHECK(p.block_size(large) == 5 << 20);
  std::memset(large, 1, 5 << 20);
  p.deallocate(large, 5 << 20);
  CHECK(saw(8, 8));
  CHECK(first.home.capacity == 5 << 20);
  CHECK(p.get(5 << 20).capacity() == 5 << 20);  // out of the large cache
  CHECK(saw(9, 9));
  CHECK(heard == 0);
}

TEMPLATE_LIST_TEST_CASE("the finding of a part is counted and reported, and the block taken back",
                        "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool({.name = "judge"});
  auto& p = *pool;
  auto* const block = static_cast<std::byte*>(p.allocate(100));
  block[0] = std::byte{0x66};
  p.deallocate(block, 100);
  CHECK(heard == 1);
  CHECK(last.kind == misuse::overrun);
  CHECK(last.block == block);
  CHECK(last.size == 100);
  CHECK(std::string(last.pool) == "judge");
  CHECK(count(p, misuse::overrun) == 1);
  CHECK(p.occupancy().in_use() == 0);

  p.deallocate(block, 100);  // what `checked` finds is found first, and no part sees the block
  CHECK(last.kind == misuse::double_put);
  CHECK(heard == 2);
  CHECK(first.puts == 1);
  auto b = p.get(100);
  b[0] = std::byte{0x66};
  b.reset();
  CHECK(count(p, misuse::overrun) == 2);
}

TEMPLATE_LIST_TEST_CASE("the order of parts changes nothing but their places behind the block",
                        "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType, tarn::checked_with<finding_part, watching_part>> pool;
  auto& p = *pool;
  auto* const block = static_cast<std::byte*>(p.allocate(100));
  CHECK(first.out.room == block + 132);
  block[0] = std::byte{0x66};
  p.deallocate(block, 100);
  CHECK(second.home.room == block + 128);
  CHECK(count(p, misuse::overrun) == 1);
  CHECK(first.gets == 1);
  CHECK(first.idles == 1);
}

TEMPLATE_LIST_TEST_CASE("a part may write the bytes of a block only where zeroing does not rule",
                        "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto zeroing : {tarn::zeroing::none, tarn::zeroing::on_get, tarn::zeroing::on_put,
                             tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    INFO(static_cast<int>(zeroing));
    const listening here;
    fixture<TestType> pool({.zeroing = zeroing});
    for (const std::size_t size : {std::size_t{100}, std::size_t{5} << 20}) {
      auto b = pool->get(size);
      CHECK(first.out.is_free == (zeroing == tarn::zeroing::none));
      const bool is_zero = b[0] == std::byte{} && b[size - 1] == std::byte{};
      CHECK((is_zero || zeroing == tarn::zeroing::none));
    }
    pool->get(100).reset();
    CHECK(first.idle.is_free ==
          (zeroing == tarn::zeroing::none || zeroing == tarn::zeroing::on_get));
    // What a part wrote behind a block is gone where idle memory is zero: the room may become a
    // part of another block.
    if (zeroing != tarn::zeroing::none && zeroing != tarn::zeroing::on_get) {
      CHECK(*first.idle.room == std::byte{});
    }
  }
}

TEST_CASE("a set of no parts checks as `checked` does", "[check]") {
  tarn::byte_pool<tarn::no_lock, tarn::counting_stats,
                  tarn::traits<tarn::power_of_two_tiers<>, tarn::checked_with<>>>
      pool;
  void* const block = pool.allocate(100);
  pool.deallocate(block, 100);
  pool.deallocate(block, 100);
  CHECK(pool.snapshot().misuses[static_cast<std::size_t>(misuse::double_put)] == 1);
}

TEMPLATE_LIST_TEST_CASE("parts see objects, kept ones and built ones", "[check]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  {
    tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats,
                      tarn::object_traits<tarn::keep_objects<>, my_check>>
        pool;
    auto s = pool.get();
    CHECK(first.out.bytes == reinterpret_cast<std::byte*>(&*s));
    CHECK(first.out.capacity == sizeof(std::string));
    CHECK_FALSE(first.out.is_free);
    s.reset();
    CHECK(first.gets == 1);
    CHECK(first.puts == 1);
    CHECK(first.idles == 0);  // the object is still there
    pool.get().reset();
    CHECK(first.gets == 2);
  }
  first = {};
  {
    using pool_type =
        tarn::object_pool<std::uint64_t, typename TestType::lock, typename TestType::stats,
                          tarn::object_traits<tarn::build_objects, my_check>>;
    pool_type pool;
    auto n = pool.make(std::uint64_t{7});
    CHECK(*n == 7);  // built behind on_get
    CHECK(first.out.is_free);
    CHECK(first.out.capacity == sizeof(std::uint64_t));
    pool.put(n.detach());
    CHECK(first.puts == 1);
    CHECK(first.idles == 1);
    CHECK(first.idle.is_free);
    pool_type wiped({.zeroing = tarn::zeroing::secure});
    static_cast<void>(wiped.make(std::uint64_t{8}));
    CHECK(first.puts == 2);
    CHECK(first.idles == 2);
    CHECK_FALSE(first.idle.is_free);  // the bytes are zeros
  }
  first = {};
  {
    tarn::message_pool<tarn::message, typename TestType::lock, typename TestType::stats,
                       tarn::object_traits<tarn::keep_objects<>, my_check>>
        pool;
    auto shared = pool.share(pool.get());
    CHECK(first.gets == 1);
    shared.reset();
    CHECK(first.puts == 1);
  }
  CHECK(heard == 0);
}
