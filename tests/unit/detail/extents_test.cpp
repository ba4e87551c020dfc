// SPDX-License-Identifier: MIT
//
// The bookkeeping of blocks above the last tier: blocks in use by address, idle blocks by age and
// size. The work is counted in steps along the links, not in time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <random>
#include <string>
#include <vector>

#include <tarn/detail/extents/extent_map.hpp>
#include <tarn/detail/extents/extent_store.hpp>
#include <tarn/detail/extents/kept_extents.hpp>
#include <tarn/policy/lock.hpp>

#include "support/catch.hpp"

namespace {

using tarn::detail::extent;

void* address(std::uint64_t n) { return reinterpret_cast<void*>(n); }

std::vector<extent> extents_at(const std::vector<std::uint64_t>& addresses) {
  std::vector<extent> made(addresses.size());
  for (std::size_t i = 0; i != made.size(); ++i) {
    made[i].block = address(addresses[i]);
    made[i].bytes = 1;
  }
  return made;
}

/// Gives a map the buckets that it asks for.
void grow(tarn::detail::extent_map& map) {
  tarn::system_mutex lock;
  map.grow(map.wanted(), lock);
}

/// The share of the extents that share a bucket with another one, counted as steps behind each.
double mean_steps(const std::vector<extent>& all) {
  std::size_t steps = 0;
  for (const auto& e : all) {
    for (const auto* next = e.next; next != nullptr; next = next->next)
      ++steps;
  }
  return static_cast<double>(steps) / static_cast<double>(all.size());
}

std::size_t depth_of(const extent& e) {
  std::size_t depth = 0;
  for (const auto* up = e.up; up != nullptr; up = up->up)
    ++depth;
  return depth;
}

/// The promises of `kept_extents`, checked by a walk over all.
struct plain_kept {
  std::list<extent*> newest_first;

  [[nodiscard]] extent* best(std::size_t bytes, std::size_t alignment) const {
    extent* found = nullptr;
    for (auto* e : newest_first) {
      if (e->bytes < bytes || e->alignment < alignment) continue;
      const bool better = found == nullptr || e->bytes < found->bytes ||
                          (e->bytes == found->bytes && e->alignment < found->alignment);
      if (better) found = e;
    }
    return found;
  }
};

}  // namespace

