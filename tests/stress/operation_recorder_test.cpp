// SPDX-License-Identifier: MIT
//
// Recorders on pools that many threads use, and a proof that advice is right: a load of four
// threads is recorded, advice is computed, and replays on the advised tiers waste exactly the
// predicted bytes.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/advice.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/operations/replay.hpp>
#include <tarn/policy/runtime_tiers.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

using every_lock_recording = test::some_of<test::locks, std::tuple<tarn::recording_stats>>;

/// Sizes as in a real program: some kinds of requests, each with a spread.
[[nodiscard]] std::size_t some_size(std::mt19937& random) {
  constexpr std::size_t kinds[] = {24, 150, 300, 1100, 1500, 4200, 9000};
  return kinds[random() % std::size(kinds)] + random() % 60;
}

/// A load of four threads; each keeps some buffers, and some buffers go to any thread that takes
/// them.
template <class Pool>
void run_load(Pool& pool, std::size_t times) {
  using buffer = typename Pool::buffer;
  std::mutex lock;
  std::vector<buffer> common;
  test::run_together(4, [&](std::size_t self) {
    std::mt19937 random(static_cast<unsigned>(self));
    std::vector<buffer> own(8);
    for (std::size_t i = 0; i != times; ++i) {
      auto& place = own[random() % own.size()];
      place = pool.get(some_size(random));
      if (random() % 4 != 0) continue;
      const std::lock_guard hold(lock);
      common.push_back(std::move(place));
      if (common.size() > 50) {
        std::swap(common[random() % common.size()], common.back());
        common.pop_back();
      }
    }
  });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a recorder on a busy pool hears of everything, in an order that can be",
                        "[stress][operation_recorder]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  tarn::operation_recorder recorder;
  {
    const auto watching = recorder.watch(*f);
    run_load(*f, 2000);
  }
  const auto log = recorder.log();
  CHECK(log.gets() == 8000);
  CHECK(log.operations() == 16'000);
  CHECK(log.threads() == 5);  // the main thread gives the common ones back
  CHECK(log.dropped() == 0);
  CHECK(log.unseen_puts() == 0);
  CHECK(log.unheard_puts() == 0);
  CHECK(recorder.blocks_out() == 0);
  CHECK(log.size_bytes() <= 16'000 * 6);
  CHECK(tarn::operation_log::load(log.save()) == log);  // each put stands after its get
}

TEMPLATE_LIST_TEST_CASE("recorders come and go under load, and their logs can be replayed",
                        "[stress][operation_recorder]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  std::atomic<bool> ends{false};
  std::uint64_t operations = 0;
  std::size_t wrong = 0;
  test::run_together(4, [&](std::size_t self) {
    if (self != 0) {
      std::mt19937 random(static_cast<unsigned>(self));
      std::vector<typename decltype(f)::buffer> own(8);
      while (!ends)
        own[random() % own.size()] = f->get(some_size(random));
      return;
    }
    for (int round = 0; round != 30; ++round) {
      tarn::operation_recorder recorder(
          {.max_bytes = 4000u + 400u * static_cast<unsigned>(round), .max_blocks = 100});
      auto watching = recorder.watch(*f);
      while (recorder.limit() == tarn::recorder_limit::none && recorder.operations() < 200) {
        wrong += tarn::operation_log::load(recorder.log().save()).threads() > 3;
      }
      watching.reset();
      const auto log = recorder.log();
      wrong += recorder.log() != log;  // no thread writes any more
      tarn::byte_pool<tarn::no_lock> quiet;
      wrong += tarn::replay(log, quiet).gets != log.gets();
      operations += log.operations();
    }
    ends = true;
  });
  CHECK(wrong == 0);
  CHECK(operations >= 30 * 200);
}

TEMPLATE_LIST_TEST_CASE("what was advised from a recorded load is what replays waste",
                        "[stress][advice][replay]", every_lock_recording) {
  INFO(test::name_of<TestType>());
  tarn::byte_pool<tarn::thread_cached<>, tarn::recording_stats> pool;
  tarn::operation_recorder recorder;
  {
    const auto watching = recorder.watch(pool);
    run_load(pool, 3000);
  }
  const auto log = tarn::operation_log::load(recorder.log().save());
  REQUIRE(log.dropped() == 0);

  // The past: the pool measured the same waste.
  const auto advice = tarn::advise(log.sizes(), 8, pool.tiers());
  const auto measured = pool.snapshot().bytes();
  CHECK(advice.before.requested == measured.requested);
  CHECK(advice.before.reserved == measured.reserved);
  CHECK(advice.before.is_exact());
  CHECK(advice.after.wasted() * 3 < advice.before.wasted());

  // The prediction: a pool of the advised tiers measures the same waste, on one thread and on all.
  using advised_pool = tarn::byte_pool<typename TestType::lock, tarn::recording_stats,
                                       tarn::traits<tarn::runtime_tiers>>;
  const auto check = [&](const tarn::tier_advice& advised, auto&& play) {
    advised_pool there({}, advised.to_runtime_tiers());
    const tarn::replay_result result = play(there);
    const auto bytes = result.difference.bytes();
    CHECK(result.failed == 0);
    CHECK(result.gets == log.gets());
    CHECK(bytes.requested == measured.requested);
    CHECK(bytes.reserved - bytes.requested == result.wasted());
    CHECK(there.occupancy().in_use() == 0);
    return result.wasted();
  };
  const auto one = [&](auto& there) { return tarn::replay(log, there); };
  CHECK(check(advice, one) == advice.after.wasted());
  const auto all = [&](auto& there) { return tarn::replay_on_threads(log, there); };
  if constexpr (test::is_concurrent<TestType>) {
    CHECK(check(advice, all) == advice.after.wasted());
  }

  // Advice from the histogram alone gives bounds, and they hold.
  const auto rough = tarn::advise(pool.snapshot().size_histogram, 8, pool.tiers());
  CHECK(rough.before.least_wasted <= advice.before.wasted());
  CHECK(rough.before.most_wasted >= advice.before.wasted());
  const auto there = check(rough, one);
  CHECK(rough.after.least_wasted <= there);
  CHECK(rough.after.most_wasted >= there);
  CHECK(advice.after.wasted() <= there);
}
