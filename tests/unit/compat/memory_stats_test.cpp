// SPDX-License-Identifier: MIT
//
// The numbers of the program's memory: each operation changes the right ones.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/compat/memory_stats.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/source.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

using pool_type = tarn::byte_pool<std::mutex, tarn::counting_stats, tarn::traits<tarn::page_tiers>>;

// A separate registry with one pool, so that the sums are those of this pool.
struct fixture {
  fixture() { static_cast<void>(now()); }  // makes the blocks that are made once

  [[nodiscard]] tarn::memory_stats now() const { return tarn::read_memory_stats(registry); }

  tarn::pool_registry registry;
  pool_type pool{{.name = "measured"}};
  tarn::publication token = registry.publish(pool);
};

// The numbers of the heap are glibc's; a sanitizer puts another heap in its place.
bool has_heap() {
  if (!test::with_asan && !test::with_tsan && tarn::read_heap().is_known) return true;
  std::puts("skipped: this program has another heap than glibc's");
  return false;
}

bool is_near(std::uint64_t value, std::uint64_t expected, std::uint64_t slack) {
  return value + slack >= expected && value <= expected + slack;
}

}  // namespace

TEST_CASE("alloc is the bytes that are out of pools", "[memory_stats]") {
  fixture f;
  CHECK(f.now().alloc == 0);
  auto a = f.pool.get(60 * kib);
  CHECK(f.now().alloc == 64 * kib);
  auto b = f.pool.get(6 * mib);  // above the last tier
  CHECK(f.now().alloc == 64 * kib + 6 * mib);
  a.reset();
  b.reset();
  CHECK(f.now().alloc == 0);
}

TEST_CASE("total_alloc is the bytes of all gets", "[memory_stats]") {
  fixture f;
  for (std::uint64_t i = 1; i != 5; ++i) {
    f.pool.put(f.pool.get(60 * kib));
    CHECK(f.now().total_alloc == i * 64 * kib);
  }
  for (std::uint64_t i = 1; i != 3; ++i) {
    f.pool.put(f.pool.get(6 * mib));
    CHECK(f.now().total_alloc == 4 * 64 * kib + i * 6 * mib);
  }
}

