// SPDX-License-Identifier: MIT
//
// Handles of one pool passed to another: each goes home, or does not compile.

#include <concepts>
#include <cstddef>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tarn/chain.hpp>
#include <tarn/fast_buffer.hpp>
#include <tarn/interop/any_buffer.hpp>
#include <tarn/message_pool.hpp>

#include "support/byte_fixture.hpp"
#include "support/catch.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class Pool, class Buffer>
concept puts = requires(Pool& pool, Buffer b) { pool.put(std::move(b)); };

using other_pool = tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::traits<tarn::small_tiers>>;

// Combinations that do not belong together do not compile.
static_assert(puts<tarn::byte_pool<>, tarn::buffer>);
static_assert(!puts<tarn::byte_pool<>, other_pool::buffer>);
static_assert(!std::convertible_to<other_pool::buffer, tarn::buffer>);
static_assert(!std::convertible_to<other_pool::shared_buffer, tarn::shared_buffer>);
static_assert(!std::convertible_to<tarn::message_pool<>::shared,
                                   tarn::message_pool<tarn::message, tarn::no_lock>::shared>);

}  // namespace

TEMPLATE_LIST_TEST_CASE("a handle that another pool of its type puts goes home", "[crossed]",
                        test::every_policy) {
  test::byte_fixture<TestType> mine;
  test::byte_fixture<TestType> other;
  auto b = mine->get(100);
  other->put(std::move(b));
  CHECK(!b);
  CHECK(mine->occupancy().in_use() == 0);
  std::vector<decltype(b)> mixed;
  for (int i = 0; i != 10; ++i)
    mixed.push_back(i % 2 == 0 ? mine->get(100) : other->get(100));
  CHECK(mine->occupancy().in_use() == 5);
  other->put_bulk(mixed);
  CHECK(mine->occupancy().in_use() == 0);
  CHECK(other->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("pieces of several pools of a type stand in one chain", "[crossed]",
                        test::every_policy) {
  test::byte_fixture<TestType> mine;
  test::byte_fixture<TestType> other;
  using pool_type = test::byte_pool_for<TestType>;
  tarn::basic_chain<typename TestType::lock, typename TestType::stats,
                    typename pool_type::traits_type>
      c(*mine);
  c.append(other->get(1000));
  c.append(mine->get_shared(1000));
  c.append("text");
  other_pool third;
  c.append(third.get_shared(1000));  // a piece of another type is copied, as all foreign bytes are
  CHECK(third.occupancy().in_use() == 0);
  CHECK(other->occupancy().in_use() == 1);
  CHECK(mine->occupancy().in_use() == 2);
  CHECK(c.size() == 3004);
  other.end_pool();
  c.clear();
  CHECK(mine->occupancy().in_use() == 0);
}

TEMPLATE_LIST_TEST_CASE("a writer of any lock writes into a pool of any other", "[crossed]",
                        test::every_policy) {
  test::byte_fixture<TestType> pool;
  using pool_type = test::byte_pool_for<TestType>;
  const std::string text(3000, 'x');
  {
    tarn::basic_fast_buffer<tarn::no_lock, tarn::no_stats, tarn::fast_buffer_traits<pool_type>> w(
        *pool);
    w.append(text);
    CHECK(w.view() == text);
    const tarn::any_buffer erased = w.detach();
    CHECK(erased.view() == text);
  }
  if constexpr (test::is_concurrent<TestType>) {
    tarn::basic_concurrent_fast_buffer<std::mutex, tarn::counting_stats,
                                       tarn::fast_buffer_traits<pool_type>>
        w(*pool);
    w.append(text);
    CHECK(tarn::freeze(w.take()).view() == text);
  }
}

TEMPLATE_LIST_TEST_CASE("messages of any pool carry shared bytes of any other", "[crossed]",
                        test::every_policy) {
  test::byte_fixture<TestType> bytes;
  using payload = typename test::byte_pool_for<TestType>::shared_buffer;
  tarn::message_pool<tarn::basic_message<payload>> messages;
  {
    auto m = messages.get();
    m->value = bytes->get_shared(100);
    typename decltype(messages)::shared sinks[2];
    messages.share(std::move(m), sinks);
    CHECK(bytes->occupancy().in_use() == 1);
    CHECK(sinks[1]->value.size() == 100);
  }
  CHECK(messages.in_flight() == 0);
  CHECK(bytes->occupancy().in_use() == 0);
}
