// SPDX-License-Identifier: MIT
//
// Blocks that one thread takes and another puts back.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/owner_pattern.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

// A queue with room for 64, as between producers and consumers.
template <class T>
class channel {
 public:
  void push(T value) {
    std::unique_lock hold(lock_);
    changed_.wait(hold, [this] { return values_.size() < 64; });
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  [[nodiscard]] T pop() {
    std::unique_lock hold(lock_);
    changed_.wait(hold, [this] { return !values_.empty(); });
    T value = std::move(values_.front());
    values_.pop_front();
    changed_.notify_all();
    return value;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("blocks flow from producers to consumers and memory stays bounded",
                        "[byte_pool]", test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  using buffer = typename test::byte_fixture<TestType>::buffer;
  constexpr std::size_t each = 4000;
  channel<buffer> belt;
  std::atomic<std::size_t> torn{0};
  test::run_together(4, [&](std::size_t me) {
    for (std::size_t i = 0; i != each; ++i) {
      if (me % 2 == 0) {
        buffer b = pool->get(64 + i % 1000);
        test::sign(b.data(), b.size(), b.size());
        belt.push(std::move(b));
      } else {
        const buffer b = belt.pop();
        torn += !test::is_signed(b.data(), b.size(), b.size());
      }
    }
  });
  CHECK(torn == 0);
  CHECK(pool.imbalance() == "");
  std::size_t created_bytes = 0;
  for (const auto& t : pool->occupancy().tiers)
    created_bytes += t.created * t.stride_bytes;
  // 8000 blocks of 564 bytes on average would be 4.5 MiB.
  CHECK(created_bytes < std::size_t{2} << 20);
  if constexpr (TestType::stats::counts) {
    const auto total = pool->snapshot().total();
    CHECK(total.gets == 2 * each);
    CHECK(total.puts == 2 * each);
  }
}

TEMPLATE_LIST_TEST_CASE("bulks of blocks flow between threads", "[byte_pool]",
                        test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  channel<std::vector<void*>> belt;
  test::run_together(4, [&](std::size_t me) {
    for (std::size_t i = 0; i != 300; ++i) {
      if (me % 2 == 0) {
        std::vector<void*> blocks(1 + i % 70);
        pool->allocate_bulk(512, blocks);
        for (auto* const b : blocks)
          test::sign(b, 512, 7);
        belt.push(std::move(blocks));
      } else {
        const auto blocks = belt.pop();
        pool->deallocate_bulk(blocks, 512);
      }
    }
  });
  CHECK(pool.imbalance() == "");
  CHECK(pool->occupancy().in_use() == 0);
}
