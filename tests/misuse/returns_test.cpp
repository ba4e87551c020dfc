// SPDX-License-Identifier: MIT
//
// One function per class of misuse that `checked` sees in a return. Each expects one report, with
// its kind, pool, block and size; and that the pool works as if the call had not been made.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>

#include "misuse/expected_report.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

using tarn::misuse;
using test::expect_report;

template <class Lock>
using pool_with = test::guarded_pool<Lock, tarn::checked>;
template <class Lock>
using strings_with = tarn::object_pool<std::string, Lock, tarn::counting_stats,
                                       tarn::object_traits<tarn::keep_objects<>, tarn::checked>>;

constexpr std::size_t large = std::size_t{3} << 20;  // above the last tier

template <class Lock>
struct pools {
  pool_with<Lock> pool{{.name = "victim"}};
  pool_with<Lock> other{{.name = "other"}};
};

template <class Lock>
void null_pointer() {
  pools<Lock> p;
  expect_report(p.pool, misuse::null, nullptr, 100, [&] { p.pool.deallocate(nullptr, 100); });
}
template <class Lock>
void foreign_memory() {
  pools<Lock> p;
  std::byte mine[128];
  for (const std::size_t size : {std::size_t{100}, large}) {
    expect_report(p.pool, misuse::foreign, mine, size, [&] { p.pool.deallocate(mine, size); });
  }
}
template <class Lock>
void interior_pointer() {
  pools<Lock> p;
  auto* const block = static_cast<std::byte*>(p.pool.allocate(1000));
  for (const std::size_t at : {std::size_t{1}, std::size_t{64}, std::size_t{1023}}) {
    expect_report(p.pool, misuse::interior, block + at, 900,
                  [&] { p.pool.deallocate(block + at, 900); });
  }
  p.pool.deallocate(block, 1000);
}
template <class Lock>
void wrong_pool() {
  pools<Lock> p;
  void* const block = p.pool.allocate(100);
  expect_report(p.other, misuse::wrong_pool, block, 100, [&] { p.other.deallocate(block, 100); });
  p.pool.deallocate(block, 100);
}
template <class Lock>
void ended_pool() {
  pools<Lock> p;
  void* block = nullptr;
  {
    pool_with<Lock> ended({.name = "ended"});
    block = ended.allocate(100);
  }
  expect_report(p.pool, misuse::wrong_pool, block, 100, [&] { p.pool.deallocate(block, 100); });
}
template <class Lock>
void wrong_tier() {
  pools<Lock> p;
  void* const block = p.pool.allocate(100);
  void* const extent = p.pool.allocate(large);
  const auto wrong = [&](void* b, std::size_t size) {
    expect_report(p.pool, misuse::wrong_size, b, size, [&] { p.pool.deallocate(b, size); });
  };
  wrong(block, 1000);
  wrong(block, large);
  wrong(extent, 1000);
  wrong(extent, large + 1);
  p.pool.deallocate(block, 100);
  p.pool.deallocate(extent, large);
}
template <class Lock>
void wrong_alignment() {
  pools<Lock> p;
  void* const block = p.pool.allocate(100);
  expect_report(p.pool, misuse::wrong_size, block, 100, [&] { p.pool.deallocate(block, 100, 3); });
  void* const aligned = p.pool.allocate(100, 4096);  // of the tier of 4 KiB
  expect_report(p.pool, misuse::wrong_size, aligned, 100, [&] { p.pool.deallocate(aligned, 100); });
  p.pool.deallocate(block, 100);
  p.pool.deallocate(aligned, 100, 4096);
}
template <class Lock>
void double_put() {
  pools<Lock> p;
  for (const std::size_t size : {std::size_t{100}, large}) {
    void* const block = p.pool.allocate(size);
    p.pool.deallocate(block, size);
    expect_report(p.pool, misuse::double_put, block, size, [&] { p.pool.deallocate(block, size); });
  }
}
template <class Lock>
void racing_double_put() {
  pools<Lock> p;
  for (int round = 0; round != 50; ++round) {
    void* const block = p.pool.allocate(100);
    if constexpr (tarn::is_concurrent_v<Lock>) {
      test::forget_reports();
      test::run_together(2, [&](std::size_t) { p.pool.deallocate(block, 100); });
      test::check_report("victim", misuse::double_put, block, 100);
    } else {
      p.pool.deallocate(block, 100);
      expect_report(p.pool, misuse::double_put, block, 100, [&] { p.pool.deallocate(block, 100); });
    }
    CHECK(p.pool.occupancy().in_use() == 0);
  }
}
template <class Lock>
void double_put_in_bulk() {
  pools<Lock> p;
  void* blocks[4];
  p.pool.allocate_bulk(100, blocks);
  void* const last = std::exchange(blocks[3], blocks[0]);
  test::forget_reports();
  p.pool.deallocate_bulk(blocks, 100);
  test::check_report("victim", misuse::double_put, blocks[0], 100);
  p.pool.deallocate(last, 100);
}
template <class Lock>
void handle_made_twice() {
  pools<Lock> p;
  using buffer = typename pool_with<Lock>::buffer;
  const auto raw = p.pool.get(100).to_raw();
  buffer::from_raw(raw).reset();
  expect_report(p.pool, misuse::double_put, raw.data, 128, [&] { buffer::from_raw(raw).reset(); });
}
template <class Lock>
void put_after_close() {
  pools<Lock> p;
  void* const block = p.pool.allocate(100);
  void* const extent = p.pool.allocate(large);
  p.pool.close();
  test::forget_reports();
  p.pool.deallocate(block, 100);
  test::check_report("victim", misuse::after_close, block, 100);
  test::forget_reports();
  p.pool.deallocate(extent, large);
  test::check_report("victim", misuse::after_close, extent, large);
  CHECK(p.pool.occupancy().in_use() == 0);  // both were taken
}

