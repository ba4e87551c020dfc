// SPDX-License-Identifier: MIT
//
// The counts of a message pool, and its calls of the heap.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <tarn/message_pool.hpp>
#include <tarn/policy/lock_free.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/policy_matrix.hpp"

namespace {

template <class P>
using pool_of = tarn::message_pool<tarn::message, typename P::lock, typename P::stats>;

struct counted_policies {
  using type = std::tuple<test::policies<tarn::no_lock, tarn::counting_stats>,
                          test::policies<std::mutex, tarn::recording_stats>,
                          test::policies<tarn::lock_free, tarn::counting_stats>,
                          test::policies<tarn::thread_cached<>, test::byte_stats>>;
};

void fill(tarn::message& m, const std::string (&texts)[6]) {
  m.topic = texts[0];
  m.key.assign(texts[1]);
  m.value.assign(texts[2]);
  for (int i = 3; i != 6; ++i)
    m.headers.add(texts[i], texts[i]);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a hit is a message that had been out before, and nothing else",
                        "[message_pool]", counted_policies::type) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool;
  {
    const auto first = pool.get();
    const auto second = pool.get();
    const auto s = pool.snapshot().total();
    CHECK(s.gets == 2);
    CHECK(s.hits() == 0);  // both messages are fresh
    CHECK(s.misses == 2);
    CHECK(pool.in_flight() == 2);
  }
  const auto third = pool.get();
  const auto s = pool.snapshot().total();
  CHECK(s.hits() == 1);
  CHECK(s.misses == 2);
  CHECK(s.puts == 2);
  CHECK(pool.in_flight() == 1);
  CHECK(pool.snapshot().constructed == 2);
}

TEMPLATE_LIST_TEST_CASE("the high-water mark is no less than what was out at once",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  for (const std::optional<std::size_t> capacity : {std::optional<std::size_t>{}, {100}}) {
    pool_of<TestType> pool({.capacity = capacity});
    CHECK(pool.most_in_flight() == 0);
    {
      std::vector<typename pool_of<TestType>::handle> out;
      for (int i = 0; i != 37; ++i)
        out.push_back(pool.get());
    }
    for (int i = 0; i != 100; ++i)
      static_cast<void>(pool.get());
    CHECK(pool.in_flight() == 0);
    CHECK(pool.most_in_flight() == 37);
  }
}

TEMPLATE_LIST_TEST_CASE("with a capacity the high-water mark is exact, whatever idles in caches",
                        "[message_pool]", test::every_policy) {
  INFO(test::name_of<TestType>());
  pool_of<TestType> pool({.initial_objects = 20, .capacity = 100});
  CHECK(pool.most_in_flight() == 0);
  for (int i = 0; i != 100; ++i)
    static_cast<void>(pool.get());
  CHECK(pool.most_in_flight() == 1);
  {
    const auto a = pool.get();
    const auto b = pool.get_for(std::chrono::seconds(1));
    const auto c = pool.try_get();
  }
  CHECK(pool.most_in_flight() == 3);
}

TEST_CASE("in the steady state a message takes nothing from the heap", "[message_pool]") {
  // Topic 24 bytes, key 16, value 256, and three headers.
  const std::string texts[6] = {std::string(24, 't'), std::string(16, 'k'), std::string(256, 'v'),
                                "trace-identifier",   "content-type",       "retry"};
  for (const std::optional<std::size_t> capacity : {std::optional<std::size_t>{}, {100}}) {
    tarn::message_pool<> pool({.capacity = capacity});
    for (int i = 0; i != 3; ++i)
      fill(*pool.get(), texts);
    CHECK(test::heap_calls_of([&] {
            for (int i = 0; i != 1000; ++i) {
              auto m = pool.get();
              fill(*m, texts);
              tarn::message_pool<>::shared sinks[4];
              pool.share(std::move(m), sinks);
            }
          }) == 0);
  }
}
