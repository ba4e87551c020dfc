// SPDX-License-Identifier: MIT
//
// The bins of a tier's slabs: blocks come from the fullest slab, whole slabs are found at once.

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <tarn/detail/depot/slab_bins.hpp>
#include <tarn/detail/frontend/native_env.hpp>

#include "support/catch.hpp"

namespace {

using env = tarn::detail::native_env;
using slab = tarn::detail::slab<env>;
using slab_bins = tarn::detail::slab_bins<env>;

/// A tier of 64 blocks a slab, without memory: bins look at descriptors only.
struct tier {
  tier() {
    shape.size = shape.stride = 128;
    shape.slab_bytes = 64 * 128;
  }
  tier(const tier&) = delete;
  tier& operator=(const tier&) = delete;
  ~tier() { bins.destroy_all(shape); }

  slab* add(std::uint32_t carved, std::uint32_t parked, std::uint32_t purged = 0) {
    auto* const s = slab::make(64, shape);
    REQUIRE(s != nullptr);
    s->describe(nullptr, 64 * 128, shape, nullptr);
    s->carved = carved;
    for (std::uint32_t i = 0; i != parked; ++i)
      s->park(i);
    for (std::uint32_t i = 0; i != purged; ++i)
      s->mark_purged(i);
    bins.place(s);
    return s;
  }

  tarn::detail::tier_shape shape;
  slab_bins bins;
};

}  // namespace

TEST_CASE("empty bins offer no slab", "[slab_bins]") {
  tier t;
  CHECK(t.bins.best(true) == nullptr);
  CHECK(t.bins.resident() == nullptr);
  CHECK(t.bins.spare(true) == nullptr);
  CHECK(t.bins.whole_resident() == nullptr);
  CHECK(t.bins.pop_spare(1) == nullptr);
}

TEST_CASE("an exhausted slab is offered for nothing", "[slab_bins]") {
  tier t;
  t.add(64, 0);
  CHECK(t.bins.best(true) == nullptr);
  CHECK(t.bins.spare(true) == nullptr);
}

TEST_CASE("blocks come from the fullest slab that has a parked one", "[slab_bins]") {
  tier t;
  t.add(64, 40);
  slab* const fullest = t.add(64, 2);
  t.add(64, 64);
  t.add(0, 0);
  CHECK(t.bins.best(true) == fullest);
  CHECK(t.bins.best(false) == fullest);
  CHECK(t.bins.resident() == fullest);
}

TEST_CASE("a slab is carved only where no block is parked, an opened one first", "[slab_bins]") {
  tier t;
  slab* const untouched = t.add(0, 0);
  CHECK(t.bins.best(false) == nullptr);
  CHECK(t.bins.best(true) == untouched);
  slab* const opened = t.add(10, 0);
  CHECK(t.bins.best(true) == opened);
  slab* const parked = t.add(10, 10);
  CHECK(t.bins.best(true) == parked);
}

TEST_CASE("whole slabs are found, those with pages apart", "[slab_bins]") {
  tier t;
  slab* const purged = t.add(64, 64, 64);
  CHECK(t.bins.spare(true) == purged);
  CHECK(t.bins.whole_resident() == nullptr);
  slab* const whole = t.add(64, 64);
  CHECK(t.bins.whole_resident() == whole);
  CHECK(t.bins.spare(true) == whole);
  CHECK(t.bins.spare(false) == nullptr);
  slab* const untouched = t.add(0, 0);
  CHECK(t.bins.spare(false) == untouched);
}

TEST_CASE("a slab moves when its blocks do, and is gone when it is removed", "[slab_bins]") {
  tier t;
  slab* const s = t.add(64, 64);
  while (s->parked != 0) {
    CHECK(t.bins.best(false) == s);
    static_cast<void>(s->unpark());
    t.bins.place(s);
  }
  CHECK(t.bins.best(true) == nullptr);
  s->park(5);
  t.bins.place(s);
  CHECK(t.bins.best(true) == s);
  t.bins.remove(s);
  CHECK(t.bins.best(true) == nullptr);
  slab::destroy(s, t.shape);
}

TEST_CASE("a spare descriptor has the room that is asked for", "[slab_bins]") {
  tier t;
  for (const std::uint32_t room : {1u, 16u, 17u, 64u}) {
    auto* const s = slab::make(room, t.shape);
    REQUIRE(s != nullptr);
    t.bins.push_spare(s);
  }
  CHECK(t.bins.pop_spare(65) == nullptr);
  for (const std::uint32_t wanted : {20u, 16u, 1u}) {
    auto* const s = t.bins.pop_spare(wanted);
    REQUIRE(s != nullptr);
    CHECK(s->room >= wanted);
    slab::destroy(s, t.shape);
  }
}

TEST_CASE("the best slab is the fullest in random states, to an eighth of a slab", "[slab_bins]") {
  tier t;
  std::vector<slab*> all;
  for (int i = 0; i != 40; ++i)
    all.push_back(t.add(64, 64));
  std::minstd_rand random(3);
  for (int turn = 0; turn != 5000; ++turn) {
    slab* const s = all[random() % all.size()];
    if (random() % 2 == 0 && s->parked != 0) {
      static_cast<void>(s->unpark());
    } else if (s->parked != 64) {
      std::uint32_t free = 0;
      while ((s->parked_bits[0] >> free & 1) != 0)
        ++free;
      s->park(free);
    }
    t.bins.place(s);
    const slab* const best = t.bins.best(false);
    std::uint32_t least = 64;
    for (const slab* const other : all)
      if (other->parked != 0 && other->parked < least) least = other->parked;
    REQUIRE((best == nullptr) == (least == 64 && all[0]->parked == 0));
    if (best != nullptr) REQUIRE(best->parked < least + 8);
  }
}
