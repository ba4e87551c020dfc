// SPDX-License-Identifier: MIT
//
// The misuses that `checked` finds: each is counted and reported once, and no such block is taken.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::misuse;

// The last report to the handler, and the number of its calls.
std::size_t heard = 0;
std::optional<tarn::misuse_report> last;
std::string last_pool;

void listen(const tarn::misuse_report& report) noexcept {
  ++heard;
  last = report;
  last_pool = report.pool;
}

struct listening {
  listening() : before(tarn::set_misuse_handler(listen)) {
    heard = 0;
    last.reset();
  }
  ~listening() { tarn::set_misuse_handler(before); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

  tarn::misuse_handler before;
};

template <class P>
using checked_fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, tarn::checked>;

// Whether exactly this happened: one report of `kind`, its count one higher, all other numbers
// unchanged.
template <class Pool, class Action>
bool is_reported(Pool& pool, misuse kind, const void* block, std::size_t size, Action&& action) {
  const auto before = pool.snapshot();
  heard = 0;
  last.reset();
  action();
  const auto change = pool.snapshot() - before;
  bool right = heard == 1 && last && last->kind == kind && last->block == block &&
               last->size == size && last_pool == pool.name();
  for (std::size_t k = 0; k != tarn::misuse_count; ++k) {
    right = right && change.misuses[k] == (k == static_cast<std::size_t>(kind) ? 1u : 0u);
  }
  const auto total = change.total();
  return right && total.gets == 0 && total.puts == 0 && change.large.puts == 0 &&
         total.in_use == before.total().in_use && total.idle == before.total().idle;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("every kind of bad return is counted, reported once, and not adopted",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool({.name = "judge"});
  checked_fixture<TestType> other({.name = "other"});
  auto& p = *pool;
  auto* const block = static_cast<std::byte*>(p.allocate(1000));
  auto* const large = static_cast<std::byte*>(p.allocate(5 << 20));
  void* const foreign_block = other->allocate(1000);
  std::byte mine[1024];

  const auto reported = [&](misuse kind, void* b, std::size_t size) {
    return is_reported(p, kind, b, size, [&] { p.deallocate(b, size); });
  };
  CHECK(reported(misuse::null, nullptr, 1000));
  CHECK(reported(misuse::foreign, mine, 1000));
  CHECK(reported(misuse::foreign, mine, 5 << 20));
  CHECK(reported(misuse::interior, block + 1, 1000));
  CHECK(reported(misuse::interior, block + 16, 100));
  CHECK(reported(misuse::interior, block + 1023, 1000));
  CHECK(reported(misuse::wrong_size, block, 100));
  CHECK(reported(misuse::wrong_size, block, 1025));
  CHECK(reported(misuse::wrong_size, block, 5 << 20));
  CHECK(reported(misuse::wrong_size, large, 1000));
  CHECK(reported(misuse::wrong_size, large, (5 << 20) + 1));
  CHECK(reported(misuse::wrong_pool, foreign_block, 1000));
  CHECK(pool.imbalance() == "");
  CHECK(other.imbalance() == "");

  heard = 0;
  p.deallocate(block, 600);  // any size of its tier is accepted
  p.deallocate(large, 5 << 20);
  CHECK(heard == 0);
  CHECK(reported(misuse::double_put, block, 1000));
  CHECK(reported(misuse::double_put, block, 600));
  CHECK(reported(misuse::interior, block + 64, 1000));
  other->deallocate(foreign_block, 1000);
  CHECK(reported(misuse::wrong_pool, foreign_block, 1000));

  // A block that was never handed out is not in use either.
  CHECK(reported(misuse::double_put, block + 1024, 1000));
  CHECK(pool.imbalance() == "");
  CHECK(other.imbalance() == "");

  // The pool continues to work, and gives no block twice.
  std::vector<void*> out;
  for (int i = 0; i != 100; ++i) {
    out.push_back(p.allocate(1000));
    for (int j = 0; j != i; ++j)
      REQUIRE(out[static_cast<std::size_t>(j)] != out.back());
  }
  heard = 0;
  for (auto* const b : out)
    p.deallocate(b, 1000);
  CHECK(heard == 0);
  other.end_pool();
  CHECK(reported(misuse::foreign, foreign_block, 1000));
}

TEMPLATE_LIST_TEST_CASE("an alignment that is no power of two is reported, and the block stays out",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool({.name = "judge"});
  auto& p = *pool;
  void* const small = p.allocate(100);
  void* const aligned = p.allocate(100, 64);
  void* const large = p.allocate(5 << 20);
  const auto reported = [&](void* b, std::size_t size, std::size_t alignment) {
    return is_reported(p, misuse::wrong_size, b, size, [&] { p.deallocate(b, size, alignment); });
  };
  for (const std::size_t alignment : {0u, 3u, 12u, 24u, 100u}) {
    INFO(alignment);
    CHECK(reported(small, 100, alignment));
    CHECK(reported(aligned, 100, alignment));
    CHECK(reported(large, 5 << 20, alignment));
  }
  heard = 0;
  p.deallocate(small, 100, 1);
  p.deallocate(aligned, 100, 64);
  p.deallocate(large, 5 << 20, 8);
  CHECK(heard == 0);
}

TEMPLATE_LIST_TEST_CASE("a large block that comes back twice is no foreign memory", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  for (const std::size_t kept : {std::size_t{0}, std::size_t{64} << 20}) {
    checked_fixture<TestType> pool({.name = "judge", .large_cache_bytes = kept});
    auto& p = *pool;
    const auto reported = [&](misuse kind, void* b, std::size_t size) {
      return is_reported(p, kind, b, size, [&] { p.deallocate(b, size); });
    };
    void* large[20];
    for (auto& b : large)
      b = p.allocate(3 << 20);
    for (auto* const b : large)
      p.deallocate(b, 3 << 20);
    for (auto* const b : large) {
      CHECK(reported(misuse::double_put, b, 3 << 20));
      CHECK(reported(misuse::double_put, b, 3 << 20));
    }
    // A block that is handed out again may be put again.
    heard = 0;
    p.deallocate(p.allocate(3 << 20), 3 << 20);
    CHECK(heard == 0);
    std::byte mine[64];
    CHECK(reported(misuse::foreign, mine, 3 << 20));
  }
}

TEMPLATE_LIST_TEST_CASE("a block of a large request is judged by the pool it came from",
                        "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool;
  checked_fixture<TestType> other;
  void* const large = other->allocate(3 << 20);
  // No check may read a pool that belongs to another thread.
  const auto kind = test::is_concurrent<TestType> ? misuse::wrong_pool : misuse::foreign;
  CHECK(is_reported(*pool, kind, large, 3 << 20, [&] { pool->deallocate(large, 3 << 20); }));
  other->deallocate(large, 3 << 20);
}

TEMPLATE_LIST_TEST_CASE("a raw put to a closed pool is reported, and taken", "[byte_pool]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool;
  void* const small = pool->allocate(100);
  void* const large = pool->allocate(3 << 20);
  auto held = pool->get(2000);
  pool->close();
  heard = 0;
  pool->deallocate(small, 100);
  CHECK(heard == 1);
  CHECK(last->kind == misuse::after_close);
  pool->deallocate(large, 3 << 20);
  CHECK(heard == 2);
  CHECK(pool->snapshot().misuses[static_cast<std::size_t>(misuse::after_close)] == 2);
  pool->deallocate(small, 100);
  CHECK(heard == 3);
  CHECK(last->kind != misuse::after_close);
  held.reset();  // handles may still return
  CHECK(heard == 3);
  CHECK(pool->occupancy().in_use() == 0);
  CHECK(pool.source.live_bytes() == 0);
}

TEMPLATE_LIST_TEST_CASE("clean work causes no report", "[byte_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool({.large_cache_bytes = 16 << 20});
  for (int round = 0; round != 3; ++round) {
    std::vector<typename checked_fixture<TestType>::buffer> buffers;
    std::vector<void*> raw(40);
    for (std::size_t i = 0; i != 23; ++i)
      buffers.push_back(pool->get(std::size_t{1} << i));
    pool->allocate_bulk(3000, raw);
    void* const aligned = pool->allocate(100, 4096);
    pool->prewarm(3, 5);
    buffers.erase(buffers.begin() + 3, buffers.begin() + 9);
    pool->trim();
    pool->deallocate_bulk(raw, 2049);
    pool->deallocate(aligned, 4096, 4096);
    buffers.clear();
    pool->drain();
    if (round == 1) pool->resize(4, 9);
  }
  CHECK(heard == 0);
  if constexpr (TestType::stats::counts) {
    for (const auto n : pool->snapshot().misuses)
      CHECK(n == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("a carved block knows its pieces", "[byte_pool]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  checked_fixture<TestType> pool;
  constexpr std::size_t mib = 1 << 20;
  void* const whole = pool->allocate(mib);
  pool->deallocate(whole, mib);
  void* const piece = pool->allocate(mib / 4);
  heard = 0;
  pool->deallocate(whole, mib);  // in use only as a quarter
  CHECK(heard == 1);
  pool->deallocate(piece, mib / 4);
  CHECK(heard == 1);
  void* const again = pool->allocate(mib);
  CHECK(again == whole);
  pool->deallocate(again, mib);
  CHECK(heard == 1);
}

TEST_CASE("the handler is replaceable and never null", "[byte_pool]") {
  CHECK(tarn::set_misuse_handler(listen) == tarn::ignore_misuse);
  CHECK(tarn::set_misuse_handler(nullptr) == listen);
  CHECK(tarn::set_misuse_handler(tarn::abort_on_misuse) == tarn::ignore_misuse);
  CHECK(tarn::set_misuse_handler(tarn::ignore_misuse) == tarn::abort_on_misuse);
  for (std::size_t k = 0; k != tarn::misuse_count; ++k) {
    CHECK(std::string(tarn::to_string(static_cast<misuse>(k))) != "");
  }
}
