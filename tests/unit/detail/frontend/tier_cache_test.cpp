// SPDX-License-Identifier: MIT
//
// A thread's cache of one tier: its word counts gets and the fill level, exactly and together.

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/frontend/tier_cache.hpp>

#include "support/catch.hpp"

namespace {

using env = tarn::detail::native_env;
using cache = tarn::detail::tier_cache<env>;
constexpr std::uint64_t mark = tarn::detail::one_get;

struct cache_with_room {
  explicit cache_with_room(std::uint32_t limit) : places(limit) {
    c.rounds = places.data();
    c.limit = limit;
  }
  std::vector<cache::cell<void*>> places;
  cache c;
};

}  // namespace

TEST_CASE("an empty cache gives nothing and a full one takes nothing", "[tier_cache]") {
  cache_with_room with(2);
  cache& c = with.c;
  int blocks[3];
  CHECK(c.pop<mark>() == nullptr);
  CHECK(c.push<mark>(&blocks[0]));
  CHECK(c.push<mark>(&blocks[1]));
  CHECK_FALSE(c.push<mark>(&blocks[2]));
  CHECK(c.level() == 2);
  CHECK(c.pop<mark>() == &blocks[1]);
  CHECK(c.pop<mark>() == &blocks[0]);
  CHECK(c.pop<mark>() == nullptr);
  CHECK(c.read() >> tarn::detail::level_bits ==
        2);  // two gets; those that got nothing do not count
}

TEST_CASE("without counts the word is the fill level alone", "[tier_cache]") {
  cache_with_room with(4);
  int block;
  for (int i = 0; i != 100; ++i) {
    CHECK(with.c.push<0>(&block));
    CHECK(with.c.read() == 1);
    CHECK(with.c.pop<0>() == &block);
    CHECK(with.c.read() == 0);
  }
}

TEST_CASE("a bulk takes the last blocks and puts back as many as fit", "[tier_cache]") {
  cache_with_room with(5);
  cache& c = with.c;
  int blocks[8];
  void* given[8];
  for (std::size_t i = 0; i != 8; ++i)
    given[i] = &blocks[i];
  CHECK(c.push_bulk(given, 8) == 5);
  void* got[8] = {};
  CHECK(c.pop_bulk<mark>(got, 3) == 3);
  CHECK(got[0] == &blocks[2]);
  CHECK(got[2] == &blocks[4]);
  CHECK(c.pop_bulk<mark>(got, 8) == 2);
  CHECK(c.pop_bulk<mark>(got, 8) == 0);
  CHECK(c.read() >> tarn::detail::level_bits == 5);
}

TEST_CASE("a reader derives puts from gets, the level and what moved", "[tier_cache]") {
  cache_with_room with(50);
  cache& c = with.c;
  int block;
  std::uint64_t gets = 0;
  std::uint64_t puts = 0;
  std::uint64_t in_cache = 0;
  std::minstd_rand random(9);
  for (int turn = 0; turn != 20000; ++turn) {
    switch (random() % 6) {
      case 0:  // a refill from the depot
        for (auto n = random() % 5; n != 0 && in_cache != 50; --n) {
          with.places[in_cache++] = &block;
          c.moved_in(1);
        }
        break;
      case 1:
        if (c.take_home() != nullptr) --in_cache;
        break;
      case 2:
        c.passed_out(mark);
        ++gets;
        break;
      case 3:
        c.passed_home();
        ++puts;
        break;
      case 4:
        if (c.pop<mark>() != nullptr) {
          ++gets;
          --in_cache;
        }
        break;
      default:
        if (c.push<mark>(&block)) {
          ++puts;
          ++in_cache;
        }
    }
    const auto seen = c.read_numbers();
    REQUIRE(seen.level == in_cache);
    REQUIRE(seen.puts == puts);
    REQUIRE(c.read() >> tarn::detail::level_bits == gets);
  }
}

TEST_CASE("a reader gets nothing while a move is under way", "[tier_cache]") {
  cache_with_room with(2);
  cache::numbers seen;
  CHECK(with.c.try_read(seen));
  with.c.changes.store(1);
  CHECK_FALSE(with.c.try_read(seen));
  with.c.changes.store(2);
  CHECK(with.c.try_read(seen));
}
