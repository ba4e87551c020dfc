// SPDX-License-Identifier: MIT
//
// Snapshots in the formats of the seeds, and the sixteen metrics of Takhin.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/compat/seeds.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/tiers.hpp>
#include <tarn/record.hpp>
#include <tarn/record_batch.hpp>

#include "support/catch.hpp"
#include "support/exposition.hpp"

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

template <class Tiers>
using pool_with =
    tarn::byte_pool<std::mutex, tarn::recording_stats, tarn::traits<Tiers, tarn::checked>>;

}  // namespace

TEST_CASE("portask: its numbers and its JSON", "[observe]") {
  pool_with<tarn::fixed_tiers<1024>> pool({.name = "events", .max_objects = 100});
  auto s = pool.snapshot();
  s.created = tarn::time_span::of_seconds(10);
  s.last_resized = tarn::time_span::of_nanoseconds(11'250'000'000);
  s.tiers[0].max_idle = 100;
  s.tiers[0].idle = 3;
  s.tiers[0].gets = 8;
  s.tiers[0].misses = 2;
  s.large.gets = 5;
  s.large.reused = 1;
  const tarn::wall_clock clock{tarn::time_span::of_seconds(10),
                               tarn::time_span::of_seconds(1'767'323'045)};
  const auto stats = tarn::to_portask(s, clock);
  CHECK(stats.hit_ratio() == 0.75);
  std::string text;
  tarn::write_json(std::back_inserter(text), stats);
  CHECK(text == R"({"name":"events","object_size":1024,"max_objects":100,"current_objects":3,)"
                R"("alloc_count":6,"hit_count":6,"miss_count":2,"hit_ratio":0.75,)"
                R"("memory_usage_bytes":3072,"last_resized":"2026-01-02T03:04:06.25Z",)"
                R"("created_at":"2026-01-02T03:04:05Z"})");
  s.tiers[0].max_idle = tarn::tier_snapshot::no_bound;
  text.clear();
  tarn::write_json(std::back_inserter(text), tarn::to_portask(s, clock));
  CHECK(text.find(R"("max_objects":null)") != text.npos);
  CHECK(tarn::to_portask(tarn::snapshot{}, clock).hit_ratio() == 0);
}

TEST_CASE("portask: counters move by what was done", "[observe]") {
  pool_with<tarn::fixed_tiers<1024>> pool;
  {
    const auto a = pool.get(1024);
    const auto b = pool.get(1024);
  }
  {
    const auto c = pool.get(1024);
  }
  const auto stats = tarn::to_portask(pool.snapshot(), tarn::wall_clock::now());
  CHECK(stats.alloc_count == 2);
  CHECK(stats.miss_count == 2);
  CHECK(stats.hit_count == 1);
  CHECK(stats.current_objects == 2);
  CHECK(stats.memory_usage_bytes == 2048);
  CHECK(stats.created_at.count() / 1'000'000'000 > 1'700'000'000);
}

TEST_CASE("portask, cachex: what only its slab keeps is not counted as idle", "[observe]") {
  const auto clock = tarn::wall_clock::now();
  tarn::object_pool<std::string, std::mutex> objects({.max_objects = 4});
  {
    std::vector<tarn::object_pool<std::string, std::mutex>::handle> out(7);
    objects.get_bulk(out);
  }
  CHECK(objects.occupancy().idle() == 7);  // three of them are parked beside the kept ones
  CHECK(tarn::to_cachex(objects.snapshot()).current_size == 4);
  CHECK(tarn::to_portask(objects.snapshot(), clock).current_objects == 4);

  pool_with<tarn::fixed_tiers<64, 1024>> bytes({.max_objects_by_tier = {3, 2}});
  for (const std::size_t size : {64u, 1024u}) {
    std::vector<decltype(bytes)::buffer> out(9);
    bytes.get_bulk(size, out);
  }
  CHECK(tarn::to_cachex(bytes.snapshot()).current_size == 5);
  const auto stats = tarn::to_portask(bytes.snapshot(), clock);
  CHECK(stats.current_objects == 5);
  CHECK(stats.max_objects == 5);
  CHECK(stats.memory_usage_bytes == 3 * 64 + 2 * 1024);
}

TEST_CASE("dates are those of the calendar", "[observe]") {
  using tarn::time_span;
  using tarn::detail::date_text;
  CHECK(date_text({}) == "1970-01-01T00:00:00Z");
  CHECK(date_text(time_span::of_nanoseconds(-1)) == "1969-12-31T23:59:59.999999999Z");
  CHECK(date_text(time_span::of_seconds(951'782'400)) == "2000-02-29T00:00:00Z");
  CHECK(date_text(time_span::of_seconds(1'735'689'599)) == "2024-12-31T23:59:59Z");
  CHECK(date_text(time_span::of_nanoseconds(1'767'323'045'000'000'120)) ==
        "2026-01-02T03:04:05.00000012Z");
}

TEST_CASE("bytepool: its trace", "[observe]") {
  pool_with<tarn::fixed_tiers<128, 256, 512>> pool;
  static_cast<void>(pool.get(1000));
  auto* const p = static_cast<std::byte*>(pool.allocate(100));
  pool.deallocate(p + 10, 90);  // interior
  pool.deallocate(p, 100);
  const auto stats = tarn::to_bytepool(pool.snapshot());
  CHECK(stats.discarded == 2);
  CHECK(stats.pools == std::map<std::size_t, tarn::bytepool_stats::counts>{
                           {128, {1, 1}}, {256, {0, 0}}, {512, {0, 0}}});
  CHECK(stats.total_get == 1);
  CHECK(stats.total_put == 1);
  CHECK(stats.recent_lengths == std::vector<std::size_t>{1000, 100});
}

TEST_CASE("cachex: a ratio that exceeds one, and one that does not", "[observe]") {
  tarn::object_pool<std::string, std::mutex> pool({.max_objects = 1});
  {
    const auto a = pool.get();
    const auto b = pool.get();
  }
  for (int i = 0; i != 8; ++i)
    static_cast<void>(pool.get());
  const auto stats = tarn::to_cachex(pool.snapshot());
  CHECK(stats.total_created == 2);
  CHECK(stats.total_retrieved == 10);
  CHECK(stats.total_returned == 10);
  CHECK(stats.total_discarded == 1);
  CHECK(stats.reuse_ratio() == 5);
  CHECK(stats.hit_ratio() == 0.8);
  CHECK(tarn::to_cachex(tarn::snapshot{}).reuse_ratio() == 0);
  CHECK(tarn::to_cachex(tarn::snapshot{}).hit_ratio() == 0);

  tarn::snapshot s;
  s.tiers.resize(1);
  s.tiers[0].discarded = 1;
  s.tiers[0].aged = 20;
  s.tiers[0].trimmed = 300;
  CHECK(tarn::to_cachex(s).total_discarded == 321);
}

TEST_CASE("takhin: its six numbers, and the hit rate that its formula missed", "[observe]") {
  pool_with<tarn::kafka_tiers> pool;
  for (int i = 0; i != 4; ++i)
    static_cast<void>(pool.get(100));
  static_cast<void>(pool.get(17 * mib));
  std::byte foreign[512];
  pool.deallocate(foreign, sizeof foreign);
  pool.deallocate(nullptr, 512);  // ignored there
  const auto out = pool.get(100);
  const auto stats = tarn::to_takhin(pool.snapshot());
  CHECK(stats == tarn::takhin_stats{2, 5, 4, 1, 1, 2});
  CHECK(stats.hit_rate() == 0.8);  // there: 5 / (5 + 2)
  CHECK(tarn::to_takhin(tarn::snapshot{}).hit_rate() == 0);
}

TEST_CASE("takhin: a large block that is not kept is discarded, one that is kept is not",
          "[observe]") {
  const auto discarded_by = [](auto& pool) { return tarn::to_takhin(pool.snapshot()).discarded; };
  pool_with<tarn::kafka_tiers> none;
  static_cast<void>(none.get(17 * mib));
  static_cast<void>(none.get(17 * mib));
  CHECK(discarded_by(none) == 2);
  CHECK(none.snapshot().large.discarded == 0);  // no cache has discarded it
  pool_with<tarn::kafka_tiers> keeps({.large_cache_bytes = 20 * mib});
  CHECK(keeps.snapshot().large.max_kept_bytes == 20 * mib);
  static_cast<void>(keeps.get(17 * mib));
  CHECK(discarded_by(keeps) == 0);
  keeps.clear();
  CHECK(discarded_by(keeps) == 0);
  static_cast<void>(keeps.get(21 * mib));
  CHECK(discarded_by(keeps) == 1);
}

TEST_CASE("portask: a message pool shows the bound of its capacity", "[observe]") {
  const auto clock = tarn::wall_clock::now();
  tarn::message_pool<> limited({.capacity = 10});
  CHECK(tarn::to_portask(limited.snapshot(), clock).max_objects == 10);
  {
    const auto a = limited.get();
    const auto b = limited.get();
  }
  const auto stats = tarn::to_portask(limited.snapshot(), clock);
  CHECK(stats.hit_count == 0);  // two first gets: 2 there
  CHECK(stats.miss_count == 2);
  CHECK(stats.current_objects == 2);
  tarn::message_pool<> keeps({.max_objects = 4});  // which refuses no get
  CHECK(tarn::to_portask(keeps.snapshot(), clock).max_objects == 4);
  tarn::message_pool<> open;
  CHECK(tarn::to_portask(open.snapshot(), clock).max_objects == tarn::tier_snapshot::no_bound);
}

TEST_CASE("synk: blocks and bytes by class", "[observe]") {
  pool_with<tarn::fixed_tiers<2048, 4096>> pool({.max_objects = 1, .large_cache_bytes = 4 * mib});
  {
    const auto a = pool.get(2000);
    const auto b = pool.get(2000);
  }
  static_cast<void>(pool.get(2000));
  static_cast<void>(pool.get(3 * mib));  // kept
  static_cast<void>(pool.get(2 * mib));  // served by the kept block
  static_cast<void>(pool.get(5 * mib));  // too large to be kept
  using counts = tarn::synk_stats::counts;
  const auto stats = tarn::to_synk(pool.snapshot());
  CHECK(stats.non_pooled == counts{4, 2 * 2048 + 8 * mib});
  CHECK(stats.reused == counts{2, 2048 + 3 * mib});
  CHECK(stats.dropped == counts{2, 2048 + 5 * mib});
  CHECK(stats.in_use == counts{0, 0});
  {
    const auto a = pool.get(2000);
    const auto b = pool.get(3000);
    const auto c = pool.get(2 * mib);  // the block of 3 MiB
    CHECK(tarn::to_synk(pool.snapshot()).in_use == counts{3, 2048 + 4096 + 3 * mib});
  }

  tarn::snapshot s;
  s.tiers.resize(1);
  s.tiers[0].size_bytes = 4096;
  s.tiers[0].recarved = 3;
  s.tiers[0].purged = 5;
  s.tiers[0].purged_bytes = 5000;
  CHECK(tarn::to_synk(s).reused_remaining == counts{3, 3 * 4096});
  CHECK(tarn::to_synk(s).gced == counts{5, 5000});
}

TEST_CASE("takhin: each of the sixteen metrics changes by the exact amount", "[observe]") {
  using checked_pool = tarn::byte_pool<std::mutex, tarn::counting_stats,
                                       tarn::traits<tarn::kafka_tiers, tarn::checked>>;
  checked_pool buffers({.name = "buffers"});
  tarn::record_pool records({.name = "records"});
  // Under a plain lock, where a bound is exact.
  tarn::message_pool<tarn::record_batch, std::mutex> batches(
      {.name = "batches", .max_objects = 1, .keep_capacity_bytes = 1000});

  std::map<std::string, std::int64_t> before;
  const auto changes = [&] {
    std::string text;
    tarn::write_takhin_metrics(std::back_inserter(text), buffers.snapshot(), records.snapshot(),
                               batches.snapshot());
    CHECK(test::fault_of(text, test::prometheus) == "");
    std::map<std::string, std::int64_t> changed;
    const auto samples = test::samples_of(text);
    CHECK(samples.size() == 16);
    for (const auto& s : samples) {
      const std::string prefix = "takhin_mempool_";
      CHECK(s.name.starts_with(prefix));
      CHECK(s.labels.empty());
      const auto name = s.name.substr(prefix.size());
      const auto value = std::stoll(s.value);
      if (value != before[name]) changed[name] = value - before[name];
      before[name] = value;
    }
    return changed;
  };
  using map = std::map<std::string, std::int64_t>;
  CHECK(changes().empty());

  void* const first = buffers.allocate(100);
  void* const second = buffers.allocate(100);
  CHECK(changes() ==
        map{{"buffer_allocations_total", 2}, {"buffer_gets_total", 2}, {"buffer_in_use", 2}});
  buffers.deallocate(first, 100);
  CHECK(changes() == map{{"buffer_puts_total", 1}, {"buffer_in_use", -1}});
  void* const again = buffers.allocate(400);
  CHECK(changes() == map{{"buffer_gets_total", 1}, {"buffer_in_use", 1}});  // a hit
  {
    const auto large = buffers.get(17 * mib);
  }
  CHECK(changes() == map{{"buffer_allocations_total", 1},
                         {"buffer_oversized_total", 1},
                         {"buffer_discarded_total", 1}});
  std::byte foreign[512];
  for (int i = 0; i != 3; ++i)
    buffers.deallocate(foreign, sizeof foreign);
  CHECK(changes() == map{{"buffer_discarded_total", 3}});
  buffers.deallocate(second, 100);
  buffers.deallocate(again, 400);
  CHECK(changes() == map{{"buffer_puts_total", 2}, {"buffer_in_use", -2}});

  {
    const auto a = records.get();
    const auto b = records.get();
    CHECK(changes() ==
          map{{"record_allocations_total", 2}, {"record_gets_total", 2}, {"record_in_use", 2}});
  }
  CHECK(changes() == map{{"record_puts_total", 2}, {"record_in_use", -2}});
  static_cast<void>(records.get());
  CHECK(changes() == map{{"record_gets_total", 1}, {"record_puts_total", 1}});

  {
    const auto a = batches.get();
    CHECK(changes() == map{{"record_batch_allocations_total", 1},
                           {"record_batch_gets_total", 1},
                           {"record_batch_in_use", 1}});
  }
  CHECK(changes() == map{{"record_batch_puts_total", 1}, {"record_batch_in_use", -1}});
  {
    const auto big = batches.get();
    CHECK(changes() == map{{"record_batch_gets_total", 1}, {"record_batch_in_use", 1}});
    for (int i = 0; i != 100; ++i)
      big->add().value.assign("more than is kept");
  }
  CHECK(changes() == map{{"record_batch_puts_total", 1},
                         {"record_batch_in_use", -1},
                         {"record_batch_oversized_total", 1}});
  {
    const auto a = batches.get();
    const auto b = batches.get();
    const auto c = batches.get();
    changes();
  }
  CHECK(changes() == map{{"record_batch_puts_total", 3},
                         {"record_batch_in_use", -3},
                         {"record_batch_discarded_total", 2}});
  CHECK(before.size() == 16);
}

TEST_CASE("takhin: the prefix is the user's", "[observe]") {
  const tarn::snapshot none;
  std::string text;
  tarn::write_takhin_metrics(std::back_inserter(text), none, none, none, "mine_");
  CHECK(test::fault_of(text, test::prometheus) == "");
  CHECK(text.find("takhin") == text.npos);
  CHECK(
      text.starts_with("# HELP mine_buffer_allocations_total Allocations that the pool made of "
                       "buffers.\n# TYPE mine_buffer_allocations_total counter\n"
                       "mine_buffer_allocations_total 0\n"));
  CHECK_THROWS_AS(
      tarn::write_takhin_metrics(std::back_inserter(text), none, none, none, "not good"),
      std::invalid_argument);
}

TEST_CASE("oversize blocks are counted in bytes, cached or not", "[observe]") {
  tarn::byte_pool<> pool({.large_cache_bytes = 8 * mib});
  static_cast<void>(pool.get(6 * mib));
  auto before = pool.snapshot();
  CHECK(before.large.fresh_bytes == 6 * mib);
  static_cast<void>(pool.get(5 * mib));  // served by the 6 MiB
  static_cast<void>(pool.get(16 * mib));
  const auto since = pool.snapshot() - before;
  CHECK(since.large.fresh_bytes == 16 * mib);
  CHECK(since.large.reused_bytes == 6 * mib);
  CHECK(since.large.discarded_bytes == 16 * mib);
}

TEST_CASE("what an object pool counts is subtracted, too", "[observe]") {
  tarn::object_pool<std::string, tarn::no_lock> pool({.keep_capacity_bytes = 100});
  static_cast<void>(pool.get());
  const auto before = pool.snapshot();
  pool.get()->assign(1000, 'x');
  CHECK(pool.snapshot().constructed == 1);
  const auto since = pool.snapshot() - before;
  CHECK(since.constructed == 0);
  CHECK(since.outgrown == 1);
}
