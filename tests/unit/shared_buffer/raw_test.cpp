// SPDX-License-Identifier: MIT
//
// References by hand: a drop too many is reported, and has no effect.

#include <atomic>
#include <cstddef>
#include <utility>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

std::atomic<int> reported{0};
std::atomic<int> reported_elsewhere{0};

struct handler_for_a_test {
  handler_for_a_test() {
    reported = 0;
    previous = tarn::set_misuse_handler([](const tarn::misuse_report& r) noexcept {
      if (r.kind == tarn::misuse::double_put) ++reported;
      if (r.kind == tarn::misuse::wrong_pool) ++reported_elsewhere;
    });
  }
  ~handler_for_a_test() { tarn::set_misuse_handler(previous); }
  tarn::misuse_handler previous;
};

template <class P>
using checked_fixture = test::byte_fixture<P, tarn::power_of_two_tiers<>, tarn::checked>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("a handle taken apart is put together again", "[shared_buffer]",
                        test::every_policy) {
  test::byte_fixture<TestType> pool;
  using shared = typename test::byte_pool_for<TestType>::shared_buffer;
  auto b = pool->get_shared(100);
  const auto raw = std::move(b).to_raw();
  CHECK(!b);
  CHECK(raw.size == 100);
  CHECK(pool->retain(raw));
  auto first = shared::from_raw(raw);
  CHECK(first.ref_count() == 2);
  CHECK(pool->release(raw));
  CHECK(first.ref_count() == 1);
  CHECK(pool->retain({}));  // an empty handle, and static bytes, have no count
  CHECK(pool->release({}));
}

TEMPLATE_LIST_TEST_CASE("zero references are terminal: more releases and retains are reported",
                        "[shared_buffer]", test::every_lock) {
  const handler_for_a_test handler;
  for (const auto size : {std::size_t{100}, std::size_t{1024}}) {  // node in the tail, and apart
    reported = 0;
    test::byte_fixture<TestType> pool;
    const auto keep = pool->get_shared(size);  // so that the slab stays
    auto b = pool->get_shared(size);
    const auto raw = std::move(b).to_raw();
    CHECK(pool->retain(raw));
    CHECK(pool->release(raw));
    CHECK(pool->release(raw));
    CHECK(pool->occupancy().in_use() == 1);
    CHECK(!pool->release(raw));
    CHECK(!pool->release(raw));
    CHECK(!pool->retain(raw));
    CHECK(reported == 0);  // not reported: this pool does not check
    CHECK(pool->occupancy().in_use() == 1);
  }
}

TEMPLATE_LIST_TEST_CASE("a pool that checks reports each, also when the bytes were written to",
                        "[shared_buffer]", test::every_lock) {
  const handler_for_a_test handler;
  for (const auto size : {std::size_t{100}, std::size_t{1024}}) {
    reported = 0;
    checked_fixture<TestType> pool;
    const auto keep = pool->get_shared(size);
    auto b = pool->get_shared(size);
    const auto raw = std::move(b).to_raw();
    CHECK(pool->release(raw));
    CHECK(!pool->release(raw));
    CHECK(!pool->retain(raw));
    CHECK(reported == 2);
    if constexpr (TestType::stats::counts) {
      CHECK(pool->snapshot().misuses[static_cast<std::size_t>(tarn::misuse::double_put)] == 2);
    }
    // Handles go through the same checks.
    auto c = pool->get_shared(size);
    const auto d = c;
    c.release();
    CHECK(reported == 2);
  }
}

TEMPLATE_LIST_TEST_CASE("a node that is given back like a block is refused, and lives on",
                        "[shared_buffer]", test::every_lock) {
  const handler_for_a_test handler;
  checked_fixture<TestType> pool;
  auto b = pool->get_shared(1024);
  const auto raw = std::move(b).to_raw();
  pool->deallocate(raw.node, std::size_t{3} << 20);
  pool->deallocate(raw.node, 64);
  CHECK(pool->retain(raw));
  CHECK(pool->release(raw));
  CHECK(pool->release(raw));
  if constexpr (TestType::stats::counts) {
    CHECK(pool->snapshot().misuses[static_cast<std::size_t>(tarn::misuse::wrong_size)] == 2);
  }
}

TEMPLATE_LIST_TEST_CASE("another pool adds no reference, drops none, and reports it",
                        "[shared_buffer]", test::every_lock) {
  INFO(test::name_of<TestType>());
  const handler_for_a_test handler;
  checked_fixture<TestType> pool;
  checked_fixture<TestType> other;
  // In the tail of a block, in a separate node, and in the tail of a large block.
  for (const std::size_t size : {std::size_t{100}, std::size_t{1024}, std::size_t{5} << 20}) {
    INFO(size);
    reported_elsewhere = 0;
    auto b = pool->get_shared(size);
    const auto raw = std::move(b).to_raw();
    CHECK_FALSE(other->retain(raw));
    CHECK_FALSE(other->release(raw));
    CHECK(reported_elsewhere == 2);
    // Its own pool still counts one reference.
    CHECK(pool->retain(raw));
    CHECK(pool->release(raw));
    CHECK(pool->release(raw));
    CHECK(reported_elsewhere == 2);
    CHECK(reported == 0);
  }
  if constexpr (TestType::stats::counts) {
    CHECK(other->snapshot().misuses[static_cast<std::size_t>(tarn::misuse::wrong_pool)] == 6);
  }
}
