// SPDX-License-Identifier: MIT
//
// The places for blocks at each processor, which a tier under `lock_free` gets when threads meet.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/frontend/processor_places.hpp>

#include "support/catch.hpp"

namespace {

using env = tarn::detail::native_env;
using tarn::detail::own_memory;
using places = tarn::detail::processor_places<env>;

/// The places of all processors, of which the tests use one list.
struct fixture {
  fixture() {
    set.make(own, 4, [](const auto& publish) { publish(); });
    set.for_each([&](places::list& l) { lists.push_back(&l); });
    list = lists.front();
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  ~fixture() { set.destroy(own); }

  void* block(std::size_t i) { return &memory[i]; }

  own_memory own;
  places set;
  std::vector<places::list*> lists;
  places::list* list = nullptr;
  std::max_align_t memory[8] = {};
};

std::vector<void*> all_of(places::list& l) {
  std::vector<void*> blocks;
  l.take_all([&](const places::list::taken& one) { blocks.push_back(one.block); });
  return blocks;
}

}  // namespace

TEST_CASE("the block that was put last is taken first", "[places]") {
  fixture f;
  CHECK(f.list->take() == nullptr);
  for (std::size_t i = 0; i != 4; ++i)
    CHECK(f.list->put(f.block(i)));
  CHECK_FALSE(f.list->put(f.block(4)));  // full
  for (std::size_t i = 4; i-- != 0;)
    CHECK(f.list->take() == f.block(i));
  CHECK(f.list->take() == nullptr);
  CHECK(f.list->put(f.block(7)));
  CHECK(f.list->take() == f.block(7));
}

TEST_CASE("sealed places give all their blocks once, and take none any more", "[places]") {
  fixture f;
  CHECK(f.list->put(f.block(0)));
  CHECK(f.list->put(f.block(1)));
  std::vector<void*> blocks;
  f.list->seal([&](const places::list::taken& one) { blocks.push_back(one.block); });
  CHECK(blocks == std::vector<void*>{f.block(0), f.block(1)});
  for (int round = 0; round != 3; ++round) {
    CHECK_FALSE(f.list->put(f.block(2)));
    CHECK(f.list->take() == nullptr);
    CHECK(f.list->take_marked().block == nullptr);
    CHECK(all_of(*f.list).empty());  // nor does this open them
  }
  CHECK(f.list->look().blocks == 0);
}

TEST_CASE("a block that is taken and put again has lost its mark", "[places]") {
  fixture f;
  for (std::size_t i = 0; i != 3; ++i)
    CHECK(f.list->put(f.block(i)));
  CHECK(f.list->look().still == 0);
  f.list->mark();
  CHECK(f.list->look().blocks == 3);
  CHECK(f.list->look().still == 3);
  void* const taken = f.list->take();
  CHECK(taken == f.block(2));  // without the mark
  CHECK(f.list->put(taken));
  CHECK(f.list->look().blocks == 3);
  CHECK(f.list->look().still == 2);
  CHECK(all_of(*f.list) == std::vector<void*>{f.block(0), f.block(1), f.block(2)});
}

TEST_CASE("a block that moves without a user keeps its mark", "[places]") {
  fixture f;
  CHECK(f.list->put(f.block(0), true));
  CHECK(f.list->put(f.block(1)));
  CHECK(f.list->look().still == 1);
  const auto first = f.list->take_marked();
  CHECK(first.block == f.block(1));
  CHECK_FALSE(first.is_still);
  const auto second = f.list->take_marked();
  CHECK(second.block == f.block(0));
  CHECK(second.is_still);
  CHECK(f.list->take_marked().block == nullptr);
}

TEST_CASE("no block is out of reach, whatever level threads that met have left", "[places]") {
  fixture f;
  for (std::size_t i = 0; i != 4; ++i)
    CHECK(f.list->put(f.block(i)));
  // Takes from the top leave holes below the level, and blocks above it.
  CHECK(f.list->take() == f.block(3));
  CHECK(f.list->take() == f.block(2));
  CHECK(f.list->put(f.block(2)));
  CHECK(f.list->put(f.block(3)));
  f.list->mislead(1);  // as a thread that was interrupted does
  CHECK(f.list->take() == f.block(0));
  CHECK(f.list->take() == nullptr);   // as far as the level tells
  CHECK(f.list->look().blocks == 3);  // but three are there
  CHECK(f.list->put(f.block(4)));     // which a put covers again
  CHECK(f.list->put(f.block(5)) == false);
  CHECK(f.list->take() == f.block(3));
  CHECK(f.list->take() == f.block(2));
  CHECK(f.list->take() == f.block(1));
  f.list->mislead(4);
  CHECK(f.list->take() == f.block(4));
  CHECK(f.list->look().blocks == 0);
  CHECK(f.list->put(f.block(5)));
  CHECK(f.list->put(f.block(6)));
  f.list->mislead(0);
  CHECK(f.list->put(f.block(7)));  // finds the places that are taken
  CHECK(f.list->look().blocks == 3);
  CHECK(all_of(*f.list).size() == 3);
}

TEST_CASE("each processor has its own places, which stay when they are retired", "[places]") {
  fixture f;
  CHECK(f.lists.size() == env::processors());
  CHECK(f.set.nearest() != nullptr);
  CHECK(f.set.are_made());
  f.set.retire();
  CHECK(f.set.nearest() == nullptr);
  CHECK(f.list->put(f.block(0)));  // a thread that has not seen it
  std::size_t blocks = 0;
  f.set.for_each([&](places::list& l) { l.seal([&](const places::list::taken&) { ++blocks; }); });
  CHECK(blocks == 1);
}

TEST_CASE("places that are not needed after all give their memory back", "[places]") {
  const own_memory own;
  places set;
  set.make(own, 64, [](const auto&) {});
  CHECK_FALSE(set.are_made());
  CHECK(set.nearest() == nullptr);
  set.destroy(own);
}
