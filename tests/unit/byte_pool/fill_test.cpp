// SPDX-License-Identifier: MIT
//
// `fill_blocks`: patterns on the way out and home, and writes after the put, without false alarms.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/check_parts.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::fill_blocks;
using tarn::misuse;

using filling = tarn::checked_with<fill_blocks>;
template <class P>
using fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, filling>;

constexpr std::size_t kib = 1024;

/// Heap memory with a ledger, which may lose its pages.
struct purgeable_source : test::failing_source {
  static constexpr bool is_purgeable = true;
};

bool is_all(const std::byte* bytes, std::size_t n, std::byte value) {
  return std::all_of(bytes, bytes + n, [=](std::byte b) { return b == value; });
}
// The writes after a put that were reported, and the last report.
std::atomic<std::size_t> heard{0};
tarn::misuse_report last{};
std::string last_pool;
void listen(const tarn::misuse_report& report) noexcept {
  last = report;
  last_pool = report.pool;
  heard += report.kind == misuse::written_idle;
}
struct listening {
  listening() : before(tarn::set_misuse_handler(listen)) { heard = 0; }
  ~listening() { tarn::set_misuse_handler(before); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;

  tarn::misuse_handler before;
};

// A load that gives memory every chance to change while it is idle: sizes of many tiers, larger
// blocks that are cut and reunited, pages that go, slabs that go and come, bounds.
template <class Pool>
void walk(Pool& pool, unsigned steps, unsigned seed) {
  struct piece {
    std::byte* at;
    std::size_t size;
  };
  std::vector<piece> out;
  std::mt19937 random(seed);
  std::int64_t seconds = 1000;
  const auto give = [&](std::size_t i) {
    std::memset(out[i].at, static_cast<int>(random()), out[i].size);
    pool.deallocate(out[i].at, out[i].size);
    out[i] = out.back();
    out.pop_back();
  };
  for (unsigned step = 0; step != steps; ++step) {
    const auto what = random() % 100;
    if (what < 50 && out.size() < 60) {
      const std::size_t size = (std::size_t{64} << random() % 15) + random() % 64;
      out.push_back({static_cast<std::byte*>(pool.allocate(size)), size});
      std::memset(out.back().at, static_cast<int>(random()), size);
    } else if (what < 85 && !out.empty()) {
      give(random() % out.size());
    } else if (what < 90) {
      seconds += static_cast<std::int64_t>(random() % 10);
      pool.maintain(tarn::time_span::of_seconds(seconds));
    } else if (what < 92) {
      pool.trim(random() % 2 * 512 * kib);
    } else if (what < 94) {
      pool.purge();
    } else if (what < 96) {
      pool.prewarm(random() % 8, random() % 4);
    } else if (what < 98) {
      while (!out.empty())
        give(out.size() - 1);
      pool.drain();
    } else {
      auto shared = pool.get_shared(std::size_t{128} << random() % 4);
      std::vector<typename Pool::buffer> some(1 + random() % 8);
      pool.get_bulk(200, some);
      pool.put_bulk(some);
    }
  }
  while (!out.empty())
    give(out.size() - 1);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a block that goes out has one pattern, and one that came home another",
                        "[check]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool({.large_cache_bytes = std::size_t{16} << 20});
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, 64 * kib, 5 * 1024 * kib}) {
    INFO(size);
    const auto capacity = pool->capacity_for(size);
    for (int round = 0; round != 2; ++round) {
      auto* const block = static_cast<std::byte*>(pool->allocate(size));
      CHECK(is_all(block, capacity, fill_blocks::taken));
      std::memset(block, 1, capacity);
      pool->deallocate(block, size);
      CHECK(is_all(block, capacity, fill_blocks::given));
    }
  }
  auto b = pool->get(1000);
  CHECK(is_all(b.data(), b.capacity(), fill_blocks::taken));
  CHECK(heard == 0);
}

TEMPLATE_LIST_TEST_CASE("a write after the put is found by the next get of the block", "[check]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  for (const std::size_t at : {0u, 1u, 500u, 1023u}) {
    INFO(at);
    heard = 0;
    fixture<TestType> pool({.name = "judge"});
    auto* const block = static_cast<std::byte*>(pool->allocate(1000));
    pool->deallocate(block, 1000);
    block[at] = std::byte{};
    CHECK(heard == 0);
    auto* const again = static_cast<std::byte*>(pool->allocate(900));
    REQUIRE(again == block);
    CHECK(heard == 1);
    CHECK(last.kind == misuse::written_idle);
    CHECK(last.block == block);
    CHECK(last.size == 900);
    CHECK(last_pool == "judge");
    CHECK(pool->snapshot().misuses[static_cast<std::size_t>(misuse::written_idle)] == 1);
    CHECK(is_all(again, 1024, fill_blocks::taken));  // it is handed out all the same
    pool->deallocate(again, 900);
    pool->deallocate(pool->allocate(900), 900);
    CHECK(heard == 1);  // each write once
  }
}

