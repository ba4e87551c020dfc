// SPDX-License-Identifier: MIT
//
// `quarantine_blocks`: late second puts and late writes are found; its blocks are idle, bounded,
// and no get that needs them goes without.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check_parts.hpp>
#include <tarn/policy/poison_blocks.hpp>

#include "misuse/expected_report.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/threads.hpp"

namespace {

using tarn::misuse;
using tarn::quarantine_blocks;

constexpr std::size_t kib = 1024;

using guarding = tarn::checked_with<tarn::fill_blocks, quarantine_blocks<8, 64 * kib>>;
template <class Lock>
using pool_on_source =
    tarn::byte_pool<Lock, tarn::counting_stats,
                    tarn::traits<tarn::power_of_two_tiers<>, guarding, test::failing_source>>;

template <class Lock>
struct fixture {
  explicit fixture(tarn::options o = {.name = "victim"}) : pool(std::move(o), {}, source) {
    test::forget_reports();
  }
  ~fixture() {
    CHECK(test::imbalance(pool, source) == "");
    pool.close();
    CHECK(source.live_bytes() == 0);
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  [[nodiscard]] std::byte* take(std::size_t size) {
    return static_cast<std::byte*>(pool.allocate(size));
  }
  void give(std::byte* block, std::size_t size) { pool.deallocate(block, size); }
  /// Takes and gives blocks back until `n` have come home.
  void age(std::size_t n, std::size_t size) {
    for (std::size_t i = 0; i != n; ++i)
      give(take(size), size);
  }
  /// The numbers of a tier.
  [[nodiscard]] tarn::tier_snapshot of(std::size_t size) {
    for (const auto& tier : pool.snapshot().tiers)
      if (tier.size_bytes == size) return tier;
    return {};
  }

  test::failing_source source;
  pool_on_source<Lock> pool;
};

template <class Lock>
void late_second_put() {
  fixture<Lock> f;
  auto* const block = f.take(100);
  f.give(block, 100);
  auto* const other = f.take(100);
  CHECK(other != block);  // without the quarantine it would be
  test::expect_report(f.pool, misuse::double_put, block, 100, [&] { f.give(block, 100); });
  f.give(other, 100);
}
template <class Lock>
void late_second_drop_of_a_reference() {
  fixture<Lock> f;
  const auto raw = f.pool.get_shared(100).to_raw();
  CHECK(f.pool.release(raw));
  const auto other = f.pool.get_shared(100);
  test::expect_report(f.pool, misuse::double_put, raw.data, 100,
                      [&] { CHECK_FALSE(f.pool.release(raw)); });
}
template <class Lock>
void late_write() {
  fixture<Lock> f;
  auto* const block = f.take(100);
  f.give(block, 100);
  f.age(3, 100);
  block[5] = std::byte{1};
  f.age(4, 100);
  CHECK(test::reports() == 0);
  f.age(1, 100);  // pushes it out
  test::check_report("victim", misuse::written_idle, block, 128);
  f.age(20, 100);
  f.pool.drain();
  CHECK(test::reports() == 1);  // no get reports it again
}
template <class Lock>
void write_between_queue_and_get() {
  fixture<Lock> f;
  auto* const block = f.take(100);
  f.give(block, 100);
  f.age(8, 100);  // it is at home
  block[5] = std::byte{1};
  std::vector<std::byte*> out;
  while (out.empty() || out.back() != block)
    out.push_back(f.take(100));
  test::check_report("victim", misuse::written_idle, block, 100);
  for (auto* const b : out)
    f.give(b, 100);
}
template <class Lock>
void bounds() {
  fixture<Lock> f;
  auto* const first = f.take(100);
  f.give(first, 100);
  for (int i = 0; i != 7; ++i) {
    auto* const b = f.take(100);
    CHECK(b != first);
    f.give(b, 100);
  }
  // Eight blocks are in the queue. One more pushes the first one out.
  f.age(1, 100);
  CHECK(f.take(100) == first);
  f.give(first, 100);
  // Bytes: a block of 64 KiB fills the queue, and a larger one never enters it.
  auto* const large = f.take(64 * kib);
  f.give(large, 64 * kib);
  auto* const second = f.take(64 * kib);
  CHECK(second != large);
  auto* const larger = f.take(128 * kib);
  f.give(larger, 128 * kib);
  CHECK(f.take(128 * kib) == larger);
  f.give(larger, 128 * kib);
  f.give(second, 64 * kib);
  CHECK(f.take(64 * kib) == large);
  f.give(large, 64 * kib);
  CHECK(test::reports() == 0);
}
template <class Lock>
void counted_as_idle() {
  fixture<Lock> f;
  std::vector<std::byte*> out;
  for (int i = 0; i != 5; ++i)
    out.push_back(f.take(100));
  const auto created = f.of(128).created;
  for (auto* const b : out)
    f.give(b, 100);
  const auto now = f.of(128);
  CHECK(now.gets == 5);
  CHECK(now.puts == 5);
  CHECK(now.in_use == 0);
  CHECK(now.idle == created);
  CHECK(test::imbalance(f.pool, f.source) == "");
}
template <class Lock>
void taken_at_a_limit() {
  {
    fixture<Lock> f({.name = "victim", .capacity = 2});
    auto* const a = f.take(100);
    auto* const b = f.take(100);
    CHECK(f.pool.try_allocate(100) == nullptr);
    f.give(a, 100);
    f.give(b, 100);
    f.pool.prewarm(1, 2);
    f.age(5, 100);
    void* both[2];
    f.pool.allocate_bulk(100, both);
    f.pool.deallocate_bulk(both, 100);
    std::uint64_t refused = 0;
    for (const auto n : f.pool.snapshot().refusals)
      refused += n;
    CHECK(refused == 1);
  }
  fixture<Lock> f({.name = "victim", .limit_bytes = 64 * kib});
  f.age(1, 100);
  f.age(1, 1000);  // needs the slab of the first block
  f.age(1, 64 * kib);
  CHECK(f.of(64 * kib).gets == 1);
  CHECK(test::reports() == 0);
}
template <class Lock>
void emptied_on_demand() {
  fixture<Lock> f;
  f.age(3, 100);
  CHECK(f.source.live_bytes() != 0);
  CHECK(f.pool.trim(0) != 0);
  CHECK(f.source.live_bytes() == 0);
  f.age(3, 100);
  f.pool.drain();
  CHECK(f.source.live_bytes() == 0);
  auto* const last = f.take(100);
  f.age(3, 100);
  f.pool.close();
  f.give(last, 100);
  test::check_report("victim", misuse::after_close, last, 100);
  CHECK(f.source.live_bytes() == 0);
}
template <class Lock>
void pool_that_ends_before_its_blocks() {
  test::failing_source source;
  {
    typename pool_on_source<Lock>::buffer last;
    {
      pool_on_source<Lock> pool({}, {}, source);
      last = pool.get(100);
      pool.get(100).reset();
    }
    CHECK(source.live_bytes() != 0);
  }
  CHECK(source.live_bytes() == 0);
}
template <class Lock>
void objects() {
  using text = std::string;
  tarn::object_pool<text, Lock, tarn::counting_stats,
                    tarn::object_traits<tarn::keep_objects<>, guarding>>
      kept({.name = "kept", .capacity = 2});
  auto* const object = kept.get().detach();
  kept.put(object);
  auto other = kept.get();
  CHECK(&*other != object);
  test::expect_report(kept, misuse::double_put, object, sizeof(text), [&] { kept.put(object); });
  CHECK(&*kept.get() == object);  // at the limit
  CHECK(kept.snapshot().constructed == 2);

  tarn::object_pool<std::uint64_t, Lock, tarn::counting_stats,
                    tarn::object_traits<tarn::build_objects, guarding>>
      built({.name = "built"});
  test::forget_reports();
  auto* const number = built.make(std::uint64_t{1}).detach();
  built.put(number);
  *reinterpret_cast<unsigned char*>(number) = 1;
  static_cast<void>(built.trim(0));
  test::check_report("built", misuse::written_idle, number, sizeof *number);
}

// The block goes to the request that waits, not into the queue.
template <class Lock>
void given_to_a_request_that_waits() {
  if constexpr (tarn::is_concurrent_v<Lock>) {
    fixture<Lock> f({.name = "victim", .capacity = 1});
    for (int round = 0; round != 3; ++round) {
      auto block = f.pool.get(100);
      std::atomic<bool> begins{false};
      bool found = false;
      std::thread waiting([&] {
        begins = true;
        found = static_cast<bool>(f.pool.get_for(100, std::chrono::seconds(10)));
      });
      while (!begins)
        std::this_thread::yield();
      if (round != 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      block.reset();
      waiting.join();
      CHECK(found);
    }
  }
}
// Many threads, few blocks: a get fails only while all blocks are in use, and the blocks balance.
template <class Lock>
void threads_at_a_capacity() {
  if constexpr (tarn::is_concurrent_v<Lock>) {
    fixture<Lock> f({.name = "victim", .capacity = 3});
    std::atomic<std::size_t> missed{0};
    test::run_together(3, [&](std::size_t) {
      for (int i = 0; i != 2000; ++i) {
        auto b = f.pool.try_get(100);  // at most three blocks are wanted at any time
        missed += b ? 0 : 1;
      }
    });
    CHECK(missed == 0);
    // More threads than blocks: each wait ends.
    test::run_together(5, [&](std::size_t) {
      for (int i = 0; i != 500; ++i) {
        auto b = f.pool.get_for(100, std::chrono::seconds(60));
        missed += b ? 0 : 1;
      }
    });
    CHECK(missed == 0);
    CHECK(f.pool.occupancy().in_use() == 0);
    CHECK(test::reports() == 0);
  }
}
template <class Lock>
void threads_at_a_close() {
  if constexpr (tarn::is_concurrent_v<Lock>) {
    for (int round = 0; round != 20; ++round) {
      test::failing_source source;
      {
        pool_on_source<Lock> pool({}, {}, source);
        test::run_together(3, [&](std::size_t i) {
          for (int n = 0; n != 100; ++n) {
            auto b = pool.try_get(std::size_t{100} << n % 4);
            if (i == 0 && n == 50) pool.close();
          }
          tarn::flush_thread();
        });
        CHECK(test::imbalance(pool, source) == "");
      }
      tarn::flush_thread();
      CHECK(source.live_bytes() == 0);
    }
  }
}

template <class Lock>
void fork_with_blocks_in_it() {
  fixture<Lock> f;
  std::vector<std::byte*> out;
  for (int i = 0; i != 3; ++i)
    out.push_back(f.take(100));
  for (auto* const b : out)
    f.give(b, 100);
  const auto child = test::in_child([&] {
    bool good = test::imbalance(f.pool) == "" && f.of(128).in_use == 0 && f.of(128).abandoned == 0;
    f.age(3, 100);
    static_cast<void>(f.pool.trim(0));
    good = good && test::imbalance(f.pool) == "" && f.of(128).idle == 0;
    return good && test::reports() == 0 ? 0 : 1;
  });
  CHECK(child.ok());
}

template <class Lock>
constexpr test::row table[] = {
    {"late second put", late_second_put<Lock>},
    {"late second drop of a reference", late_second_drop_of_a_reference<Lock>},
    {"late write", late_write<Lock>},
    {"write between queue and get", write_between_queue_and_get<Lock>},
    {"bounds", bounds<Lock>},
    {"counted as idle", counted_as_idle<Lock>},
    {"taken at a limit", taken_at_a_limit<Lock>},
    {"emptied on demand", emptied_on_demand<Lock>},
    {"pool that ends before its blocks", pool_that_ends_before_its_blocks<Lock>},
    {"objects", objects<Lock>},
    {"given to a request that waits", given_to_a_request_that_waits<Lock>},
    {"threads at a capacity", threads_at_a_capacity<Lock>},
    {"threads at a close", threads_at_a_close<Lock>},
    {"fork with blocks in it", fork_with_blocks_in_it<Lock>},
};

}  // namespace

TEST_CASE("blocks in quarantine may be hidden", "[misuse]") {
  const test::hearing here;
  test::forget_reports();
  {
    test::guarded_pool<std::mutex, tarn::checked_with<tarn::poison_blocks, tarn::fill_blocks,
                                                      tarn::fence_blocks, quarantine_blocks<4>>>
        pool;
    for (int i = 0; i != 20; ++i) {
      auto first = pool.get(100);
      auto second = pool.get(200);
      first.data()[99] = second.data()[0] = std::byte{1};
    }
    pool.drain();
  }
  CHECK(test::reports() == 0);
}
TEMPLATE_LIST_TEST_CASE("blocks in quarantine are out of reach, idle, and never missed", "[misuse]",
                        test::misused_locks) {
  const test::hearing here;
  for (const auto& misused : table<TestType>) {
    INFO(misused.name);
    misused.run();
  }
}
