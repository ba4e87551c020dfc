// SPDX-License-Identifier: MIT
//
// One function per class of misuse that parts of a check see: writes to memory that is not the
// writer's. Each expects one report, with its kind, pool, block and size.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check_parts.hpp>

#include "misuse/expected_report.hpp"
#include "support/catch.hpp"

namespace {

using tarn::misuse;

using all_parts = tarn::checked_with<tarn::fill_blocks, tarn::fence_blocks>;
template <class Lock>
using guarded = test::guarded_pool<Lock, all_parts>;
template <class Lock, class Lifecycle, class T>
using objects_with =
    tarn::object_pool<T, Lock, tarn::counting_stats, tarn::object_traits<Lifecycle, all_parts>>;

template <class Action>
void expect(const char* pool, misuse kind, const void* block, std::size_t size, Action&& action) {
  test::forget_reports();
  action();
  test::check_report(pool, kind, block, size);
}

template <class Lock>
void write_behind_the_capacity() {
  guarded<Lock> pool({.name = "victim"});
  for (const std::size_t size : {std::size_t{100}, std::size_t{5} << 20}) {
    auto* const block = static_cast<std::byte*>(pool.allocate(size));
    block[pool.block_size(block)] = std::byte{1};
    expect("victim", misuse::overrun, block, size, [&] { pool.deallocate(block, size); });
  }
}
template <class Lock>
void write_behind_the_capacity_by_a_handle() {
  guarded<Lock> pool({.name = "victim"});
  auto buffer = pool.get(100);
  auto* const block = buffer.data();
  block[128] = std::byte{1};
  expect("victim", misuse::overrun, block, 128, [&] { buffer.reset(); });
}
/// The fence that it hits is that of the block before it, which is out, or idle.
template <class Lock>
void write_before_the_block() {
  for (const bool is_out : {true, false}) {
    guarded<Lock> pool({.name = "victim"});
    auto* const first = static_cast<std::byte*>(pool.allocate(128));
    auto* const second = static_cast<std::byte*>(pool.allocate(128));
    auto* const lower = std::min(first, second);
    auto* const upper = std::max(first, second);
    if (!is_out) pool.deallocate(lower, 128);
    upper[-1] = std::byte{1};
    expect("victim", misuse::overrun, lower, 128, [&] {
      if (!is_out) CHECK(pool.allocate(128) == lower);
      pool.deallocate(lower, 128);
    });
    pool.deallocate(upper, 128);
    CHECK(test::reports() == 1);
  }
}
template <class Lock>
void write_after_the_put() {
  guarded<Lock> pool({.name = "victim"});
  for (const std::size_t at : {std::size_t{0}, std::size_t{127}}) {
    auto* const block = static_cast<std::byte*>(pool.allocate(100));
    pool.deallocate(block, 100);
    block[at] = std::byte{1};
    expect("victim", misuse::written_idle, block, 90, [&] { CHECK(pool.allocate(90) == block); });
    pool.deallocate(block, 90);
  }
}
template <class Lock>
void write_by_a_handle_that_is_gone() {
  guarded<Lock> pool({.name = "victim"});
  std::byte* stale = nullptr;
  {
    auto buffer = pool.get(100);
    stale = buffer.data();
  }
  stale[10] = std::byte{1};
  expect("victim", misuse::written_idle, stale, 100, [&] { pool.get(100).reset(); });
}
template <class Lock>
void write_behind_an_object() {
  objects_with<Lock, tarn::keep_objects<>, std::string> pool({.name = "strings"});
  auto* const object = pool.get().detach();
  reinterpret_cast<unsigned char*>(object)[sizeof *object] ^= 1;
  expect("strings", misuse::overrun, object, sizeof *object, [&] { pool.put(object); });
}
template <class Lock>
void write_to_an_object_that_is_gone() {
  objects_with<Lock, tarn::build_objects, std::uint64_t> pool({.name = "numbers"});
  auto* const object = pool.make(std::uint64_t{1}).detach();
  pool.put(object);
  *reinterpret_cast<unsigned char*>(object) = 1;
  expect("numbers", misuse::written_idle, object, sizeof *object,
         [&] { pool.make(std::uint64_t{2}).reset(); });
}

/// The bytes up to the capacity are the user's, and so is what a part of an idle block shows.
template <class Lock>
void nothing_wrong() {
  guarded<Lock> pool;
  test::forget_reports();
  for (int i = 0; i != 3; ++i) {
    auto buffer = pool.get(100);
    for (std::size_t at = 0; at != buffer.capacity(); ++at)
      buffer.data()[at] = std::byte{1};
  }
  CHECK(test::reports() == 0);
}

template <class Lock>
constexpr test::row table[] = {
    {"write behind the capacity", write_behind_the_capacity<Lock>},
    {"write behind the capacity by a handle", write_behind_the_capacity_by_a_handle<Lock>},
    {"write before the block", write_before_the_block<Lock>},
    {"write after the put", write_after_the_put<Lock>},
    {"write by a handle that is gone", write_by_a_handle_that_is_gone<Lock>},
    {"write behind an object", write_behind_an_object<Lock>},
    {"write to an object that is gone", write_to_an_object_that_is_gone<Lock>},
    {"nothing wrong", nothing_wrong<Lock>},
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("each write that parts of a check see is reported once, as what it is",
                        "[misuse]", test::misused_locks) {
  const test::hearing here;
  for (const auto& misused : table<TestType>) {
    INFO(misused.name);
    misused.run();
  }
}
