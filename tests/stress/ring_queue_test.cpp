// SPDX-License-Identifier: MIT
//
// ring_queue under load: each value that a reader sees was pushed, whole and in the order of its
// pusher.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <tarn/value/ring_queue.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t pushers = 4;
constexpr std::size_t readers = 2;
constexpr std::uint64_t pushes = 100'000;

/// 24 bytes that show whether they belong together.
struct proof {
  std::uint64_t pusher;
  std::uint64_t number;
  std::uint64_t check;

  [[nodiscard]] static std::uint64_t check_of(std::uint64_t a, std::uint64_t b) {
    return (a + 1) * 0x9e3779b97f4a7c15u ^ (b + 1) * 0xc2b2ae3d27d4eb4fu;
  }
  [[nodiscard]] bool is_whole() const { return check == check_of(pusher, number); }
};
static_assert(sizeof(proof) == 24);

struct faults {
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> out_of_order{0};
  std::atomic<std::uint64_t> too_many{0};
  std::atomic<std::uint64_t> seen{0};

  void look_at(const std::vector<proof>& values, std::size_t capacity) {
    std::array<std::uint64_t, pushers> next{};
    if (values.size() > capacity) ++too_many;
    for (const auto& v : values) {
      if (!v.is_whole() || v.pusher >= pushers) {
        ++torn;
      } else {
        if (v.number < next[v.pusher]) ++out_of_order;
        next[v.pusher] = v.number + 1;
      }
    }
    seen += values.size();
  }
};

void stress(std::size_t capacity, bool clears) {
  tarn::ring_queue<proof> ring(capacity);
  faults found;
  std::atomic<std::size_t> pushing{pushers};
  test::run_together(pushers + readers, [&](std::size_t thread) {
    if (thread < pushers) {
      for (std::uint64_t i = 0; i != pushes; ++i)
        ring.push({thread, i, proof::check_of(thread, i)});
      --pushing;
    } else {
      do {
        found.look_at(ring.values(), capacity);
        if (clears) ring.clear();
        if (ring.size() > capacity) ++found.too_many;
      } while (pushing.load() != 0);
    }
  });
  CHECK(found.torn == 0);
  CHECK(found.out_of_order == 0);
  CHECK(found.too_many == 0);
  found.look_at(ring.values(), capacity);
  CHECK(found.torn == 0);
  if (!clears) CHECK(found.seen > 0);
}

}  // namespace

TEST_CASE("four pushers and two readers: no value is torn, unwritten or out of order",
          "[ring_queue][stress]") {
  for (const std::size_t capacity : {1u, 2u, 64u, 256u, 1000u}) {
    INFO("capacity " << capacity);
    stress(capacity, false);
  }
}

TEST_CASE("readers that clear the ring disturb no other", "[ring_queue][stress]") {
  stress(3, true);
  stress(64, true);
}

TEST_CASE("after the pushers have ended, the ring holds the newest and takes more",
          "[ring_queue][stress]") {
  tarn::ring_queue<proof> ring(16);
  test::run_together(pushers, [&](std::size_t thread) {
    for (std::uint64_t i = 0; i != pushes; ++i)
      ring.push({thread, i, proof::check_of(thread, i)});
  });
  for (std::uint64_t i = 0; i != 16; ++i)
    ring.push({0, i, proof::check_of(0, i)});
  const auto values = ring.values();
  REQUIRE(values.size() == 16);  // no slot was left in the state "being written"
  for (std::uint64_t i = 0; i != 16; ++i)
    CHECK(values[i].number == i);
}
