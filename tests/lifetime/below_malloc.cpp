// SPDX-License-Identifier: MIT
//
// A program whose malloc is a pool: threads, streams, regular expressions and exceptions run on it
// without recursion, and no block is left over. Plain asserts: a test framework would allocate.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/immortal.hpp>

namespace {

using pool_type = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                  tarn::traits<tarn::power_of_two_tiers<64, std::size_t{64} << 10>,
                                               tarn::no_check, tarn::page_source>>;

/// While the pool is constructed, the C library allocates a little memory that it never gives back.
alignas(64) std::byte first_bytes[std::size_t{64} << 10];
std::atomic<std::size_t> first_used{0};
bool is_first(const void* p) { return p >= first_bytes && p < first_bytes + sizeof first_bytes; }

std::atomic<pool_type*> heap{nullptr};
std::atomic<bool> is_making{false};

pool_type* get_heap() {
  if (auto* const p = heap.load(std::memory_order_acquire)) return p;
  if (is_making.exchange(true)) return nullptr;
  alignas(pool_type) static std::byte place[sizeof(pool_type)];
  heap.store(::new (place) pool_type({.large_cache_bytes = std::size_t{8} << 20}),
             std::memory_order_release);
  return heap.load();
}

struct head {
  std::size_t size;
  std::size_t before;
};

void* take(std::size_t size, std::size_t alignment) {
  const auto before = alignment < sizeof(head) ? sizeof(head) : alignment;
  if (size > SIZE_MAX / 2 - before) return errno = ENOMEM, nullptr;
  std::byte* block = nullptr;
  if (auto* const pool = get_heap()) {
    block = static_cast<std::byte*>(pool->try_allocate(size + before, alignment));
  } else {
    const auto at = first_used.fetch_add((size + before + 63) / 64 * 64);
    if (at + size + before <= sizeof first_bytes) block = first_bytes + at;
  }
  if (block == nullptr) return errno = ENOMEM, nullptr;
  ::new (block + before - sizeof(head)) head{size, before};
  return block + before;
}

head& head_of(void* p) {
  return *std::launder(reinterpret_cast<head*>(static_cast<std::byte*>(p) - sizeof(head)));
}

}  // namespace

extern "C" {
void* malloc(std::size_t n) { return take(n, 16); }
void free(void* p) {
  if (p == nullptr || is_first(p)) return;
  const head h = head_of(p);
  const auto alignment = h.before == sizeof(head) ? std::size_t{16} : h.before;
  heap.load()->deallocate(static_cast<std::byte*>(p) - h.before, h.size + h.before, alignment);
}
void* calloc(std::size_t n, std::size_t size) {
  if (size != 0 && n > SIZE_MAX / size) return errno = ENOMEM, nullptr;
  void* const p = take(n * size, 16);
  if (p != nullptr) std::memset(p, 0, n * size);
  return p;
}
void* realloc(void* p, std::size_t n) {
  if (p == nullptr) return malloc(n);
  if (n == 0) return free(p), nullptr;
  void* const moved = take(n, 16);
  if (moved == nullptr) return nullptr;
  const auto had = head_of(p).size;
  std::memcpy(moved, p, had < n ? had : n);
  free(p);
  return moved;
}
int posix_memalign(void** out, std::size_t alignment, std::size_t n) {
  void* const p = take(n, alignment);
  if (p == nullptr) return ENOMEM;
  *out = p;
  return 0;
}
void* aligned_alloc(std::size_t alignment, std::size_t n) { return take(n, alignment); }
void* memalign(std::size_t alignment, std::size_t n) { return take(n, alignment); }
std::size_t malloc_usable_size(void* p) { return p == nullptr ? 0 : head_of(p).size; }
}

namespace {

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

std::atomic<int> matches{0};

void load(int seed) {
  std::map<std::string, std::vector<int>> index;
  for (int i = 0; i != 2000; ++i) {
    std::ostringstream out;
    out << "key-" << (i * 7 + seed) % 300 << ':' << i;
    index[out.str().substr(0, 7)].push_back(i);
  }
  const std::regex pattern("key-([0-9]+)");
  for (const auto& [key, values] : index) {
    std::smatch found;
    if (std::regex_search(key, found, pattern) && !values.empty()) ++matches;
  }
  try {
    throw std::runtime_error(std::string(100, 'x'));
  } catch (const std::exception& e) {
    check(std::string_view(e.what()).size() == 100, "an exception carries its text");
  }
  std::vector<char> large(std::size_t{3} << 20, 'y');  // above the last tier
  check(large.back() == 'y', "a block past the tiers");
}

}  // namespace

int main() {
  load(0);
  std::thread([] { load(1); }).join();
  // By now the C library has its blocks for a thread and its permanent blocks.
  const auto before = heap.load()->occupancy().in_use();
  for (int round = 0; round != 5; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i != 8; ++i)
      threads.emplace_back(load, i);
    for (auto& t : threads)
      t.join();
  }
  const auto after = heap.load()->occupancy().in_use();
  std::printf("%d matches, %zu blocks in use before, %zu after\n", matches.load(), before, after);
  check(after <= before + 16, "nothing is left over");  // the C library caches some stacks
  const auto total = heap.load()->snapshot().total();
  check(total.gets > 100'000 && total.gets - total.puts == total.in_use, "each get is counted");
  return failures == 0 ? 0 : 1;
}
