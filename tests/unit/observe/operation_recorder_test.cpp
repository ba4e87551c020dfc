// SPDX-License-Identifier: MIT
//
// operation_recorder: it records all requests to a pool, within its bounds.

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/heap_count.hpp"

namespace {

/// Gets less puts, thread by thread, as text: "0: +100 +200 -100".
[[nodiscard]] std::string text_of(const tarn::operation_log& log) {
  std::string text;
  for (const auto& o : log.all())
    text += (o.is_get ? " +" : " -") + std::to_string(o.size);
  return text.empty() ? text : text.substr(1);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("each get and put of a pool is recorded, whatever way it takes",
                        "[operation_recorder]", test::every_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f({.large_cache_bytes = 8 << 20});
  const auto warm = f->get(200);  // before the recorder is attached
  tarn::operation_recorder recorder;
  auto watching = recorder.watch(*f);
  {
    const auto a = f->get(100);
    void* const b = f->allocate(300);
    f->deallocate(b, 320);                            // the requested size counts
    const auto large = f->get(std::size_t{3} << 20);  // above the last tier
    void* const aligned = f->allocate(40, 4096);
    f->deallocate(aligned, 40, 4096);
    const auto shared = f->get_shared(64);  // its node is not a request
    typename decltype(f)::buffer several[2];
    f->get_bulk(50, several);
    f->put_bulk(several);
    const auto more = f->get_at_least(70);
  }
  CHECK(text_of(recorder.log()) ==
        "+100 +300 -300 +3145728 +40 -40 +64 +50 +50 -50 -50 +70 -70 -64 -3145728 -100");
  CHECK(recorder.log().threads() == 1);
  CHECK(recorder.blocks_out() == 0);

  watching.reset();
  static_cast<void>(f->get(5));
  CHECK(recorder.operations() == 16);
  CHECK(recorder.log().unseen_puts() == 0);
}

TEMPLATE_LIST_TEST_CASE("a put of a block from before is counted, and no operation",
                        "[operation_recorder]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> f;
  auto old = f->get(100);
  auto older = f->get(5000);
  tarn::operation_recorder recorder;
  auto watching = recorder.watch(*f);
  old.reset();
  older.reset();
  static_cast<void>(f->get(100));
  CHECK(text_of(recorder.log()) == "+100 -100");
  CHECK(recorder.log().unseen_puts() == 2);
}

TEST_CASE("a put that was not heard of stands before the next get of its block",
          "[operation_recorder]") {
  tarn::byte_pool<std::mutex> pool;
  tarn::operation_recorder recorder;
  auto watching = recorder.watch(pool);
  auto a = pool.get(100);
  const void* const block = a.data();
  watching.reset();
  a.reset();
  watching = recorder.watch(pool);
  const auto b = pool.get(110);
  REQUIRE(b.data() == block);
  CHECK(text_of(recorder.log()) == "+100 -100 +110");
  CHECK(recorder.log().unheard_puts() == 1);
  CHECK(recorder.blocks_out() == 1);
}

TEMPLATE_LIST_TEST_CASE("pools of objects and of messages are recorded as well",
                        "[operation_recorder]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  using stats = typename TestType::stats;
  tarn::operation_recorder recorder;
  tarn::object_pool<std::vector<int>, lock, stats> kept;
  tarn::built_pool<std::pair<int, int>, lock, stats> built;
  tarn::message_pool<tarn::message, lock, stats> messages;
  const auto k = recorder.watch(kept);
  const auto b = recorder.watch(built);
  const auto m = recorder.watch(messages);
  {
    const auto one = kept.get();
    const auto two = built.make(1, 2);
    const auto three = messages.get();
  }
  const auto all = recorder.log().all();
  REQUIRE(all.size() == 6);
  CHECK((all[0].is_get && all[0].size == sizeof(std::vector<int>)));
  CHECK((all[1].is_get && all[1].size == sizeof(std::pair<int, int>)));
  CHECK((all[2].is_get && all[2].size >= sizeof(tarn::message)));
  CHECK((!all[3].is_get && all[3].ticket == 2));
  CHECK((!all[4].is_get && all[4].ticket == 1));
  CHECK((!all[5].is_get && all[5].ticket == 0));
}

TEST_CASE("a full recorder ends its log with what fits, and counts the rest",
          "[operation_recorder]") {
  using tarn::recorder_limit;
  std::byte blocks[1000];
  tarn::operation_recorder few_bytes({.max_bytes = 100});
  for (auto& block : blocks)
    few_bytes.add_get(&block, 64);
  CHECK(few_bytes.limit() == recorder_limit::bytes);
  CHECK(few_bytes.log().size_bytes() <= 100);
  CHECK(few_bytes.operations() >= 20);
  CHECK(few_bytes.operations() + few_bytes.dropped() == 1000);
  few_bytes.add_put(&blocks[0]);  // the log has ended: it has no later operations
  CHECK(few_bytes.dropped() == 1001 - few_bytes.operations());
  CHECK(few_bytes.log().dropped() == few_bytes.dropped());
  CHECK(tarn::operation_log::load(few_bytes.log().save()).dropped() == few_bytes.dropped());

  tarn::operation_recorder few_blocks({.max_blocks = 7});
  for (int round = 0; round != 100; ++round) {
    for (int i = 0; i != 7; ++i)
      few_blocks.add_get(&blocks[i], 64);
    for (int i = 0; i != 7; ++i)
      few_blocks.add_put(&blocks[i]);
  }
  CHECK(few_blocks.limit() == recorder_limit::none);
  CHECK(few_blocks.operations() == 1400);
  for (int i = 0; i != 8; ++i)
    few_blocks.add_get(&blocks[i], 64);
  CHECK(few_blocks.limit() == recorder_limit::blocks);
  CHECK(few_blocks.operations() == 1407);
  CHECK(few_blocks.dropped() == 1);

  tarn::operation_recorder one_thread({.max_threads = 1});
  one_thread.add_get(&blocks[0], 1);
  std::thread([&] {
    one_thread.add_get(&blocks[1], 1);
    one_thread.add_put(&blocks[0]);
  }).join();
  CHECK(one_thread.limit() == recorder_limit::threads);
  CHECK(one_thread.operations() == 1);
  CHECK(one_thread.dropped() == 2);

  tarn::operation_recorder none({.max_bytes = 0});
  none.add_get(&blocks[0], 1);
  none.add_put(&blocks[0]);
  CHECK(none.operations() == 0);
  CHECK(none.dropped() == 2);
  none.add_get(nullptr, 1);
  none.add_put(nullptr);
  CHECK(none.dropped() == 2);

  CHECK_THROWS_WITH(tarn::operation_recorder({.max_blocks = 0}),
                    "tarn: max_blocks of a recorder 0 must be at least 1");
  CHECK_THROWS_WITH(tarn::operation_recorder({.max_blocks = std::size_t{1} << 33}),
                    "tarn: max_blocks of a recorder 8589934592 must be at most 4294967296");
  CHECK_THROWS_WITH(tarn::operation_recorder({.max_threads = 65537}),
                    "tarn: max_threads of a recorder 65537 must be at most 65536");
}

TEST_CASE("recording takes no memory, and a few bytes of its own per operation",
          "[operation_recorder]") {
  tarn::byte_pool<> pool;
  tarn::operation_recorder recorder({.max_bytes = 400'000, .max_blocks = 1000, .max_threads = 4});
  CHECK(recorder.memory_bytes() >= 400'000 + 24 * 1004);
  CHECK(recorder.memory_bytes() <= 400'000 + 48 * 1004 + 1000);
  const auto watching = recorder.watch(pool);
  std::vector<std::pair<void*, std::size_t>> out(500);
  std::mt19937 random(1);
  for (auto& [block, size] : out)
    block = pool.allocate(size = random() % 8000);
  const auto calls = test::heap_calls_of([&] {
    for (int i = 0; i != 40'000; ++i) {
      auto& [block, size] = out[random() % out.size()];
      pool.deallocate(block, size);
      block = pool.allocate(size = random() % 8000);
    }
  });
  for (const auto& [block, size] : out)
    pool.deallocate(block, size);
  const auto log = recorder.log();
  INFO(static_cast<double>(log.size_bytes()) / static_cast<double>(log.operations()));
  CHECK(log.operations() == 81'000);
  CHECK(log.dropped() == 0);
  CHECK(log.size_bytes() <= 81'000 * 5);
  CHECK(calls < 100);  // slabs of the pool; the recorder allocates none
}

TEST_CASE("the log is in the order in which blocks went from hand to hand",
          "[operation_recorder]") {
  // A model of the blocks that are out: load would detect a get of a block in use, or a put of an
  // idle one.
  tarn::operation_recorder recorder({.max_bytes = 1 << 22, .max_blocks = 300});
  std::vector<std::byte> memory(400);
  std::map<const std::byte*, bool> out;
  std::string expected;
  std::mt19937 random(3);
  for (int i = 0; i != 100'000; ++i) {
    const std::byte* const block = &memory[random() % memory.size()];
    if (out[block]) {
      recorder.add_put(block);
      out[block] = false;
    } else if (recorder.blocks_out() != 300) {
      recorder.add_get(block, static_cast<std::size_t>(block - memory.data()));
      out[block] = true;
    }
  }
  const auto log = recorder.log();
  CHECK(log.dropped() == 0);
  CHECK(log.unseen_puts() == 0);
  CHECK(log.unheard_puts() == 0);
  std::vector<bool> is_out(memory.size());
  std::size_t wrong = 0;
  for (const auto& o : log.all()) {
    wrong += is_out[o.size] == o.is_get;
    is_out[o.size] = o.is_get;
  }
  for (std::size_t i = 0; i != memory.size(); ++i)
    wrong += is_out[i] != out[&memory[i]];
  CHECK(wrong == 0);
}

TEST_CASE("pool, recorder and watch end in any order", "[operation_recorder]") {
  auto recorder = std::make_unique<tarn::operation_recorder>();
  std::optional<tarn::byte_pool<>> pool(std::in_place);
  auto watching = recorder->watch(*pool);
  auto b = pool->get(10);
  pool.reset();
  b.reset();  // a block of a pool that has ended: it is not recorded
  CHECK(recorder->operations() == 1);
  watching.reset();

  pool.emplace();
  watching = recorder->watch(*pool);
  recorder.reset();
  static_cast<void>(pool->get(10));
  watching.reset();
  static_cast<void>(pool->get(10));

  recorder = std::make_unique<tarn::operation_recorder>();
  pool->close();
  CHECK_THROWS_AS(static_cast<void>(recorder->watch(*pool)), tarn::pool_closed);
}
