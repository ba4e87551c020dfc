// SPDX-License-Identifier: MIT

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/detail/system/pages.hpp>
#include <tarn/policy/source.hpp>

#include "support/catch.hpp"
#include "support/failing_source.hpp"

namespace {

// Types that are sources, and types that are not.
struct counting_source {  // cannot be moved
  counting_source() = default;
  counting_source(const counting_source&) = delete;
  void* allocate(std::size_t bytes, std::size_t alignment) {
    ++calls;
    return tarn::heap_source{}.allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    --calls;
    tarn::heap_source{}.deallocate(p, bytes, alignment);
  }
  int calls = 0;
};
struct may_throw_on_return {
  void* allocate(std::size_t, std::size_t) { return nullptr; }
  void deallocate(void*, std::size_t, std::size_t) {}
};
struct gives_bytes : tarn::heap_source {
  std::byte* allocate(std::size_t, std::size_t) { return nullptr; }
};
static_assert(tarn::memory_source<tarn::heap_source>);
static_assert(tarn::memory_source<tarn::page_source>);
static_assert(tarn::memory_source<tarn::source_ref<counting_source>>);
static_assert(tarn::memory_source<test::failing_source>);
static_assert(!tarn::memory_source<counting_source>);
static_assert(!tarn::memory_source<may_throw_on_return>);
static_assert(!tarn::memory_source<gives_bytes>);
static_assert(!tarn::memory_source<int>);

constexpr std::array<std::size_t, 21> sizes{1,    2,    15,   16,    17,    63,    64,
                                            65,   127,  128,  1000,  1024,  4095,  4096,
                                            4097, 8192, 9999, 16384, 32768, 65535, 65536};
constexpr std::size_t largest_alignment = 65536;

bool is_multiple(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

unsigned char mark(std::size_t i) { return static_cast<unsigned char>(i * 37 + 1); }

// The pages of this process, or 0 where the system does not report them.
std::size_t mapped_pages() {
  std::size_t pages = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages;
}

}  // namespace

TEMPLATE_TEST_CASE("a source gives aligned memory that can be used to its last byte", "[source]",
                   tarn::heap_source, tarn::page_source, test::failing_source) {
  TestType source;
  struct piece {
    unsigned char* p;
    std::size_t bytes;
    std::size_t alignment;
  };
  std::vector<piece> pieces;
  std::size_t misaligned = 0;
  for (const std::size_t bytes : sizes) {
    for (std::size_t alignment = 1; alignment <= largest_alignment; alignment *= 2) {
      auto* const p = static_cast<unsigned char*>(source.allocate(bytes, alignment));
      if (!is_multiple(p, alignment)) ++misaligned;
      std::memset(p, mark(pieces.size()), bytes);
      pieces.push_back({p, bytes, alignment});
    }
  }
  CHECK(misaligned == 0);

  // All pieces are alive at once, so pieces that overlap would have damaged each other.
  std::size_t spoiled = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    for (std::size_t k = 0; k < pieces[i].bytes; ++k)
      spoiled += pieces[i].p[k] != mark(i);
  }
  CHECK(spoiled == 0);
  for (const piece& each : pieces)
    source.deallocate(each.p, each.bytes, each.alignment);
}

TEMPLATE_TEST_CASE("a source takes zero bytes for a size", "[source]", tarn::heap_source,
                   tarn::page_source, test::failing_source) {
  TestType source;
  void* const p = source.allocate(0, 64);
  CHECK(p != nullptr);
  source.deallocate(p, 0, 64);
}

TEMPLATE_TEST_CASE("a source throws bad_alloc for a size that overflows", "[source]",
                   tarn::heap_source, tarn::page_source) {
  TestType source;
  for (const std::size_t alignment : {std::size_t{16}, std::size_t{4096}, std::size_t{1} << 21}) {
    for (const std::size_t bytes :
         {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX / 2 + alignment}) {
      CHECK_THROWS_AS(source.allocate(bytes, alignment), std::bad_alloc);
    }
  }
}

// Not for the heap: sanitizers end a program that requests so much from operator new.
TEST_CASE("pages that the system does not have are refused with bad_alloc", "[source]") {
  if (!tarn::detail::has_mmap) return;
  tarn::page_source source;
  for (const std::size_t alignment : {std::size_t{16}, std::size_t{4096}, std::size_t{1} << 21}) {
    CHECK_THROWS_AS(source.allocate(SIZE_MAX / 2, alignment), std::bad_alloc);
    CHECK_THROWS_AS(source.allocate(std::size_t{1} << 60, alignment), std::bad_alloc);
  }
}

TEST_CASE("pages are zero when they come", "[source]") {
  if (!tarn::detail::has_mmap) return;
  tarn::page_source source;
  std::size_t not_zero = 0;
  for (int round = 0; round < 4; ++round) {
    auto* const p = static_cast<unsigned char*>(source.allocate(100000, 64));
    for (std::size_t i = 0; i < 100000; ++i)
      not_zero += p[i] != 0;
    std::memset(p, 0xFF, 100000);
    source.deallocate(p, 100000, 64);
  }
  CHECK(not_zero == 0);
}

