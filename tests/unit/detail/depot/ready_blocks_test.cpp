// SPDX-License-Identifier: MIT
//
// Ready blocks in magazines: a put never needs memory, and the last block put is the first taken.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tarn/detail/depot/ready_blocks.hpp>
#include <tarn/detail/frontend/native_env.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"

namespace {

using env = tarn::detail::native_env;
using ready_blocks = tarn::detail::ready_blocks<env>;
using magazine = tarn::detail::magazine<env>;

/// Makes room for the blocks of a slab.
void add_slab(ready_blocks& ready, std::uint32_t blocks) {
  tarn::detail::magazine_list<env> brought;
  for (auto n = ready.magazines_for(blocks); n != 0; --n) {
    auto* const m = magazine::make(ready.rounds, ready.own);
    REQUIRE(m != nullptr);
    brought.push(m);
  }
  ready.add(blocks, brought);
}

}  // namespace

TEST_CASE("blocks come back in the opposite order", "[ready_blocks]") {
  ready_blocks ready;
  ready.rounds = 4;
  add_slab(ready, 11);
  std::vector<int> blocks(11);
  for (auto& b : blocks)
    ready.put(&b);
  CHECK(ready.count() == 11);
  for (std::size_t i = blocks.size(); i-- != 0;)
    CHECK(ready.take() == &blocks[i]);
  CHECK(ready.count() == 0);
}

TEST_CASE("all blocks of all slabs fit, at any fill level, without the heap", "[ready_blocks]") {
  for (const std::uint32_t rounds : {1u, 3u, 8u}) {
    ready_blocks ready;
    ready.rounds = rounds;
    std::uint32_t blocks = 0;
    for (const std::uint32_t slab : {1u, 7u, 8u, 20u}) {
      add_slab(ready, slab);
      blocks += slab;
      std::vector<char> all(blocks);
      int wrong = 0;
      CHECK(test::heap_calls_of([&] {
              for (std::uint32_t held = 0; held <= blocks; ++held) {
                for (std::uint32_t i = 0; i != held; ++i)
                  ready.put(&all[i]);
                for (std::uint32_t i = held; i-- != 0;)
                  wrong += ready.take() != &all[i];
              }
            }) == 0);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the least number of ready blocks is remembered", "[ready_blocks]") {
  ready_blocks ready;
  ready.rounds = 2;
  add_slab(ready, 6);
  int blocks[6];
  for (auto& b : blocks)
    ready.put(&b);
  ready.lowest = ready.count();
  static_cast<void>(ready.take());
  static_cast<void>(ready.take());
  ready.put(&blocks[0]);
  CHECK(ready.lowest == 4u);
}

TEST_CASE("magazines that no slab needs any more can go", "[ready_blocks]") {
  ready_blocks ready;
  ready.rounds = 4;
  add_slab(ready, 8);
  add_slab(ready, 8);
  ready.remove(8);
  tarn::detail::magazine_list<env> surplus;
  ready.pop_surplus(surplus);
  int count = 0;
  while (auto* const m = surplus.pop()) {
    ++count;
    magazine::destroy(m, ready.rounds, ready.own);
  }
  CHECK(count == 2);
  // The slab that stays still fits.
  int blocks[8];
  for (auto& b : blocks)
    ready.put(&b);
  CHECK(ready.count() == 8);
}
