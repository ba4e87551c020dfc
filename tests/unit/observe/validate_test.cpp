// SPDX-License-Identifier: MIT
//
// Numbers that can't be true are found, and named.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <tarn/observe/detail/validate.hpp>
#include <tarn/observe/registry.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

// A sound pool: 10 blocks created, 3 retired, 4 idle, 3 out.
tarn::snapshot good() {
  tarn::snapshot s;
  s.name = "planted";
  tarn::tier_snapshot t;
  t.size_bytes = t.stride_bytes = 1024;
  t.created = 10;
  t.retired = 3;
  t.recarved = 1;
  t.idle = 4;
  t.idle_in_threads = 1;
  t.idle_pinned = 1;
  t.in_use = 3;
  t.max_idle = 2;
  t.gets = 20;
  t.puts = 17;
  t.misses = 8;
  s.tiers = {t, t};
  s.tiers[1].size_bytes = s.tiers[1].stride_bytes = 4096;
  s.nodes = t;
  s.nodes.size_bytes = s.nodes.stride_bytes = 64;
  s.large = {5, 3, 1, 0, 2, 2000, 1, 1000, 5000};
  s.slab_bytes = 7 * (1024 + 4096 + 64);
  s.max_idle_bytes = 2 * (1024 + 4096);
  s.limit_bytes = s.slab_bytes;
  s.capacity = 7;
  s.retains = 4;
  s.releases = 4;
  return s;
}

struct planted {
  const char* rule;
  const char* where;
  bool at_any_moment;
  std::function<void(tarn::snapshot&)> plant;
};

const std::vector<planted>& faults() {
  static const std::vector<planted> all{
      {"puts <= gets", "tier 1024", true, [](auto& s) { s.tiers[0].puts = 21; }},
      {"misses <= gets", "tier 4096", true, [](auto& s) { s.tiers[1].misses = 21; }},
      {"retired + abandoned <= created", "tier 1024", true,
       [](auto& s) { s.tiers[0].abandoned = 8; }},
      {"recarved <= retired", "nodes", true, [](auto& s) { s.nodes.recarved = 4; }},
      {"idle in threads + idle pinned <= idle", "tier 4096", true,
       [](auto& s) { s.tiers[1].idle_pinned = 4; }},
      {"idle purged <= idle", "tier 4096", true, [](auto& s) { s.tiers[1].idle_purged = 5; }},
      {"created = idle + in use + retired + abandoned", "tier 4096", false,
       [](auto& s) { s.tiers[1].created = 11; }},
      {"created = idle + in use + retired + abandoned", "nodes", false,
       [](auto& s) { s.nodes.idle = 5; }},
      {"gets - puts = in use", "tier 1024", false, [](auto& s) { s.tiers[0].puts = 16; }},
      {"idle <= bound", "tier 1024", false, [](auto& s) { s.tiers[0].max_idle = 1; }},
      {"blocks <= capacity", "tier 1024", false, [](auto& s) { s.capacity = 6; }},
      {"puts <= gets", "large blocks", true, [](auto& s) { s.large.puts = 6; }},
      {"reused <= gets", "large blocks", true, [](auto& s) { s.large.reused = 6; }},
      {"gets - puts = in use", "large blocks", false, [](auto& s) { s.large.in_use = 1; }},
      {"releases <= retains", "shared buffers", true, [](auto& s) { s.releases = 5; }},
      {"bytes of blocks <= bytes of slabs", "bytes", false, [](auto& s) { --s.slab_bytes; }},
      {"idle bytes <= max_bytes", "bytes", false, [](auto& s) { --s.max_idle_bytes; }},
      {"slab bytes <= limit_bytes", "bytes", false, [](auto& s) { --s.limit_bytes; }},
      {"most held bytes <= limit_bytes", "bytes", false,
       [](auto& s) { s.most_held_bytes = s.limit_bytes + 1; }},
  };
  return all;
}

}  // namespace

TEST_CASE("numbers that agree break nothing", "[validate]") {
  CHECK_FALSE(tarn::validate(good()));
  CHECK_FALSE(tarn::validate(good(), tarn::moment::at_rest));
  CHECK_FALSE(tarn::validate(tarn::snapshot(), tarn::moment::at_rest));
}

