// SPDX-License-Identifier: MIT
//
// The objects of Go-CacheX's pools, under all locks.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tarn/compat/cachex.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"
#include "support/policy_matrix.hpp"

namespace {

using tarn::error_kind;
using tarn::time_span;

const std::string long_text(60, 'x');  // longer than the internal buffer of a string

/// Two users after each other: the same object, every field new, no call of the heap.
template <class Pool, class Fill, class IsNew>
void check_use(Pool& pool, Fill fill, IsNew is_new) {
  const void* first = nullptr;
  {
    const auto object = pool.get();
    first = object.get();
    CHECK(is_new(*object));
    fill(*object);
    CHECK_FALSE(is_new(*object));
  }
  bool good = true;
  const auto calls = test::heap_calls_of([&] {
    for (int i = 0; i != 50; ++i) {
      const auto object = pool.get();
      good = good && object.get() == first && is_new(*object);
      fill(*object);
    }
  });
  CHECK(good);
  CHECK(calls == 0);
}

bool is_new_item(const tarn::cache_item<>& item) {
  return item.key.empty() && item.value.empty() && item.ttl.count() == 0 &&
         item.created_at.count() == 0 && item.accessed_at.count() == 0 && item.access_count == 0;
}
template <class T>
bool is_new_result(const tarn::async_result<T>& r) {
  return r.value == T() && r.values.empty() && r.result == 0 && !r.exists && !r.has_failed &&
         r.ttl.count() == 0 && r.error.text.empty() && r.error.kind == error_kind::unknown;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a cache item is new for its next user, and keeps its memory", "[cachex]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::cache_item_pool<tarn::byte_string, typename TestType::lock, typename TestType::stats> pool;
  check_use(
      pool,
      [](tarn::cache_item<>& item) {
        item.set(long_text, long_text, std::chrono::minutes(5), time_span::of_seconds(7));
        item.touch(time_span::of_seconds(8));
      },
      is_new_item);
}

TEMPLATE_LIST_TEST_CASE("an async result is new for its next user in every field", "[cachex]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::async_result_pool<int, typename TestType::lock, typename TestType::stats> numbers;
  check_use(
      numbers,
      [](tarn::async_result<int>& r) {
        r.value = 3;
        r.result = -1;
        r.exists = true;
        r.ttl = time_span::of_seconds(1);
        r.fail(long_text, error_kind::item_expired);
      },
      is_new_result<int>);
  {
    numbers.get()->values["secret"] = 1;
  }
  CHECK(numbers.get()->values.empty());

  tarn::async_result_pool<std::string, typename TestType::lock, typename TestType::stats> texts;
  check_use(
      texts, [](tarn::async_result<std::string>& r) { r.value = long_text; },
      is_new_result<std::string>);
}

TEMPLATE_LIST_TEST_CASE("a common error is new for its next user", "[cachex]", test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::error_pool<typename TestType::lock, typename TestType::stats> pool;
  check_use(
      pool, [](tarn::common_error& e) { e.set(long_text, error_kind::item_not_found); },
      [](const tarn::common_error& e) { return e.text.empty() && e.kind == error_kind::unknown; });
}

TEMPLATE_LIST_TEST_CASE("a result channel is open and empty for its next user", "[cachex]",
                        test::every_lock) {
  INFO(test::name_of<TestType>());
  tarn::result_channel_pool<std::string, typename TestType::lock, typename TestType::stats> pool;
  check_use(
      pool,
      [](tarn::result_channel<std::string>& c) {
        static_cast<void>(c.try_send("not taken"));
        c.close();
      },
      [](const tarn::result_channel<std::string>& c) { return !c.is_closed() && c.empty(); });
}

TEST_CASE("an item expires after its TTL, and one without never", "[cachex]") {
  tarn::cache_item<> item;
  CHECK_FALSE(item.is_expired(time_span::of_nanoseconds(INT64_MAX)));
  item.set("k", "v", time_span::of_seconds(5), time_span::of_seconds(100));
  CHECK(item.value.view() == "v");
  CHECK(item.expires_at() == time_span::of_seconds(105));
  CHECK_FALSE(item.is_expired(time_span::of_nanoseconds(104'999'999'999)));
  CHECK(item.is_expired(time_span::of_seconds(105)));
  item.touch(time_span::of_seconds(101));
  item.touch(time_span::of_seconds(102));
  CHECK(item.access_count == 2);
  CHECK(item.accessed_at == time_span::of_seconds(102));
  CHECK(item.created_at == time_span::of_seconds(100));
  item.ttl = time_span::of_nanoseconds(INT64_MAX);  // no overflow
  CHECK_FALSE(item.is_expired(time_span::of_seconds(1'000'000'000)));
  tarn::cache_item<int> number;
  number.set("k", 7, {}, {});
  CHECK(number.value == 7);
  number.reset();
  CHECK(number.value == 0);
}

TEST_CASE("an item that grew is cut down to what the pool keeps", "[cachex]") {
  tarn::cache_item_pool<> pool({.keep_capacity_bytes = 1000});
  {
    pool.get()->value.assign(std::string(100'000, 'v'));
  }
  CHECK(pool.get()->value.capacity() <= 1000);
  CHECK(pool.snapshot().outgrown == 1);
}

TEST_CASE("errors have Go-CacheX's numbers, and a message", "[cachex]") {
  CHECK(static_cast<int>(error_kind::item_not_found) == 7);
  tarn::common_error e;
  CHECK(e.message() == "unknown");
  e.kind = error_kind::ttl_negative;
  CHECK(e.message() == "TTL negative");
  e.set("no such key", error_kind::item_not_found);
  CHECK(e.message() == "no such key");
  CHECK(to_string(static_cast<error_kind>(200)) == "unknown");
}

TEST_CASE("a channel has room for one result, and after its close gives what it has", "[cachex]") {
  tarn::result_channel<std::string> c;
  CHECK_FALSE(c.try_receive());
  CHECK(c.try_send("one"));
  CHECK_FALSE(c.try_send("two"));
  CHECK(c.receive() == "one");
  CHECK_FALSE(c.receive_for(std::chrono::milliseconds(1)));
  CHECK(c.send("three"));
  c.close();
  c.close();
  CHECK_FALSE(c.try_send("four"));
  CHECK_FALSE(c.send("five"));
  CHECK(c.receive_for(std::chrono::hours::max()) == "three");
  CHECK_FALSE(c.receive());
  CHECK_FALSE(c.receive_for(std::chrono::hours::max()));
}

TEST_CASE("results pass through a channel in order, and a close ends all waiting", "[cachex]") {
  tarn::result_channel_pool<int> pool;
  const auto channel = pool.get();
  std::vector<int> seen;
  std::thread reader([&, c = channel.get()] {
    while (const auto one = c->receive())
      seen.push_back(*one);
  });
  for (int i = 0; i != 1000; ++i)
    CHECK(channel->send(i));
  channel->close();
  reader.join();
  CHECK(seen.size() == 1000);
  for (int i = 0; i != 1000; ++i)
    CHECK(seen[static_cast<std::size_t>(i)] == i);

  // A sender that waits for room is told of the close, too.
  tarn::result_channel<int> full;
  CHECK(full.send(1));
  bool is_sent = true;
  std::thread sender([&] { is_sent = full.send(2); });
  full.close();
  sender.join();
  CHECK_FALSE(is_sent);
  CHECK(full.receive() == 1);
}