TEST_CASE("sys is the address space of the process", "[memory_stats]") {
  fixture f;
  const auto before = f.now().sys;
  CHECK(before > mib);
  void* const pages =
      mmap(nullptr, 64 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  CHECK(is_near(f.now().sys, before + 64 * mib, mib));
  munmap(pages, 64 * mib);
  CHECK(is_near(f.now().sys, before, mib));
}

TEST_CASE("lookups are the searches for the owner of a pointer", "[memory_stats]") {
  fixture f;
  const auto before = f.now().lookups;
  CHECK(f.now().lookups == before);
  CHECK_FALSE(f.pool.owns(&f));
  CHECK(f.now().lookups == before + 1);
  tarn::byte_pool<std::mutex, tarn::counting_stats, tarn::traits<tarn::page_tiers, tarn::checked>>
      checked;
  int foreign = 0;
  checked.deallocate(&foreign, 4096);
  CHECK(f.now().lookups == before + 2);
  checked.deallocate(checked.allocate(4096), 4096);  // recognised at once
  CHECK(f.now().lookups == before + 2);
}

TEST_CASE("mallocs and frees are gets and puts", "[memory_stats]") {
  fixture f;
  std::vector<pool_type::buffer> held;
  for (std::uint64_t i = 1; i != 8; ++i) {
    held.push_back(f.pool.get(i % 2 == 0 ? 4 * kib : 6 * mib));
    CHECK(f.now().mallocs == i);
    CHECK(f.now().frees == 0);
  }
  for (std::uint64_t i = 1; i != 8; ++i) {
    held.pop_back();
    CHECK(f.now().mallocs == 7);
    CHECK(f.now().frees == i);
  }
}

TEST_CASE("heap_alloc is what the heap handed out", "[memory_stats]") {
  if (!has_heap()) return;
  fixture f;
  f.pool.put(f.pool.get(mib));  // afterwards the pool has all that it needs beside slabs
  f.pool.trim();
  const auto before = f.now().heap_alloc;
  CHECK(before > 0);
  void* volatile mine = std::malloc(3 * mib);
  CHECK(is_near(f.now().heap_alloc, before + 3 * mib, 16 * kib));
  auto b = f.pool.get(mib);  // a slab of that size comes from the heap, too
  CHECK(is_near(f.now().heap_alloc, before + 4 * mib, 32 * kib));
  b.reset();
  CHECK(is_near(f.now().heap_alloc, before + 4 * mib, 32 * kib));  // idle, but not free
  f.pool.trim();
  std::free(mine);
  CHECK(is_near(f.now().heap_alloc, before, 32 * kib));
}

TEST_CASE("heap_sys is what the heap holds of the system, and pools with other sources",
          "[memory_stats]") {
  fixture f;
  tarn::byte_pool<std::mutex, tarn::counting_stats,
                  tarn::traits<tarn::page_tiers, tarn::no_check, tarn::page_source>>
      on_pages({.name = "pages"});
  const auto token = f.registry.publish(on_pages);
  const auto before = f.now();
  auto b = on_pages.get(mib);
  CHECK(f.now().heap_sys == before.heap_sys + mib);
  b.reset();
  on_pages.trim();
  CHECK(f.now().heap_sys == before.heap_sys);
  if (!has_heap()) return;
  void* volatile mine = std::malloc(100 * mib);  // a separate mapping
  CHECK(is_near(f.now().heap_sys, before.heap_sys + 100 * mib, 16 * kib));
  std::free(mine);
  CHECK(is_near(f.now().heap_sys, before.heap_sys, 16 * kib));
}

TEST_CASE("heap_idle and heap_in_use are the two parts of heap_sys", "[memory_stats]") {
  fixture f;
  tarn::byte_pool<std::mutex, tarn::counting_stats,
                  tarn::traits<tarn::page_tiers, tarn::no_check, tarn::page_source>>
      on_pages({.name = "pages"});
  const auto token = f.registry.publish(on_pages);
  on_pages.put(on_pages.get(mib));  // afterwards the pool has all that it needs beside slabs
  on_pages.trim();
  const auto before = f.now();
  CHECK(before.heap_idle + before.heap_in_use == before.heap_sys);
  constexpr std::size_t few = 8 * kib;  // the heap's own movements
  auto b = on_pages.get(mib);
  auto now = f.now();
  CHECK(is_near(now.heap_in_use, before.heap_in_use + mib, few));
  CHECK(is_near(now.heap_idle, before.heap_idle, few));
  b.reset();
  now = f.now();
  CHECK(is_near(now.heap_in_use, before.heap_in_use, few));
  CHECK(is_near(now.heap_idle, before.heap_idle + mib, few));
  CHECK(now.heap_idle + now.heap_in_use == now.heap_sys);
  on_pages.trim();
  now = f.now();
  CHECK(is_near(now.heap_in_use, before.heap_in_use, few));
  CHECK(is_near(now.heap_idle, before.heap_idle, few));
  if (!has_heap()) return;
  // Free memory in the heap is idle as well.
  std::vector<void*> blocks(1000);
  for (auto& block : blocks)
    block = std::malloc(4 * kib);
  const auto full = f.now();
  void* const last = std::malloc(4 * kib);  // keeps the memory below it in the heap
  for (auto* const block : blocks)
    std::free(block);
  CHECK(is_near(f.now().heap_idle, full.heap_idle + 1000 * 4 * kib, 128 * kib));
  CHECK(is_near(f.now().heap_in_use, full.heap_in_use - 1000 * 4 * kib, 128 * kib));
  std::free(last);
}

TEST_CASE("heap_released is what pools gave back because it was idle", "[memory_stats]") {
  fixture f;
  const auto before = f.now().heap_released;
  auto b = f.pool.get(mib);
  auto c = f.pool.get(2 * mib);
  b.reset();
  CHECK(f.now().heap_released == before);
  f.pool.trim();
  CHECK(f.now().heap_released == before + mib);
  c.reset();
  CHECK(tarn::force_trim(f.registry) == 2 * mib);
  CHECK(f.now().heap_released == before + 3 * mib);
  // Memory that was never idle is not given back: a block above the last tier is only freed...
  f.pool.put(f.pool.get(6 * mib));
  CHECK(f.now().heap_released == before + 3 * mib);
  // ...unless it was kept.
  pool_type keeping({.large_cache_bytes = 8 * mib});
  keeping.put(keeping.get(6 * mib));
  CHECK(f.now().heap_released == before + 3 * mib);
  keeping.trim();
  CHECK(f.now().heap_released == before + 9 * mib);
}

namespace {
// A slow source, which makes upkeep slow, too.
struct slow_source : tarn::heap_source {
  static void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    tarn::heap_source{}.deallocate(p, bytes, alignment);
  }
};
}  // namespace

