// SPDX-License-Identifier: MIT
//
// The typed pools that services need, as uses of object_pool: each object is like new for its next
// user, at the same address, and the second cycle does not call the heap.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tarn/compat/cachex.hpp>
#include <tarn/object_pool.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"

namespace {

using clock_type = std::chrono::system_clock;
using bytes = std::vector<std::byte>;

const std::string long_text(60, 'x');  // longer than the internal buffer of a string

// Runs two users after each other. `fill` writes every field, `is_new` checks every field.
template <class Pool, class Fill, class IsNew>
void check_use(Pool& pool, Fill fill, IsNew is_new) {
  const void* first = nullptr;
  {
    auto object = pool.get();
    first = object.get();
    CHECK(is_new(*object));
    fill(*object);
    CHECK_FALSE(is_new(*object));
  }
  bool same = true;
  bool clean = true;
  const auto calls = test::heap_calls_of([&] {
    for (int i = 0; i != 50; ++i) {
      auto object = pool.get();
      same = same && object.get() == first;
      clean = clean && is_new(*object);
      fill(*object);
    }
  });
  CHECK(same);
  CHECK(clean);
  CHECK(calls == 0);
  CHECK(pool.snapshot().constructed == 1);
}

struct cache_item {
  std::string key;
  bytes value;
  std::chrono::nanoseconds ttl{0};
  clock_type::time_point created;
  clock_type::time_point accessed;

  void reset() noexcept {
    key.clear();
    value.clear();
    ttl = {};
    created = {};
    accessed = {};
  }
};

template <class T>
struct async_result {
  T value{};
  std::map<std::string, T> values;
  std::int64_t result = 0;
  bool exists = false;
  std::chrono::nanoseconds ttl{0};
  std::optional<std::string> error;

  void reset() {
    value = T();
    values.clear();
    result = 0;
    exists = false;
    ttl = {};
    error.reset();
  }
};

// Room for one result: a producer puts it, a consumer takes it.
template <class T>
class result_channel {
 public:
  bool try_send(T value) {
    const std::lock_guard hold(lock_);
    if (closed_ || slot_) return false;
    slot_ = std::move(value);
    return true;
  }
  std::optional<T> try_receive() {
    const std::lock_guard hold(lock_);
    return std::exchange(slot_, std::nullopt);
  }
  void close() {
    const std::lock_guard hold(lock_);
    closed_ = true;
  }
  [[nodiscard]] bool is_new() {
    const std::lock_guard hold(lock_);
    return !closed_ && !slot_;
  }
  /// Drops a result that was not taken, and opens a closed channel again.
  void reset() {
    const std::lock_guard hold(lock_);
    slot_.reset();
    closed_ = false;
  }

 private:
  std::mutex lock_;
  std::optional<T> slot_;
  bool closed_ = false;
};

// A list with room for sixteen, as its users expect.
struct list_of_16 {
  std::vector<std::string> operator()() const {
    std::vector<std::string> made;
    made.reserve(16);
    return made;
  }
};

}  // namespace

TEST_CASE("cache items: key, value, TTL, created, accessed", "[object_pool]") {
  tarn::object_pool<cache_item> pool;
  const auto now = clock_type::now();
  check_use(
      pool,
      [&](cache_item& item) {
        item.key = long_text;
        item.value.assign(500, std::byte{7});
        item.ttl = std::chrono::minutes(5);
        item.created = now;
        item.accessed = now;
      },
      [](const cache_item& item) {
        return item.key.empty() && item.value.empty() && item.ttl.count() == 0 &&
               item.created == clock_type::time_point() &&
               item.accessed == clock_type::time_point();
      });
  CHECK(pool.get()->key.capacity() >= long_text.size());
}

TEST_CASE("async results: value, values, result, exists, TTL, error", "[object_pool]") {
  tarn::object_pool<async_result<int>> pool;
  check_use(
      pool,
      [](async_result<int>& r) {
        r.value = 3;
        r.result = -1;
        r.exists = true;
        r.ttl = std::chrono::seconds(1);
        r.error = "gone";
      },
      [](const async_result<int>& r) {
        return r.value == 0 && r.values.empty() && r.result == 0 && !r.exists &&
               r.ttl.count() == 0 && !r.error;
      });
  // The map's nodes and long texts are freed for the next user, and come from the heap again.
  {
    auto r = pool.get();
    r->values["secret"] = 1;
    r->error = long_text;
  }
  CHECK(pool.get()->values.empty());
  CHECK_FALSE(pool.get()->error);

  tarn::object_pool<async_result<std::string>> texts;
  {
    texts.get()->value = long_text;
  }
  CHECK(texts.get()->value.empty());
}

TEST_CASE("string lists with room for sixteen", "[object_pool]") {
  tarn::object_pool<std::vector<std::string>, tarn::thread_cached<>, tarn::counting_stats,
                    tarn::object_traits<tarn::keep_objects<list_of_16>>>
      pool;
  check_use(
      pool,
      [](std::vector<std::string>& list) {
        for (int i = 0; i != 16; ++i)
          list.emplace_back("short");
      },
      [](const std::vector<std::string>& list) { return list.empty() && list.capacity() >= 16; });
}

TEST_CASE("maps with sixteen entries", "[object_pool]") {
  using map = tarn::reused_map<std::string, std::string>;
  tarn::map_pool<std::string, std::string> pool({.default_capacity = 16});
  CHECK(pool.get()->capacity() == 16);
  check_use(
      pool,
      [](map& m) {
        m.insert("one", "1");
        m["two"] = "2";
      },
      [](const map& m) { return m.empty(); });

  // A plain map works as well: it is empty for the next user, but it uses the heap.
  tarn::object_pool<std::map<std::string, std::string>> plain;
  {
    (*plain.get())["key"] = "value";
  }
  CHECK(plain.get()->empty());
}

TEST_CASE("times", "[object_pool]") {
  tarn::object_pool<clock_type::time_point> pool;
  check_use(
      pool, [](clock_type::time_point& t) { t = clock_type::now(); },
      [](const clock_type::time_point& t) { return t == clock_type::time_point(); });
}

TEST_CASE("errors: message and kind", "[object_pool]") {
  tarn::object_pool<tarn::common_error> pool;
  check_use(
      pool,
      [](tarn::common_error& e) {
        e.text = long_text;
        e.kind = tarn::error_kind::item_not_found;
      },
      [](const tarn::common_error& e) {
        return e.text.empty() && e.kind == tarn::error_kind::unknown;
      });
}

TEST_CASE("result channels of one slot, closed ones included", "[object_pool]") {
  tarn::object_pool<result_channel<std::string>> pool;
  check_use(
      pool,
      [](result_channel<std::string>& c) {
        static_cast<void>(c.try_send("not taken"));
        c.close();
      },
      [](result_channel<std::string>& c) { return c.is_new(); });
  auto channel = pool.get();
  CHECK(channel->try_send("one"));
  CHECK_FALSE(channel->try_send("two"));
  CHECK(channel->try_receive() == "one");
  CHECK_FALSE(channel->try_receive());
  channel->close();
  CHECK_FALSE(channel->try_send("three"));
  channel.reset();
  CHECK(pool.get()->try_send("works again"));
}
