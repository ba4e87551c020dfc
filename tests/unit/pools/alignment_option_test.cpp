// SPDX-License-Identifier: MIT
//
// `options::alignment`: every block of every product has it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/unsized_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

bool has(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("every block of a byte pool has the alignment, large ones too",
                        "[alignment]", test::every_policy) {
  INFO(test::name_of<TestType>());
  using fixture = test::byte_fixture<TestType, tarn::power_of_two_tiers<32, 256 * kib>>;
  using pool_type = typename fixture::pool_type;
  for (const std::size_t alignment : {std::size_t{256}, 4 * kib, 64 * kib}) {
    for (const std::size_t cache : {std::size_t{0}, 16 * mib}) {
      INFO(alignment << ' ' << cache);
      fixture pool({.large_cache_bytes = cache, .alignment = alignment});
      bool good = true;
      std::vector<typename pool_type::buffer> held;
      for (int i = 0; i != 3; ++i) {
        for (std::size_t size = 1; size < 3 * mib; size = size * 3 + 1) {
          held.push_back(pool->get(size));
          good = good && has(held.back().data(), alignment);
          std::memset(held.back().data(), i, size);
        }
        void* const raw = pool->allocate(100);
        void* const large = pool->allocate(mib);
        good = good && has(raw, alignment) && has(large, alignment);
        pool->deallocate(raw, 100);
        pool->deallocate(large, mib);
        std::vector<typename pool_type::buffer> some(4);
        pool->get_bulk(mib + 1, some);
        for (const auto& each : some)
          good = good && has(each.data(), alignment);
        auto shared = pool->get_shared(256 * kib);
        good = good && has(shared.data(), alignment);
        good = good && has(pool->get_at_least(3).data(), alignment);
        held.resize(held.size() / 2);
        pool->trim(0);
      }
      CHECK(good);
      CHECK(pool->capacity_for(20) == 32);  // the blocks are as large as without it
      CHECK(pool.imbalance() == "");
    }
  }
}

TEMPLATE_LIST_TEST_CASE("a bulk of large blocks that fails goes back as it came", "[alignment]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType, tarn::small_tiers> pool({.alignment = 32 * kib});
  std::vector<typename decltype(pool)::buffer> some(3);
  pool.source.fail_from(2);
  CHECK_FALSE(pool->try_get_bulk(mib, some));
  pool.source.never_fail();
  CHECK(pool->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("objects, messages and writers have it as well", "[alignment]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using lock = typename TestType::lock;
  using stats = typename TestType::stats;
  const tarn::options o{.alignment = 4 * kib};
  bool good = true;
  {
    tarn::object_pool<std::string, lock, stats> pool(o);
    auto a = pool.get();
    auto b = pool.get();
    good = good && has(&*a, 4 * kib) && has(&*b, 4 * kib);
  }
  {
    struct alignas(16 * kib) wide {
      int n = 0;
    };
    tarn::built_pool<wide, lock, stats> pool(o);
    auto a = pool.make();
    auto b = pool.make();
    good = good && has(&*a, 16 * kib) && has(&*b, 16 * kib);
  }
  {
    tarn::message_pool<tarn::message, lock, stats> pool(o);
    auto a = pool.get();
    auto b = pool.get();
    const auto distance =
        reinterpret_cast<std::uintptr_t>(&*a) - reinterpret_cast<std::uintptr_t>(&*b);
    good = good && distance % (4 * kib) == 0;
  }
  {
    tarn::unsized_pool<lock, stats> pool(o);
    auto a = pool.get();
    auto b = pool.get();
    good = good && has(a.data(), 4 * kib) && has(b.data(), 4 * kib);
  }
  {
    using pool_type = tarn::byte_pool<lock, stats>;
    pool_type pool(o);
    tarn::basic_fast_buffer<tarn::no_lock, stats, tarn::fast_buffer_traits<pool_type>> text(pool);
    for (int i = 0; i != 1000; ++i) {
      text.append(std::string_view("0123456789"));
      good = good && has(text.data(), 4 * kib);
    }
  }
  CHECK(good);
}

TEST_CASE("an alignment is a power of two up to the bytes of a slab", "[alignment]") {
  const auto fails = [](std::size_t alignment, std::size_t slab) {
    tarn::options o;
    o.alignment = alignment;
    if (slab != 0) o.slab_bytes = slab;
    try {
      validate(o);
      return std::string();
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
  };
  CHECK(fails(1, 0).empty());
  CHECK(fails(64 * kib, 0).empty());
  CHECK(fails(2 * mib, 2 * mib).empty());
  for (const std::size_t bad : {std::size_t{0}, std::size_t{3}, std::size_t{4095}}) {
    CHECK(fails(bad, 0).find("alignment") != std::string::npos);
    CHECK(fails(bad, 0).find("power of two") != std::string::npos);
    CHECK(fails(bad, 0).find(std::to_string(bad)) != std::string::npos);
  }
  CHECK(fails(128 * kib, 0).find("slab_bytes, 65536") != std::string::npos);
  CHECK(fails(4 * mib, 2 * mib).find("slab_bytes, 2097152") != std::string::npos);
}