TEST_CASE("a map finds each block in a few steps, however many are out and wherever they lie",
          "[extents]") {
  for (const std::uint64_t distance : {64u, 4096u, 65536u, (2u << 20) + 4096u, 64u << 20}) {
    INFO("distance " << distance);
    std::vector<std::uint64_t> addresses;
    for (std::uint64_t i = 1; i <= 20'000; ++i)
      addresses.push_back(0x7f00'0000'0010u + i * distance);
    auto all = extents_at(addresses);
    tarn::detail::extent_map map;
    std::size_t most = 0;
    for (std::size_t i = 0; i != all.size(); ++i) {
      const auto before = map.buckets();
      map.push(&all[i]);
      most = std::max(most, map.buckets() - before);
      grow(map);
    }
    CHECK(most <= 2);  // no push moves more than that
    CHECK(map.size() == all.size());
    CHECK(map.buckets() >= all.size() - 1);
    CHECK(mean_steps(all) < 2);
    std::size_t lost = 0;
    for (auto& e : all)
      lost += map.find(e.block) != &e;
    CHECK(lost == 0);
    CHECK(map.find(address(12345)) == nullptr);
    for (auto& e : all)
      lost += map.pop(e.block) != &e;
    CHECK(lost == 0);
    CHECK(map.size() == 0);
    CHECK(map.pop(all[0].block) == nullptr);
  }
}

TEST_CASE("a map that gets no memory works on, and takes it later", "[extents]") {
  std::vector<std::uint64_t> addresses;
  for (std::uint64_t i = 1; i <= 1000; ++i)
    addresses.push_back(i * 4096);
  auto all = extents_at(addresses);
  tarn::detail::extent_map map;
  for (auto& e : all)
    map.push(&e);
  CHECK(map.buckets() == 64);
  CHECK(map.wanted() == 64);
  tarn::system_mutex lock;
  map.grow(32, lock);  // as it was requested once
  CHECK(map.wanted() == 64);
  for (int i = 0; i != 2000; ++i) {
    grow(map);
    extent* const e = map.pop(all[static_cast<std::size_t>(i) % 1000].block);
    REQUIRE(e != nullptr);
    map.push(e);
  }
  CHECK(map.buckets() >= 999);
  CHECK(mean_steps(all) < 2);
}

TEST_CASE("the best fit is that of a walk over all, the newest of those that fit as well",
          "[extents]") {
  std::mt19937 random(7);
  for (const unsigned sizes : {3u, 50u, 5000u}) {
    tarn::detail::kept_extents kept;
    plain_kept plain;
    std::vector<extent> all(600);
    std::vector<extent*> free;
    for (auto& e : all)
      free.push_back(&e);
    std::size_t wrong = 0;
    std::size_t bytes = 0;
    for (int i = 0; i != 6000; ++i) {
      const bool full = i / 1000 % 2 == 0;
      if (!free.empty() && random() % 10 < (full ? 7u : 3u)) {
        auto* const e = free.back();
        free.pop_back();
        e->block = e;
        e->bytes = 1000 + random() % sizes;
        e->alignment = std::size_t{64} << (random() % 8 == 0 ? random() % 6 : 0);
        bytes += e->bytes;
        kept.push(e);
        plain.newest_first.push_front(e);
      } else if (!plain.newest_first.empty()) {
        const auto wanted = 990 + random() % (sizes + 20);
        const auto alignment = std::size_t{64} << (random() % 4 == 0 ? random() % 6 : 0);
        auto* e = kept.best(wanted, alignment);
        wrong += e != plain.best(wanted, alignment);
        if (e == nullptr || random() % 4 == 0) {  // or any other one, as ageing takes it
          e = *std::next(plain.newest_first.begin(),
                         static_cast<std::ptrdiff_t>(random() % plain.newest_first.size()));
        }
        kept.remove(e);
        plain.newest_first.remove(e);
        bytes -= e->bytes;
        free.push_back(e);
      }
      wrong += kept.bytes() != bytes;
      wrong += kept.newest() != (plain.newest_first.empty() ? nullptr : plain.newest_first.front());
    }
    CHECK(wrong == 0);
    const auto* e = kept.newest();
    for (const auto* expected : plain.newest_first) {
      wrong += e != expected;
      e = e->next;
    }
    CHECK(wrong == 0);
    CHECK(e == nullptr);
  }
}

TEST_CASE("16,000 idle blocks are a few steps away, in whatever order they come", "[extents]") {
  for (const int order : {0, 1, 2, 3}) {
    INFO("order " << order);
    std::vector<extent> all(16'000);
    tarn::detail::kept_extents kept;
    std::mt19937 random(3);
    for (std::size_t i = 0; i != all.size(); ++i) {
      const std::size_t bytes[] = {i, all.size() - i, random() % 1'000'000, i % 4};
      all[i].bytes = 1000 + bytes[order];
      all[i].alignment = i % 16 == 0 ? 4096 : 64;
      kept.push(&all[i]);
    }
    std::size_t deepest = 0;
    for (const auto& e : all)
      deepest = std::max(deepest, e.priority != 0 ? depth_of(e) : 0);
    CHECK(deepest < 80);  // 2 * 14 bits of depth are usual, twice that never
    while (kept.newest() != nullptr)
      kept.remove(kept.newest());
    CHECK(kept.best(0, 1) == nullptr);
    CHECK(kept.bytes() == 0);
  }
}

TEST_CASE("extents are made many at a time, and used again", "[extents]") {
  tarn::detail::extent_store store;
  CHECK(store.pop() == nullptr);
  tarn::system_mutex lock;
  std::vector<extent*> out{store.obtain(lock)};
  while (auto* const e = store.pop())
    out.push_back(e);
  CHECK(out.size() == 32);
  for (auto* const e : out)
    store.push(e);
  CHECK(store.obtain(lock) == out.back());
}
