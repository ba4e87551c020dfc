// SPDX-License-Identifier: MIT
//
// Events in a pool while one of its gets waits for the source. Two threads could cause all of them;
// here they happen every time.

#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include <tarn/byte_pool.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/hooked_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

template <class P>
using hooked_pool =
    tarn::byte_pool<typename P::lock, typename P::stats,
                    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, test::hooked_source>>;

template <class P>
struct fixture {
  explicit fixture(tarn::options o = {}) {
    pool.emplace(std::move(o), tarn::power_of_two_tiers<>{}, source);
  }
  ~fixture() {
    if (pool) CHECK(test::imbalance(*pool, source) == "");
    pool.reset();
    CHECK(source.live_bytes() == 0);
    CHECK(source.faults() == 0);
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  test::hooked_source source;
  std::optional<hooked_pool<P>> pool;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a pool that is closed while a get waits for memory takes the memory back",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto& pool = *f.pool;
  for (const std::size_t size : {100u, 40000u, 2u << 20, 3u << 20}) {
    INFO(size);
    f.pool.emplace(tarn::options{}, tarn::power_of_two_tiers<>{}, f.source);
    f.source.during_next_allocation([&] { pool.close(); });
    void* const block = pool.try_allocate(size);
    CHECK((block == nullptr || size > 2 * mib));
    if (block != nullptr) pool.deallocate(block, size);
    CHECK(test::imbalance(pool, f.source) == "");
    CHECK(f.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a pool that is closed while it carves makes the carved block whole",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto& pool = *f.pool;
  // The tier of 32 KiB is carved from the memory that the tier of 64 KiB took from the source.
  void* const large = pool.allocate(mib);
  pool.deallocate(large, mib);
  void* const piece = pool.allocate(128 * kib);
  pool.close();
  CHECK(f.source.live_bytes() == mib);
  pool.deallocate(piece, 128 * kib);
  CHECK(test::imbalance(pool, f.source) == "");
  CHECK(f.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("at capacity, a block in an older slab is found behind a new slab",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  constexpr std::size_t size = 16 * kib;  // four to a slab
  fixture<TestType> f({.capacity = 5});
  auto& pool = *f.pool;
  std::vector<void*> out(4);
  for (auto& b : out)
    b = pool.allocate(size);
  // While the fifth get waits for a slab, one of the four comes home and is trimmed away.
  f.source.during_next_allocation([&] {
    pool.deallocate(out[1], size);
    pool.trim();
  });
  void* const fifth = pool.try_allocate(size);
  REQUIRE(fifth != nullptr);
  // Now four blocks are out, so there is one more, wherever it is.
  out[1] = pool.try_allocate(size);
  CHECK(out[1] != nullptr);
  CHECK(pool.try_allocate(size) == nullptr);
  pool.deallocate(fifth, size);
  for (auto* const b : out) {
    if (b != nullptr) pool.deallocate(b, size);
  }
}

TEMPLATE_LIST_TEST_CASE("memory that was never handed out is not carved unzeroed", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f({.zeroing = tarn::zeroing::on_put});
  auto& pool = *f.pool;
  // While a get waits for a MiB, another MiB comes home and serves it: the new one stays untouched.
  void* const first = pool.allocate(mib);
  f.source.during_next_allocation([&] { pool.deallocate(first, mib); });
  void* const second = pool.allocate(mib);
  // The block is carved, and reunited.
  void* const piece = pool.allocate(128 * kib);
  pool.deallocate(piece, 128 * kib);
  void* const third = pool.allocate(mib);
  std::size_t dirty = 0;
  for (auto* const b : {second, third}) {
    for (std::size_t i = 0; i != mib; ++i)
      dirty += static_cast<unsigned char*>(b)[i] != 0;
  }
  CHECK(dirty == 0);
  pool.deallocate(second, mib);
  pool.deallocate(third, mib);
}

TEMPLATE_LIST_TEST_CASE("a slab that turns out not to be needed goes with the next trim",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto& pool = *f.pool;
  void* const first = pool.allocate(mib);
  f.source.during_next_allocation([&] { pool.deallocate(first, mib); });
  void* const second = pool.allocate(mib);
  CHECK(second == first);
  CHECK(f.source.live_bytes() == 2 * mib);
  CHECK(pool.trim() == mib);  // no block is idle, but one MiB was never touched
  CHECK(f.source.live_bytes() == mib);
  CHECK(test::imbalance(pool, f.source) == "");
  pool.deallocate(second, mib);
}

TEMPLATE_LIST_TEST_CASE("a drain while a get waits for memory loses nothing", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto& pool = *f.pool;
  for (const std::size_t size : {128u, 4096u, 32768u, 131072u}) {
    INFO(size);
    std::vector<void*> out;
    for (int i = 0; i != 3000 && out.size() * size < 4 * mib; ++i) {
      if (i % 3 == 0) {
        f.source.during_next_allocation([&] {
          for (std::size_t n = out.size() / 2; n != 0; --n) {
            pool.deallocate(out.back(), size);
            out.pop_back();
          }
          pool.drain();
        });
      }
      out.push_back(pool.allocate(size));
    }
    f.source.during_next_allocation(nullptr);
    CHECK(test::imbalance(pool, f.source) == "");
    for (auto* const b : out)
      pool.deallocate(b, size);
    pool.drain();
    CHECK(f.source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a bound that falls while a get waits for memory holds", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  fixture<TestType> f;
  auto& pool = *f.pool;
  f.source.during_next_allocation([&] { pool.resize(0, 0); });
  pool.deallocate(pool.allocate(100), 100);
  const auto t = pool.occupancy().tiers[0];
  CHECK(t.idle == 0);
  CHECK(f.source.live_bytes() == 0);
}