TEST_CASE("pages far more aligned than a page are aligned", "[source]") {
  tarn::page_source source;
  for (std::size_t alignment = 4096; alignment <= std::size_t{64} << 20; alignment *= 2) {
    std::vector<void*> taken;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, std::size_t{200000}}) {
      taken.push_back(source.allocate(bytes, alignment));
      CHECK(is_multiple(taken.back(), alignment));
      std::memset(taken.back(), 1, bytes);
    }
    source.deallocate(taken[0], 1, alignment);
    source.deallocate(taken[1], 5000, alignment);
    source.deallocate(taken[2], 200000, alignment);
  }
}

TEST_CASE("pages go back to the system, the trimmed ends included", "[source]") {
  if (!tarn::detail::has_mmap || mapped_pages() == 0) return;
  tarn::page_source source;
  const auto turn = [&source](std::size_t bytes, std::size_t alignment) {
    void* const first = source.allocate(bytes, alignment);
    void* const second = source.allocate(bytes, alignment);
    source.deallocate(first, bytes, alignment);
    source.deallocate(second, bytes, alignment);
  };
  turn(1, 1);
  // If each turn kept a page of any kind, it would show a hundredfold.
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4097}, std::size_t{70000}}) {
    for (const std::size_t alignment : {std::size_t{16}, std::size_t{8192}, std::size_t{1} << 21}) {
      const std::size_t before = mapped_pages();
      for (int i = 0; i < 100; ++i)
        turn(bytes, alignment);
      const std::size_t after = mapped_pages();
      INFO("bytes " << bytes << ", alignment " << alignment);
      CHECK(after < before + 100);
    }
  }
}

TEST_CASE("only the asked part of an aligned mapping stays mapped", "[source]") {
  if (!tarn::detail::has_mmap || mapped_pages() == 0) return;
  tarn::page_source source;
  const std::size_t alignment = std::size_t{16} << 20;
  void* taken[16];
  const std::size_t before = mapped_pages();
  for (void*& p : taken)
    p = source.allocate(4096, alignment);
  const std::size_t after = mapped_pages();
  // 64 KiB each, in pages of 4 KiB at least; untrimmed it would be 4096 pages each.
  CHECK(after - before <= 16 * 16 + 64);
  for (void* const p : taken)
    source.deallocate(p, 4096, alignment);
}

TEST_CASE("a source_ref uses the source it refers to", "[source]") {
  counting_source source;
  tarn::source_ref<counting_source> ref = source;
  tarn::source_ref<counting_source> copy = ref;
  void* const p = ref.allocate(100, 64);
  CHECK(source.calls == 1);
  CHECK(is_multiple(p, 64));
  copy.deallocate(p, 100, 64);
  CHECK(source.calls == 0);
}

TEST_CASE("a failing source fails once, at the call it was told", "[source]") {
  test::failing_source source;
  test::failing_source copy = source;
  source.fail_at(2);
  void* const first = copy.allocate(10, 16);
  CHECK_THROWS_AS(copy.allocate(20, 16), std::bad_alloc);
  void* const third = copy.allocate(30, 16);
  CHECK(source.allocations() == 3);
  CHECK(source.failures() == 1);
  CHECK(source.live_blocks() == 2);
  CHECK(source.live_bytes() == 40);
  copy.deallocate(first, 10, 16);
  copy.deallocate(third, 30, 16);
  CHECK(source.live_blocks() == 0);
  CHECK(source.live_bytes() == 0);
  CHECK(source.peak_bytes() == 40);
  CHECK(source.deallocations() == 2);
  CHECK(source.faults() == 0);
}

TEST_CASE("a failing source fails from a call on until it is told otherwise", "[source]") {
  test::failing_source source;
  source.fail_from(2);
  void* const first = source.allocate(10, 16);
  for (int i = 0; i < 5; ++i)
    CHECK_THROWS_AS(source.allocate(10, 16), std::bad_alloc);
  source.never_fail();
  void* const second = source.allocate(10, 16);
  source.fail_from(1);
  CHECK_THROWS_AS(source.allocate(10, 16), std::bad_alloc);
  CHECK(source.failures() == 6);
  source.deallocate(first, 10, 16);
  source.deallocate(second, 10, 16);
  CHECK(source.live_blocks() == 0);
  CHECK(source.faults() == 0);
}

TEST_CASE("a failing source counts returns that do not match", "[source]") {
  test::failing_source source;
  int foreign = 0;

  source.deallocate(source.allocate(100, 64), 99, 64);
  CHECK(source.faults() == 1);
  source.deallocate(source.allocate(100, 64), 100, 32);
  CHECK(source.faults() == 2);
  source.deallocate(&foreign, sizeof foreign, alignof(int));
  CHECK(source.faults() == 3);
  void* const p = source.allocate(100, 64);
  source.deallocate(p, 100, 64);
  CHECK(source.faults() == 3);
  source.deallocate(p, 100, 64);
  CHECK(source.faults() == 4);
  CHECK(source.live_blocks() == 0);
}

TEST_CASE("a failing source keeps its ledger with several threads", "[source]") {
  test::failing_source source;
  source.fail_at(500);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([source]() mutable {
      for (std::size_t i = 1; i <= 1000; ++i) {
        try {
          void* const p = source.allocate(i, 16);
          source.deallocate(p, i, 16);
        } catch (const std::bad_alloc&) {
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(source.allocations() == 4000);
  CHECK(source.failures() == 1);
  CHECK(source.deallocations() == 3999);
  CHECK(source.live_bytes() == 0);
  CHECK(source.faults() == 0);
}
