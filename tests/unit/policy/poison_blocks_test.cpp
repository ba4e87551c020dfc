// SPDX-License-Identifier: MIT
//
// `poison_blocks`: with AddressSanitizer an idle block is hidden; all that a pool and its users may
// do stays silent. Without the sanitizer nothing is hidden, and the same must work.

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/message_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/policy/poison_blocks.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/conservation.hpp"
#include "support/failing_source.hpp"
#include "support/policy_matrix.hpp"
#include "support/sanitizer.hpp"

namespace {

constexpr std::size_t kib = 1024;

static_assert(tarn::poison_blocks::is_active == test::with_asan);

using poisoned = tarn::checked_with<tarn::poison_blocks>;
// The parts are a set: the one that hides comes first and last wherever it stands.
using before_others =
    tarn::checked_with<tarn::poison_blocks, tarn::fill_blocks, tarn::fence_blocks>;
using behind_others =
    tarn::checked_with<tarn::fence_blocks, tarn::fill_blocks, tarn::poison_blocks>;

// Notes whether memory that comes back is accessible, all of it.
struct looking_source : test::failing_source {
  std::shared_ptr<std::size_t> hidden = std::make_shared<std::size_t>(0);
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    for (std::size_t i = 0; i < bytes; i += 8)
      *hidden += test::is_hidden(static_cast<std::byte*>(p) + i);
    test::failing_source::deallocate(p, bytes, alignment);
  }
};

template <class P, class Check, class Source = tarn::heap_source>
using bytes_for = tarn::byte_pool<typename P::lock, typename P::stats,
                                  tarn::traits<tarn::power_of_two_tiers<>, Check, Source>>;

std::atomic<int> reports{0};

// Hidden are all of the bytes, or none. Returns: 1, 0, or -1 for some.
int hidden(const std::byte* p, std::size_t n) {
  std::size_t count = 0;
  for (std::size_t i = 0; i != n; ++i)
    count += test::is_hidden(p + i);
  return count == 0 ? 0 : count == n ? 1 : -1;
}

// A load of gets, puts and upkeep that writes and reads all that it may. Returns: what went wrong.
template <class Pool>
std::string load(Pool& pool, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<typename Pool::buffer> live(40);
  std::vector<typename Pool::shared_buffer> shared(10);
  for (int round = 0; round != 1500 / test::slowdown; ++round) {
    const std::size_t size = random() % 8 == 0 ? random() % (5000 * kib) : random() % (3 * kib);
    auto& b = live[random() % live.size()];
    b = pool.get(size);
    std::memset(b.data(), round & 0xff, b.capacity());
    auto& whole = shared[random() % shared.size()];
    whole = pool.get_shared(size);
    auto part = whole;
    if (round % 16 == 0) {
      void* const raw = pool.allocate(size);
      std::memset(raw, 1, size);
      pool.deallocate(raw, size);
      typename Pool::buffer many[9];
      pool.get_bulk(size % kib, many);
      for (auto& m : many)
        std::memset(m.data(), 2, m.capacity());
      pool.put_bulk(many);
    }
    if (round % 64 == 0) pool.prewarm(random() % 12, 5);
    if (round % 100 == 0) pool.trim();
    if (round % 70 == 0) pool.maintain();
  }
  live.clear();
  shared.clear();
  return test::imbalance(pool);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("an idle block is hidden, and one in use is not", "[poison]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  bytes_for<TestType, poisoned> pool({.large_cache_bytes = 8 << 20});
  for (const std::size_t size : {std::size_t{1}, std::size_t{128}, 60 * kib, 3000 * kib}) {
    INFO(size);
    auto b = pool.get(size);
    const auto* const at = b.data();
    const auto capacity = b.capacity();
    CHECK(hidden(at, capacity) == 0);
    b.reset();
    CHECK(hidden(at, capacity) == test::with_asan);
    auto again = pool.get(size);
    CHECK(hidden(again.data(), again.capacity()) == 0);

    auto* const raw = static_cast<std::byte*>(pool.allocate(size));
    CHECK(hidden(raw, size) == 0);
    pool.deallocate(raw, size);
    CHECK(hidden(raw, size) == test::with_asan);

    auto shared = pool.get_shared(size);
    const auto* const bytes = shared.data();
    CHECK(hidden(bytes, size) == 0);
    shared.reset();
    CHECK(hidden(bytes, size) == test::with_asan);
  }
  typename decltype(pool)::buffer many[5];
  pool.get_bulk(1000, many);
  const std::byte* at[5];
  for (int i = 0; i != 5; ++i) {
    at[i] = many[i].data();
    CHECK(hidden(at[i], many[i].capacity()) == 0);
  }
  pool.put_bulk(many);
  for (const auto* p : at)
    CHECK(hidden(p, 1000) == test::with_asan);
}

TEMPLATE_LIST_TEST_CASE("destroyed objects are hidden, and kept ones are not", "[poison]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  using traits = tarn::object_traits<tarn::build_objects, poisoned>;
  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats, traits> built;
  auto s = built.make("text");
  const auto* const at = reinterpret_cast<const std::byte*>(&*s);
  CHECK(hidden(at, sizeof(std::string)) == 0);
  s.reset();
  CHECK(hidden(at, sizeof(std::string)) == test::with_asan);
  CHECK(*built.make("again") == "again");

  tarn::object_pool<std::string, typename TestType::lock, typename TestType::stats,
                    tarn::object_traits<tarn::keep_objects<>, poisoned>>
      kept;
  auto k = kept.get();
  const auto* const there = reinterpret_cast<const std::byte*>(&*k);
  k.reset();
  CHECK(hidden(there, sizeof(std::string)) == 0);
  kept.trim();
}

TEMPLATE_LIST_TEST_CASE("memory is accessible before it goes back to the source", "[poison]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  looking_source source;
  {
    bytes_for<TestType, poisoned, looking_source> pool({.large_cache_bytes = 8 << 20}, {}, source);
    CHECK(load(pool, 1) == "");
    pool.clear();
  }
  CHECK(*source.hidden == 0);
}

TEMPLATE_LIST_TEST_CASE("no use that is allowed is reported, whatever else a pool does with bytes",
                        "[poison]", test::every_policy) {
  INFO(test::name_of<TestType>());
  reports = 0;
  const auto before =
      tarn::set_misuse_handler([](const tarn::misuse_report&) noexcept { ++reports; });
  for (const auto zeros : {tarn::zeroing::none, tarn::zeroing::on_get, tarn::zeroing::on_put,
                           tarn::zeroing::used_prefix, tarn::zeroing::secure}) {
    const tarn::options o{.large_cache_bytes = 8 << 20, .zeroing = zeros};
    bytes_for<TestType, poisoned> alone(o);
    CHECK(load(alone, 2) == "");
    bytes_for<TestType, before_others> first(o);
    CHECK(load(first, 3) == "");
    bytes_for<TestType, behind_others> last(o);
    CHECK(load(last, 4) == "");
  }
  tarn::set_misuse_handler(before);
  CHECK(reports == 0);
}

TEST_CASE("a use after the put ends the program", "[poison]") {
  const auto end = test::in_child([] {
    tarn::byte_pool<std::mutex, tarn::no_stats, tarn::traits<tarn::power_of_two_tiers<>, poisoned>>
        pool;
    auto b = pool.get(100);
    volatile std::byte* const at = b.data();
    b.reset();
    at[10] = std::byte{1};
    return 0;
  });
  CHECK(end.ok() == !test::with_asan);
  CHECK((end.said.find("use-after-poison") != std::string::npos) == test::with_asan);
}