std::uint64_t leaked = 0;

template <class Lock>
void leak_at_close() {
  leaked = 0;
  auto* const before = tarn::set_closing_handler(
      [](const tarn::closing_report& report) noexcept { leaked += report.blocks; });
  pool_with<Lock> pool({.name = "leaky", .closing = tarn::closing::report});
  void* const block = pool.allocate(100);
  pool.close();
  CHECK(leaked == 1);
  tarn::set_closing_handler(before);
  pool.deallocate(block, 100);
}
template <class Lock>
void reference_dropped_too_often() {
  pools<Lock> p;
  // With the count in the tail of the block, in a node of its own, and in a large block's tail.
  for (const std::size_t size : {std::size_t{100}, std::size_t{128}, large}) {
    const auto raw = p.pool.get_shared(size).to_raw();
    CHECK(p.pool.release(raw));
    expect_report(p.pool, misuse::double_put, raw.data, size,
                  [&] { CHECK_FALSE(p.pool.release(raw)); });
  }
}
template <class Lock>
void reference_to_what_is_gone() {
  pools<Lock> p;
  const auto raw = p.pool.get_shared(100).to_raw();
  CHECK(p.pool.release(raw));
  expect_report(p.pool, misuse::double_put, raw.data, 100,
                [&] { CHECK_FALSE(p.pool.retain(raw)); });
}
template <class Lock>
void reference_of_another_pool() {
  pools<Lock> p;
  const auto raw = p.pool.get_shared(100).to_raw();
  expect_report(p.other, misuse::wrong_pool, raw.data, 100,
                [&] { CHECK_FALSE(p.other.retain(raw)); });
  expect_report(p.other, misuse::wrong_pool, raw.data, 100,
                [&] { CHECK_FALSE(p.other.release(raw)); });
  CHECK(p.pool.release(raw));
}
template <class Lock>
void node_as_block() {
  pools<Lock> p;
  const auto raw = p.pool.get_shared(128).to_raw();
  for (const std::size_t size : {std::size_t{64}, large}) {
    expect_report(p.pool, misuse::wrong_size, raw.node, size,
                  [&] { p.pool.deallocate(raw.node, size); });
  }
  CHECK(p.pool.release(raw));
}
template <class Lock>
void objects() {
  strings_with<Lock> pool({.name = "strings"});
  strings_with<Lock> other({.name = "others"});
  constexpr auto size = sizeof(std::string);
  auto* const object = pool.get().detach();
  std::string mine;
  expect_report(pool, misuse::foreign, &mine, size, [&] { pool.put(&mine); });
  auto* const inside =
      reinterpret_cast<std::string*>(reinterpret_cast<std::byte*>(object) + sizeof(void*));
  expect_report(pool, misuse::interior, inside, size, [&] { pool.put(inside); });
  expect_report(other, misuse::wrong_pool, object, size, [&] { other.put(object); });
  pool.put(object);
  expect_report(pool, misuse::double_put, object, size, [&] { pool.put(object); });

  auto* const late = pool.get().detach();
  pool.close();
  test::forget_reports();
  pool.put(late);
  test::check_report("strings", misuse::after_close, late, size);
}

// The legal look-alikes.
template <class Lock>
void nothing_wrong() {
  pools<Lock> p;
  test::forget_reports();
  p.pool.deallocate(p.pool.allocate(100), 128);          // any size up to the capacity
  p.pool.deallocate(p.pool.allocate(100, 64), 100, 64);  // the alignment of the request
  p.pool.deallocate(p.pool.allocate(large), large);
  strings_with<Lock> pool;
  pool.put(nullptr);
  CHECK(test::reports() == 0);
}

template <class Lock>
constexpr test::row table[] = {
    {"null pointer", null_pointer<Lock>},
    {"foreign memory", foreign_memory<Lock>},
    {"interior pointer", interior_pointer<Lock>},
    {"wrong pool", wrong_pool<Lock>},
    {"pool that ended", ended_pool<Lock>},
    {"wrong tier", wrong_tier<Lock>},
    {"wrong alignment", wrong_alignment<Lock>},
    {"double put", double_put<Lock>},
    {"racing double put", racing_double_put<Lock>},
    {"double put in bulk", double_put_in_bulk<Lock>},
    {"handle made twice", handle_made_twice<Lock>},
    {"put after close", put_after_close<Lock>},
    {"leak at close", leak_at_close<Lock>},
    {"reference dropped too often", reference_dropped_too_often<Lock>},
    {"reference to what is gone", reference_to_what_is_gone<Lock>},
    {"reference of another pool", reference_of_another_pool<Lock>},
    {"node as block", node_as_block<Lock>},
    {"objects", objects<Lock>},
    {"nothing wrong", nothing_wrong<Lock>},
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("each misuse in a return is reported once, as what it is", "[misuse]",
                        test::misused_locks) {
  const test::hearing here;
  for (const auto& misused : table<TestType>) {
    INFO(misused.name);
    misused.run();
  }
}