TEST_CASE("gc_cpu_fraction is the part of the time that upkeep took", "[memory_stats]") {
  tarn::pool_registry registry;
  tarn::byte_pool<std::mutex, tarn::counting_stats,
                  tarn::traits<tarn::page_tiers, tarn::no_check, slow_source>>
      pool({.name = "slow"});
  const auto token = registry.publish(pool);
  const auto before = tarn::read_memory_stats(registry);
  pool.put(pool.get(mib));
  pool.put(pool.get(2 * mib));
  tarn::force_trim(registry);
  const auto after = tarn::read_memory_stats(registry);
  const auto spent = after.upkeep_time.count() - before.upkeep_time.count();
  CHECK(spent >= 2 * 20'000'000);
  CHECK(spent <= after.age.count() - before.age.count());
  CHECK(after.gc_cpu_fraction > 0);
  CHECK(after.gc_cpu_fraction < 1);
  const auto available = static_cast<double>(after.age.count()) * after.processors;
  CHECK(after.gc_cpu_fraction * available >= 2 * 20e6);
  CHECK(after.gc_cpu_fraction * available < static_cast<double>(after.upkeep_time.count()) + 1e3);
  // Without upkeep its share falls.
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(tarn::read_memory_stats(registry).gc_cpu_fraction < after.gc_cpu_fraction);
}

TEST_CASE("num_gc counts passes of upkeep", "[memory_stats]") {
  fixture f;
  tarn::object_pool<std::string> objects(
      {.name = "objects", .cleanup_interval = std::chrono::seconds(1)});
  const auto token = f.registry.publish(objects);
  auto expected = f.now().num_gc;
  const auto grew_by = [&](std::uint64_t n) {
    expected += n;
    return f.now().num_gc == expected;
  };
  CHECK(grew_by(0));
  f.pool.trim();
  CHECK(grew_by(1));
  f.pool.drain();
  CHECK(grew_by(1));
  f.pool.clear();
  CHECK(grew_by(1));
  f.pool.reset_and_drain();
  CHECK(grew_by(1));
  objects.trim();
  CHECK(grew_by(1));
  objects.maintain(std::chrono::seconds(10));
  CHECK(grew_by(1));
  objects.maintain(std::chrono::seconds(10));  // too early: no effect
  CHECK(grew_by(0));
  tarn::force_trim(f.registry);  // a trim and a drain of each
  CHECK(grew_by(4));
  f.pool.put(f.pool.get(100));
  CHECK(grew_by(0));
}

