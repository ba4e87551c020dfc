// SPDX-License-Identifier: MIT
//
// The places for blocks at each processor, which a tier under `lock_free` gets when threads meet.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/detail/frontend/native_env.hpp>
#include <tarn/detail/frontend/processor_places.hpp>

#include "support/catch.hpp"

namespace {

/// A number whose next store writes `instead`, as if a thread had been interrupted before an older
/// store, which came last.
struct stale_number : std::atomic<std::uint32_t> {
  using std::atomic<std::uint32_t>::atomic;
  void store(std::uint32_t value, std::memory_order order) noexcept {
    std::atomic<std::uint32_t>::store(std::exchange(instead, std::nullopt).value_or(value), order);
  }
  static inline std::optional<std::uint32_t> instead;
};
/// In a list of places only the level is such a number.
struct env : tarn::detail::native_env {
  template <class T>
  using atomic = std::conditional_t<std::is_same_v<T, std::uint32_t>, stale_number, std::atomic<T>>;
};
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
  for (std::size_t i = 0; i != 3; ++i)
    CHECK(f.list->put(f.block(i)));
  stale_number::instead = 1;
  CHECK(f.list->put(f.block(3)));
  CHECK(f.list->take() == f.block(0));
  CHECK(f.list->take() == nullptr);   // as far as the level tells
  CHECK(f.list->look().blocks == 3);  // but three are there
  CHECK(f.list->put(f.block(4)));
  CHECK_FALSE(f.list->put(f.block(5)));  // finds the level too low, and corrects it
  for (const std::size_t i : {3u, 2u, 1u})
    CHECK(f.list->take() == f.block(i));
  stale_number::instead = 4;
  CHECK(f.list->take() == f.block(4));
  CHECK(f.list->take() == nullptr);  // finds the level too high
  CHECK(f.list->level() == 0);
  CHECK(f.list->put(f.block(5)));
  stale_number::instead = 0;
  CHECK(f.list->put(f.block(6)));
  CHECK(f.list->put(f.block(7)));  // finds the places that are taken
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
