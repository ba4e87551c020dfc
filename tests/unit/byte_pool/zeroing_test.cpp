// SPDX-License-Identifier: MIT
//
// The bytes that a user finds in a fresh buffer, one by one, under every zeroing mode.

#include <cstddef>
#include <cstring>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

constexpr std::size_t mib = 1 << 20;

// The source hands out 0xA5, so memory that was not zeroed never looks zeroed.
[[nodiscard]] std::size_t dirty_bytes(const void* p, std::size_t bytes) {
  const auto* const begin = static_cast<const unsigned char*>(p);
  std::size_t dirty = 0;
  for (std::size_t i = 0; i != bytes; ++i)
    dirty += begin[i] != 0;
  return dirty;
}

constexpr std::size_t sizes[] = {1,      100,     128, 1000,
                                 40'000, 200'000, mib, test::slowdown == 1 ? 3 * mib : mib + 1};

// Uses blocks of all sizes in several ways. Returns: the number of dirty bytes in the range that
// the mode promises to be zero. `whole`: it promises the capacity, otherwise only the requested
// size.
template <class Fixture>
std::size_t use(Fixture& pool, bool whole) {
  std::size_t dirty = 0;
  for (int round = 0; round != 4; ++round) {
    for (const std::size_t size : sizes) {
      auto b = pool->get(size);
      dirty += dirty_bytes(b.data(), whole ? b.capacity() : size);
      std::memset(b.data(), 0x5A, b.size());
      auto c = pool->get_at_least(size);  // all of its bytes are requested
      dirty += dirty_bytes(c.data(), c.size());
      std::memset(c.data(), 0x5A, c.size());
      void* const p = pool->allocate(size);
      dirty += dirty_bytes(p, whole ? pool->capacity_for(size) : size);
      std::memset(p, 0x5A, pool->capacity_for(size));
      pool->deallocate(p, size);
      void* const q = pool->allocate(size, 256);
      dirty += dirty_bytes(q, size);
      std::memset(q, 0x5A, size);
      pool->deallocate(q, size, 256);
      std::vector<void*> bulk(5);
      pool->allocate_bulk(size, bulk);
      for (auto* const each : bulk) {
        dirty += dirty_bytes(each, size);
        std::memset(each, 0x5A, size);
      }
      pool->deallocate_bulk(bulk, size);
    }
    if (round == 0) pool->prewarm(3, 20);
    if (round == 1) pool->trim();
    if (round == 2) pool->drain();
  }
  return dirty;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("zeroing on get, on put and securely leaves nothing of the last user",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto mode : {tarn::zeroing::on_get, tarn::zeroing::on_put, tarn::zeroing::secure}) {
    INFO(static_cast<int>(mode));
    for (const std::size_t cache : {std::size_t{0}, 32 * mib}) {
      test::byte_fixture<TestType> pool({.large_cache_bytes = cache, .zeroing = mode});
      CHECK(use(pool, mode != tarn::zeroing::on_get) == 0);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("bytes that come into view by a resize are zero under every mode",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto mode : {tarn::zeroing::on_get, tarn::zeroing::on_put, tarn::zeroing::used_prefix,
                          tarn::zeroing::secure}) {
    INFO(static_cast<int>(mode));
    test::byte_fixture<TestType> pool({.zeroing = mode});
    for (int round = 0; round != 3; ++round) {
      auto b = pool->get(10);
      CHECK(dirty_bytes(b.data(), 10) == 0);
      b.resize(b.capacity());
      CHECK(dirty_bytes(b.data(), b.size()) == 0);
      std::memset(b.data(), 0x5A, b.size());
      if (round == 1) b.resize(3);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("with used_prefix, what was used is zeroed and fresh memory is zero",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool({.zeroing = tarn::zeroing::used_prefix});
  std::size_t dirty = 0;
  for (int round = 0; round != 4; ++round) {
    for (const std::size_t size : sizes) {
      auto b = pool->get(size);
      dirty += dirty_bytes(b.data(), b.capacity());
      std::memset(b.data(), 0x5A, b.size());
      auto c = pool->get(size);
      dirty += dirty_bytes(c.data(), c.capacity());
      c.resize(c.capacity());
      std::memset(c.data(), 0x5A, c.size());
      c.resize(c.size() / 3);  // the bytes that are cut off were used as well
      void* const p = pool->allocate(size);
      dirty += dirty_bytes(p, pool->capacity_for(size));
      std::memset(p, 0x5A, pool->capacity_for(size));
      pool->deallocate(p, size);
    }
    if (round == 1) pool->trim();
  }
  CHECK(dirty == 0);
}

TEMPLATE_LIST_TEST_CASE("with used_prefix, what was written up to the capacity is zeroed too",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const std::size_t cache : {std::size_t{0}, 32 * mib}) {
    test::byte_fixture<TestType> pool(
        {.large_cache_bytes = cache, .zeroing = tarn::zeroing::used_prefix});
    std::size_t dirty = 0;
    const auto fill = [&](auto& b, std::size_t from, std::size_t to) {
      dirty += dirty_bytes(b.data(), b.capacity());
      std::memset(b.data() + from, 0x5A, to - from);
    };
    for (int round = 0; round != 3; ++round) {
      for (const std::size_t size : sizes) {
        auto b = pool->get(size);
        fill(b, 0, b.capacity());
        b = pool->get(size);
        fill(b, b.capacity() - 1, b.capacity());  // only the last byte
        b = pool->get(size);
        fill(b, 0, b.capacity());
        b.resize(size / 2);
        b = pool->get(size);
        fill(b, size, b.capacity());
        auto shared = tarn::freeze(std::move(b));  // with the count in its tail, or apart
        shared.release();
        b = pool->get(0);
        fill(b, 0, b.capacity());
        std::vector<typename decltype(pool)::buffer> bulk(3);
        pool->get_bulk(size, bulk);
        for (auto& each : bulk)
          fill(each, 0, each.capacity());
        pool->put_bulk(bulk);
      }
    }
    CHECK(dirty == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("without zeroing, contents survive in the block", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  auto b = pool->get(1000);
  std::memset(b.data(), 0x5A, b.capacity());
  const auto* const where = b.data();
  b.reset();
  b = pool->get(900);
  CHECK(b.data() == where);
  // Idle blocks are never written to: no link, no header, no fill.
  std::size_t changed = 0;
  for (std::size_t i = 0; i != b.capacity(); ++i)
    changed += b.data()[i] != std::byte{0x5A};
  CHECK(changed == 0);
}

TEMPLATE_LIST_TEST_CASE("secure and on_put leave no byte in idle memory", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto mode : {tarn::zeroing::on_put, tarn::zeroing::secure}) {
    test::byte_fixture<TestType> pool({.zeroing = mode});
    auto keep = pool->get(1000);  // keeps the slab
    auto b = pool->get(1000);
    std::memset(b.data(), 0x5A, b.capacity());
    const auto* const where = b.data();
    b.reset();
    CHECK(dirty_bytes(where, 1024) == 0);
    void* const p = pool->allocate(1000);
    CHECK(p == where);
    std::memset(p, 0x5A, 1024);
    pool->deallocate(p, 600);  // a size of its tier does not give the bytes that were used
    CHECK(dirty_bytes(where, 1024) == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("carved and reunited memory is as zero as any other", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  for (const auto mode :
       {tarn::zeroing::on_put, tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    test::byte_fixture<TestType> pool({.zeroing = mode});
    std::size_t dirty = 0;
    for (int round = 0; round != 3; ++round) {
      auto whole = pool->get(mib);
      dirty += dirty_bytes(whole.data(), whole.capacity());
      std::memset(whole.data(), 0x5A, whole.size());
      whole.reset();
      auto half = pool->get(mib / 2);
      auto quarter = pool->get(mib / 4);
      dirty += dirty_bytes(half.data(), half.size()) + dirty_bytes(quarter.data(), quarter.size());
      std::memset(half.data(), 0x5A, half.size());
      std::memset(quarter.data(), 0x5A, quarter.size());
    }
    CHECK(dirty == 0);
  }
}
