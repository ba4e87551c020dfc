// SPDX-License-Identifier: MIT
//
// `registered_source`: all memory of a pool is registered with a device, and each block finds its
// key.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/registered_source.hpp>

#include "support/catch.hpp"
#include "support/conservation.hpp"
#include "support/failing_heap.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t kib = 1024;

// A device that keeps a list of what it knows, and refuses above a number of regions.
class device {
 public:
  struct key_type {
    int number = -1;
  };

  std::optional<key_type> register_memory(void* p, std::size_t bytes) {
    const std::lock_guard hold(lock_);
    if (fails_) throw std::runtime_error("the device is gone");
    if (regions_.size() == most_) return std::nullopt;
    regions_[p] = {bytes, ++last_};
    return key_type{last_};
  }
  void unregister_memory(void* p, std::size_t bytes, const key_type& key) noexcept {
    const std::lock_guard hold(lock_);
    const auto found = regions_.find(p);
    if (found == regions_.end() || found->second.first != bytes ||
        found->second.second != key.number) {
      ++wrong_;
      return;
    }
    regions_.erase(found);
  }

  std::size_t regions() const {
    const std::lock_guard hold(lock_);
    return regions_.size();
  }
  int wrong() const { return wrong_; }
  void allow(std::size_t most) { most_ = most; }
  void fail(bool on) { fails_ = on; }

 private:
  mutable std::mutex lock_;
  std::map<void*, std::pair<std::size_t, int>> regions_;
  std::size_t most_ = SIZE_MAX;
  int last_ = 0;
  std::atomic<int> wrong_{0};
  bool fails_ = false;
};

// The source owns its registrar; the test looks at the device.
struct to_device {
  using key_type = device::key_type;
  device* on = nullptr;
  std::optional<key_type> register_memory(void* p, std::size_t bytes) {
    return on->register_memory(p, bytes);
  }
  void unregister_memory(void* p, std::size_t bytes, const key_type& key) noexcept {
    on->unregister_memory(p, bytes, key);
  }
};

using memory_type = tarn::registered_source<to_device>;
static_assert(tarn::memory_registrar<to_device>);
static_assert(tarn::memory_source<tarn::source_ref<memory_type>>);
static_assert(!tarn::source_ref<memory_type>::is_purgeable);

template <class P>
using pool_on = tarn::byte_pool<
    typename P::lock, typename P::stats,
    tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, tarn::source_ref<memory_type>>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("each block of a pool lies in a region that the device knows", "[source]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  device known;
  memory_type memory(to_device{&known});
  {
    pool_on<TestType> pool({}, {}, memory);
    std::vector<typename pool_on<TestType>::buffer> held;
    for (const std::size_t size : {std::size_t{1}, 100 * kib, 2048 * kib, 5000 * kib, 64 * kib}) {
      INFO(size);
      held.push_back(pool.get(size));
      const auto* const r = memory.find(held.back().data());
      REQUIRE(r != nullptr);
      CHECK(r->key.number > 0);
      CHECK(r->offset_of(held.back().data()) + held.back().capacity() <= r->bytes);
      CHECK(memory.find(held.back().data() + held.back().capacity() - 1) == r);
      CHECK(reinterpret_cast<std::uintptr_t>(r->first) % (64 * kib) == 0);
      CHECK(memory.owns(held.back().data()));
    }
    int here = 0;
    CHECK(memory.find(&here) == nullptr);
    CHECK(memory.find(nullptr) == nullptr);
    CHECK(known.regions() > 1);
    held.clear();
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(known.regions() == 0);
  CHECK(known.wrong() == 0);
}

TEMPLATE_LIST_TEST_CASE("memory that the device refuses is no memory, and is not kept", "[source]",
                        test::every_policy) {
  INFO(test::name_of<TestType>());
  device known;
  memory_type memory(to_device{&known});
  {
    pool_on<TestType> pool({}, {}, memory);
    auto first = pool.get(100);
    const auto before = known.regions();
    known.allow(before);
    CHECK_FALSE(pool.try_get(5000 * kib));
    CHECK_THROWS_AS(pool.get(5000 * kib), std::bad_alloc);
    CHECK(known.regions() == before);
    known.allow(before + 1);
    CHECK(pool.get(5000 * kib).size() == 5000 * kib);
  }
  CHECK(known.regions() == 0);
  CHECK(known.wrong() == 0);
}

TEST_CASE("an error of the registrar registers nothing and loses no memory", "[source]") {
  device known;
  memory_type memory(to_device{&known});
  known.fail(true);
  CHECK_THROWS_AS(memory.allocate(100, 64), std::runtime_error);
  known.fail(false);
  CHECK_THROWS_AS(memory.allocate(SIZE_MAX - 10, 64), std::bad_alloc);
  const auto live = test::heap_live.load();
  for (std::size_t n = 0;; ++n) {
    void* p = nullptr;
    const bool failed = test::with_failing_heap(n, [&] {
      try {
        p = memory.allocate(100, 64);
      } catch (const std::bad_alloc&) {
      }
    });
    CHECK((p == nullptr) == failed);
    if (p == nullptr) {
      CHECK(known.regions() == 0);
      continue;
    }
    CHECK(n > 0);
    CHECK(memory.find(p)->bytes == memory_type::unit_bytes);
    memory.deallocate(p, 100, 64);
    CHECK(memory.find(p) == nullptr);
    break;
  }
  CHECK(known.regions() == 0);
  CHECK(test::heap_live.load() == live);
}

TEMPLATE_LIST_TEST_CASE("threads find the keys of their blocks while others come and go",
                        "[source]", test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  device known;
  memory_type memory(to_device{&known});
  std::atomic<int> wrong{0};
  {
    pool_on<TestType> pool({.max_bytes = 0}, {}, memory);
    test::run_together(3, [&](std::size_t who) {
      for (std::size_t i = 0; i != 300; ++i) {
        const auto b = pool.get((i * 7919 + who * 104729) % (3000 * kib) + 1);
        const auto* const r = memory.find(b.data());
        wrong += r == nullptr || r->offset_of(b.data()) + b.capacity() > r->bytes;
        if (i % 50 == 0) pool.trim();
      }
    });
    CHECK(test::imbalance(pool) == "");
  }
  CHECK(wrong == 0);
  CHECK(known.wrong() == 0);
  CHECK(known.regions() == 0);
}