TEST_CASE("faults and the resident set follow the pages that are touched", "[memory_stats]") {
  fixture f;
  const auto before = f.now();
  CHECK(before.resident > 0);
  CHECK(before.resident <= before.sys);
  auto* const pages = static_cast<char*>(
      mmap(nullptr, 32 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(pages != MAP_FAILED);
  // Small pages, so that each touch is a fault.
  static_cast<void>(madvise(pages, 32 * mib, MADV_NOHUGEPAGE));
  std::memset(pages, 1, 32 * mib);
  const auto after = f.now();
  const auto count = 32 * mib / static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  CHECK(after.minor_faults >= before.minor_faults + count);
  CHECK(after.minor_faults < before.minor_faults + count + count / 4);
  if (!test::with_asan && !test::with_tsan) {
    CHECK(is_near(after.resident, before.resident + 32 * mib, 2 * mib));
  }
  munmap(pages, 32 * mib);
  if (!test::with_asan && !test::with_tsan) CHECK(f.now().resident < before.resident + 2 * mib);
}

TEST_CASE("a page that has to be read from a file is a major fault", "[memory_stats]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("tarn_major_fault_" + std::to_string(getpid()));
  {
    std::ofstream file(path);
    file << std::string(mib, 'x');
  }
  std::FILE* const file = std::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  fsync(fileno(file));
  posix_fadvise(fileno(file), 0, 0, POSIX_FADV_DONTNEED);  // out of the page cache
  const auto* const text =
      static_cast<const char*>(mmap(nullptr, mib, PROT_READ, MAP_PRIVATE, fileno(file), 0));
  REQUIRE(text != MAP_FAILED);
  const auto before = tarn::read_process().major_faults;
  volatile char seen = text[mib / 2];
  CHECK(seen == 'x');
  const auto after = tarn::read_process().major_faults;
  if (after == before) {
    std::puts("skipped: the file system keeps its files in memory");
  } else {
    CHECK(after >= before + 1);
  }
  munmap(const_cast<char*>(text), mib);
  std::fclose(file);
  std::filesystem::remove(path);
}

TEST_CASE("a file that is no statm is not believed", "[memory_stats]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("tarn_statm_" + std::to_string(getpid()));
  const auto read = [&](const char* text) {
    std::ofstream(path) << text;
    tarn::process_memory m;
    const bool good = tarn::read_statm(path.c_str(), m);
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return good ? m.address_space / page * 1000 + m.resident / page : 0;
  };
  CHECK(read("100 20 3 4 5 6 7\n") == 100'020);
  CHECK(read("") == 0);
  CHECK(read("100") == 0);
  CHECK(read("x y") == 0);
  CHECK(read("10 20") == 0);  // more in memory than mapped
  CHECK(read("99999999999999999999999 1") == 0);
  std::filesystem::remove(path);
  tarn::process_memory m;
  CHECK_FALSE(tarn::read_statm("/nowhere/statm", m));
}

TEST_CASE("force_trim empties the pools and the heap", "[memory_stats]") {
  fixture f;
  tarn::byte_pool<> other({.name = "other"});
  const auto token = f.registry.publish(other);
  for (auto* const pages : {&f}) {
    std::vector<pool_type::buffer> held;
    for (int i = 0; i != 10; ++i) {
      held.push_back(pages->pool.get(mib));
      std::memset(held.back().data(), 1, mib);
    }
  }
  other.put(other.get(2 * mib));
  CHECK(f.pool.occupancy().slab_bytes == 10 * mib);
  CHECK(tarn::force_trim(f.registry) == 12 * mib);
  CHECK(f.pool.occupancy().slab_bytes == 0);
  CHECK(other.occupancy().slab_bytes == 0);
  CHECK(tarn::force_trim(f.registry) == 0);
  CHECK(tarn::force_trim(tarn::pool_registry()) == 0);
  if (!has_heap()) return;
  // Free pages in the middle of the heap go back to the system.
  std::vector<void*> blocks(5000);
  for (auto& block : blocks) {
    block = std::malloc(4 * kib);
    std::memset(block, 1, 4 * kib);
  }
  void* const last = std::malloc(4 * kib);
  for (auto* const block : blocks)
    std::free(block);
  const auto before = f.now().resident;
  tarn::force_trim(f.registry);
  CHECK(f.now().resident + 15 * mib < before);
  std::free(last);
}

namespace {
// The setting of future pools: a percentage that is set and read.
struct retaining_pool : tarn::byte_pool<std::mutex> {
  using tarn::byte_pool<std::mutex>::byte_pool;
  int set_retention_percent(int p) { return std::exchange(percent, p); }
  int percent = 100;
};
}  // namespace

TEST_CASE("the retention percentage of all pools is set at once, and the old one told",
          "[memory_stats]") {
  tarn::pool_registry registry;
  CHECK(tarn::set_retention_percent(50, registry) == -1);
  retaining_pool a({.name = "a"});
  retaining_pool b({.name = "b"});
  const auto one = registry.publish(a);
  const auto two = registry.publish(b);
  CHECK(tarn::set_retention_percent(200, registry) == 100);
  CHECK(a.percent == 200);
  CHECK(b.percent == 200);
  CHECK(tarn::set_retention_percent(100, registry) == 200);
  b.percent = 300;
  CHECK(tarn::set_retention_percent(0, registry) == 300);
}