TEST_CASE("every imbalance is found, with the pool, the tier and the rule", "[validate]") {
  for (const auto& fault : faults()) {
    INFO(fault.rule << ", " << fault.where);
    auto s = good();
    fault.plant(s);
    const auto at_rest = tarn::validate(s, tarn::moment::at_rest);
    REQUIRE(at_rest);
    CHECK(at_rest->pool == "planted");
    CHECK(at_rest->rule == fault.rule);
    CHECK(at_rest->text.find("pool 'planted', " + std::string(fault.where) + ": " + fault.rule) !=
          std::string::npos);
    // Under load the numbers of a sound pool may look like this: no alarm.
    const auto busy = tarn::validate(s);
    CHECK(busy.has_value() == fault.at_any_moment);
    if (busy) CHECK(busy->rule == fault.rule);
  }
}

TEST_CASE("what does not count is no imbalance", "[validate]") {
  auto s = good();
  for (auto* const t : {&s.tiers[0], &s.tiers[1], &s.nodes})
    t->gets = t->puts = t->misses = 0;
  s.large.gets = s.large.puts = s.large.reused = 0;
  CHECK_FALSE(tarn::validate(s, tarn::moment::at_rest));
}

TEST_CASE("the first bad pool of a registry is named", "[validate]") {
  // A sound pool can't be damaged from outside, but a policy of the user can damage its numbers.
  struct lying_pool : tarn::byte_pool<std::mutex> {
    using base = tarn::byte_pool<std::mutex>;
    explicit lying_pool(std::string name) : base({.name = std::move(name)}) {}
    [[nodiscard]] tarn::snapshot snapshot() const {
      auto s = base::snapshot();
      s.tiers[3].created += lie;
      return s;
    }
    std::uint64_t lie = 0;
  };
  tarn::pool_registry registry;
  lying_pool a("a"), b("b"), c("c");
  const auto one = registry.publish(c);
  const auto two = registry.publish(b);
  const auto three = registry.publish(a);
  CHECK_FALSE(registry.validate(tarn::moment::at_rest));
  c.lie = 1;
  b.lie = 2;
  CHECK_FALSE(registry.validate(tarn::moment::busy));
  const auto broken = registry.validate(tarn::moment::at_rest);
  REQUIRE(broken);
  CHECK(broken->pool == "b");
  CHECK(broken->text ==
        "tarn: pool 'b', tier 1024: created = idle + in use + retired + abandoned does not hold, "
        "2 against 0");
}

TEMPLATE_LIST_TEST_CASE("pools at rest after any load keep all rules", "[validate]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  for (unsigned seed = 1; seed != 5; ++seed) {
    std::minstd_rand random(seed);
    tarn::options o{.name = "load", .large_cache_bytes = std::size_t{8} << 20};
    if (seed == 2) o.max_objects = 20;
    if (seed == 3) o.max_bytes = 300'000;
    if (seed == 4) o.limit_bytes = std::size_t{20} << 20;
    test::byte_fixture<TestType> pool(o);
    tarn::pool_registry registry;
    const auto token = registry.publish(*pool);
    std::vector<typename test::byte_fixture<TestType>::buffer> held;
    std::vector<typename test::byte_fixture<TestType>::pool_type::shared_buffer> shared;
    for (int i = 0; i != 2000; ++i) {
      const auto size = std::size_t{1} << random() % (random() % 50 == 0 ? 23 : 16);
      if (random() % 2 == 0 || held.empty()) {
        if (auto b = pool->try_get(size)) held.push_back(std::move(b));
        if (auto b = pool->try_get_shared(size / 8)) shared.push_back(std::move(b));
      } else {
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
      }
      if (held.size() > 60) held.erase(held.begin(), held.begin() + 40);
      if (shared.size() > 40) shared.clear();
      if (random() % 200 == 0) pool->trim(random() % 100'000);
      if (random() % 200 == 0) pool->drain();
      if (i % 100 == 0) {
        const auto broken = registry.validate(tarn::moment::at_rest);
        INFO((broken ? broken->text : ""));
        CHECK_FALSE(broken);
      }
    }
  }
}
