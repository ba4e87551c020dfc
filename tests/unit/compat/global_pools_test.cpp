// SPDX-License-Identifier: MIT
//
// Pools that are not declared: one per size class, one per type.

#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tarn/compat/global_pools.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

struct session {
  int id = 0;
  void reset() { id = 0; }
};
struct unlabelled {};

constexpr std::size_t mib = std::size_t{1} << 20;

}  // namespace

template <>
inline constexpr std::string_view tarn::type_label<session> = "sessions";

TEST_CASE("a size is served by the pool of its class, made at first use", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools all(registry);
  CHECK(all.size() == 0);
  CHECK(registry.size() == 0);
  CHECK(all.find(4096) == nullptr);
  const auto b = all.get(3000);
  CHECK(b.size() == 3000);
  CHECK(b.capacity() == 4096);
  CHECK(all.size() == 1);
  CHECK(&all.pool(4096) == &all.pool(2049));
  CHECK(all.find(3000) == &all.pool(4096));
  CHECK(&all.pool(4097) != &all.pool(4096));
  REQUIRE(registry.snapshots().size() == 2);
  CHECK(registry.snapshots()[0].name == "global-4096");
  CHECK(registry.snapshots()[1].name == "global-8192");
  CHECK(registry.find("global-4096").snapshot()->tiers.size() == 1);
  CHECK(registry.find("global-4096").snapshot()->total().in_use == 1);
}

TEST_CASE("a hundred odd sizes make a few pools, and a thousand no more", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools all(registry);
  for (std::size_t i = 0; i != 100; ++i)
    all.put(all.get(1000 + i * 37));
  CHECK(all.size() == 4);  // 1024, 2048, 4096, 8192
  for (std::size_t i = 0; i != 1000; ++i)
    all.put(all.get(i * i * 60));
  CHECK(all.size() <= 21);
  for (std::size_t size = 1; size <= 64 * mib; size += size / 3 + 1)
    all.put(all.get(size));
  CHECK(all.size() == 21);  // 64 bytes to 64 MiB
  CHECK(registry.size() == 21);
  CHECK(all.trim() > 0);
  for (const auto& s : registry.snapshots())
    CHECK(s.slab_bytes == 0);
}

TEST_CASE("sizes have an end, which is named", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools all(registry, "few", 4096);
  CHECK(all.get(0).capacity() == 64);
  CHECK(all.get(1).capacity() == 64);
  CHECK(all.get(65).capacity() == 128);
  CHECK(all.get(4096).capacity() == 4096);
  CHECK_THROWS_AS(all.get(4097), std::length_error);
  CHECK_THROWS_WITH(all.get(4097), "tarn: size 4097 must be at most 4096");
  CHECK(all.find(4097) == nullptr);
  CHECK(all.size() == 3);
  CHECK_THROWS_AS(tarn::sized_pools(registry, ""), std::invalid_argument);
  CHECK_THROWS_WITH(tarn::sized_pools(registry, "x", 100),
                    "tarn: largest 100 must be a power of two from 64 to 1099511627776");
  CHECK_THROWS_AS(tarn::sized_pools(registry, "x", 32), std::invalid_argument);
  CHECK_THROWS_AS(tarn::sized_pools(registry, "x", 4096, {.slab_bytes = 1000}),
                  std::invalid_argument);
}

TEST_CASE("what is no buffer of theirs makes no pool and is left alone", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools all(registry);
  std::vector<std::byte> foreign(5000);
  CHECK_FALSE(all.deallocate(foreign.data(), 5000));
  CHECK_FALSE(all.deallocate(foreign.data(), 3));
  CHECK_FALSE(all.deallocate(foreign.data(), 1000 * mib));
  CHECK_FALSE(all.deallocate(nullptr, 0));
  CHECK(all.size() == 0);
  void* const own = all.allocate(5000);
  CHECK_FALSE(all.deallocate(foreign.data(), 5000));
  CHECK_FALSE(all.deallocate(own, 500));  // another class, which has no pool
  CHECK(all.deallocate(own, 5000));
  CHECK(all.size() == 1);
  CHECK(all.find(5000)->occupancy().in_use() == 0);
}

TEST_CASE("idle blocks are bounded per class", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools all(registry);
  {
    std::vector<tarn::sized_pools::buffer> held;
    for (int i = 0; i != 5000; ++i)
      held.push_back(all.get(100));
  }
  // 1000 in the depot, and two magazines of this thread.
  CHECK(all.find(100)->occupancy().idle() <= 1000 + 512);
  CHECK(all.find(100)->snapshot().tiers[0].discarded > 0);
}

TEST_CASE("where a name is taken the pool works unseen", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::byte_pool<> other({.name = "global-64"});
  const auto token = registry.publish(other);
  tarn::sized_pools all(registry);
  CHECK(all.get(1));
  CHECK(registry.size() == 1);
  CHECK(registry.find("global-64").snapshot()->total().gets == 0);
}

TEST_CASE("they go with their owner", "[global_pools]") {
  tarn::pool_registry registry;
  tarn::sized_pools::buffer late;
  {
    tarn::sized_pools all(registry);
    late = all.get(100);
    CHECK(registry.size() == 1);
  }
  CHECK(registry.size() == 0);
  late.data()[0] = std::byte{1};
}

TEST_CASE("threads that want the same new class get the same pool", "[global_pools]") {
  for (int round = 0; round != 50; ++round) {
    tarn::pool_registry registry;
    tarn::sized_pools all(registry);
    std::set<void*> seen[2];
    test::run_together(2, [&](std::size_t me) {
      for (std::size_t size = 64; size <= 64 * mib; size *= 2)
        seen[me].insert(&all.pool(size));
    });
    CHECK(seen[0].size() == 21);
    CHECK(seen[0] == seen[1]);
    CHECK(all.size() == 21);
    CHECK(registry.size() == 21);
  }
}

TEST_CASE("every type has one pool", "[global_pools]") {
  auto& sessions = tarn::pool_of<session>();
  CHECK(&sessions == &tarn::pool_of<session>());
  CHECK(sessions.name() == "type-sessions");
  {
    auto s = sessions.get();
    s->id = 7;
    CHECK(tarn::pools().find("type-sessions").snapshot()->total().in_use == 1);
  }
  CHECK(sessions.get()->id == 0);
  CHECK(tarn::pool_of<unlabelled>().name().find("unlabelled") != std::string::npos);
  CHECK(tarn::pool_of<std::string>().get()->empty());
  CHECK_FALSE(tarn::pools().validate(tarn::moment::at_rest));
}

TEST_CASE("the sized pools of the program are seen in the registry of the program",
          "[global_pools]") {
  CHECK(&tarn::global_pools() == &tarn::global_pools());
  const auto b = tarn::global_pools().get(10'000);
  CHECK(tarn::pools().find("global-16384"));
}