TEMPLATE_LIST_TEST_CASE("zeros win where zeroing is asked for", "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  for (const auto zeroing : {tarn::zeroing::on_get, tarn::zeroing::on_put,
                             tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    INFO(static_cast<int>(zeroing));
    heard = 0;
    fixture<TestType> pool({.zeroing = zeroing});
    std::byte* block = nullptr;
    for (int round = 0; round != 3; ++round) {
      auto b = pool->get(1000);
      CHECK(is_all(b.data(), 1000, std::byte{}));
      block = b.data();
      std::memset(block, 1, 1000);
    }
    const auto idle = zeroing == tarn::zeroing::on_get ? fill_blocks::given : std::byte{};
    CHECK(is_all(block, 1000, idle));
    CHECK(heard == 0);
    block[7] = std::byte{1};
    CHECK(pool->get(1000).data() == block);
    CHECK(heard == (zeroing == tarn::zeroing::on_get ? 1u : 0u));
  }
}

TEMPLATE_LIST_TEST_CASE("nothing that the pool does with idle memory is taken for a write",
                        "[check]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  using pool_type =
      tarn::byte_pool<typename TestType::lock, typename TestType::stats,
                      tarn::traits<tarn::power_of_two_tiers<>, filling, purgeable_source>>;
  for (const auto idle :
       {tarn::idle_memory::give_back, tarn::idle_memory::reclaimable, tarn::idle_memory::purge}) {
    INFO(static_cast<int>(idle));
    purgeable_source source;
    {
      pool_type pool({.max_objects = 6, .slab_bytes = 64 * kib, .idle_memory = idle}, {}, source);
      walk(pool, 3000, 1 + static_cast<unsigned>(idle));
      CHECK(heard == 0);
      CHECK(test::imbalance(pool, source) == "");
    }
    CHECK(source.live_bytes() == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("pages that went are not compared, and blocks that kept theirs are",
                        "[check]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  using pool_type =
      tarn::byte_pool<typename TestType::lock, typename TestType::stats,
                      tarn::traits<tarn::power_of_two_tiers<>, filling, purgeable_source>>;
  pool_type pool({.idle_memory = tarn::idle_memory::purge});
  for (const std::size_t size : {std::size_t{100}, 32 * kib}) {
    heard = 0;
    auto* const block = static_cast<std::byte*>(pool.allocate(size));
    pool.deallocate(block, size);
    CHECK(pool.purge() != 0);
    CHECK(block[200 % size] == std::byte{});
    auto* const again = static_cast<std::byte*>(pool.allocate(size));
    REQUIRE(again == block);
    CHECK(heard == 0);
    pool.deallocate(again, size);
    again[0] = std::byte{1};
    pool.deallocate(pool.allocate(size), size);
    CHECK(heard == 1);
  }
}

TEMPLATE_LIST_TEST_CASE("a larger block that was cut in between is not compared", "[check]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool;
  auto* const large = static_cast<std::byte*>(pool->allocate(256 * kib));
  pool->deallocate(large, 256 * kib);
  auto* const piece = static_cast<std::byte*>(pool->allocate(64 * kib));
  REQUIRE(piece == large);
  std::memset(piece, 1, 64 * kib);
  pool->deallocate(piece, 64 * kib);
  pool->trim(0);
  void* const whole = pool->allocate(256 * kib);
  CHECK(heard == 0);
  pool->deallocate(whole, 256 * kib);
}

TEMPLATE_LIST_TEST_CASE("built objects are filled around their lives, kept ones are left alone",
                        "[check]", test::every_policy) {
  INFO(test::name_of<TestType>());
  const listening here;
  struct raw {
    raw() {}  // leaves the bytes
    std::byte bytes[100];
  };
  struct throwing {
    explicit throwing(bool now) {
      if (now) throw 1;
    }
    std::byte bytes[100];
  };
  {
    tarn::object_pool<raw, typename TestType::lock, typename TestType::stats,
                      tarn::object_traits<tarn::build_objects, filling>>
        pool;
    auto* const object = pool.make().detach();
    CHECK(is_all(object->bytes, 100, fill_blocks::taken));
    pool.put(object);
    auto* const bytes = reinterpret_cast<std::byte*>(object);
    CHECK(is_all(bytes, sizeof(raw), fill_blocks::given));
    bytes[3] = std::byte{1};
    CHECK(&*pool.make() == object);
    CHECK(heard == 1);
    heard = 0;
  }
  {
    tarn::object_pool<throwing, typename TestType::lock, typename TestType::stats,
                      tarn::object_traits<tarn::build_objects, filling>>
        pool;
    pool.make(false).reset();
    for (int i = 0; i != 3; ++i)
      CHECK_THROWS(pool.make(true));
    pool.make(false).reset();
    CHECK(heard == 0);
  }
  {
    tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats,
                      tarn::object_traits<tarn::keep_objects<>, filling>>
        pool;
    for (int i = 0; i != 3; ++i) {
      auto text = pool.get();
      CHECK(text->empty());
      text->assign(100, 'x');
    }
    pool.trim();
    CHECK(pool.get()->empty());
    CHECK(heard == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("blocks that go from thread to thread raise no alarm", "[check]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  const listening here;
  fixture<TestType> pool;
  std::vector<std::thread> threads;
  for (unsigned n = 0; n != 3; ++n) {
    threads.emplace_back([&, n] {
      std::mt19937 random(n);
      std::vector<typename fixture<TestType>::buffer> held(16);
      for (int i = 0; i != 3000; ++i) {
        auto& b = held[random() % held.size()];
        b = pool->get(std::size_t{1} << random() % 12);
        std::memset(b.data(), static_cast<int>(n), b.size());
        if (i % 500 == 0) pool->trim(0);
      }
    });
  }
  for (auto& t : threads)
    t.join();
  CHECK(heard == 0);
}
