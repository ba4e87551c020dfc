// SPDX-License-Identifier: MIT
//
// locked_ring_queue: the newest values of any type, first in first out.

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <tarn/policy/lock.hpp>
#include <tarn/policy/spin_lock.hpp>
#include <tarn/value/locked_ring_queue.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

using locks = std::tuple<tarn::system_mutex, std::mutex, tarn::spin_lock, tarn::no_lock>;

/// All values of a ring, popped.
template <class Ring>
[[nodiscard]] auto drained(Ring& ring) {
  std::vector<typename Ring::value_type> all;
  typename Ring::value_type one{};
  while (ring.try_pop(one))
    all.push_back(std::move(one));
  return all;
}

/// Counts its living objects.
struct counted {
  static inline int live = 0;
  int number = 0;
  counted() { ++live; }
  explicit counted(int n) : number(n) { ++live; }
  counted(counted&& other) noexcept : number(other.number) { ++live; }
  counted& operator=(counted&&) noexcept = default;
  ~counted() { --live; }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("values come out in the order they went in", "[locked_ring_queue]", locks) {
  tarn::locked_ring_queue<std::string, TestType> ring(3);
  CHECK(ring.capacity() == 3);
  CHECK(ring.empty());
  CHECK(ring.values().empty());
  std::string out = "as before";
  CHECK_FALSE(ring.try_pop(out));
  CHECK_FALSE(ring.try_peek(out));
  CHECK(out == "as before");
  ring.push("a");
  ring.push("b");
  CHECK_FALSE(ring.full());
  ring.push("c");
  CHECK(ring.full());
  CHECK(ring.try_peek(out));
  CHECK(out == "a");
  CHECK(ring.size() == 3);  // looking removes no value
  CHECK(drained(ring) == std::vector<std::string>{"a", "b", "c"});
  CHECK(ring.empty());
  CHECK_FALSE(ring.try_pop(out));
}

TEMPLATE_LIST_TEST_CASE("a full ring forgets the oldest", "[locked_ring_queue]", locks) {
  tarn::locked_ring_queue<int, TestType> ring(3);
  for (int i = 1; i <= 4; ++i)
    ring.push(i);
  CHECK(ring.values() == std::vector{2, 3, 4});
  ring.push(5);
  ring.push(6);
  CHECK(ring.size() == 3);
  CHECK(ring.values() == std::vector{4, 5, 6});
}

TEMPLATE_LIST_TEST_CASE("popping in the middle makes room across the end", "[locked_ring_queue]",
                        locks) {
  tarn::locked_ring_queue<int, TestType> ring(5);
  for (int i = 1; i <= 4; ++i)
    ring.push(i);
  int out = 0;
  CHECK(ring.try_pop(out));
  CHECK(out == 1);
  ring.push(5);
  ring.push(6);  // wraps
  CHECK(ring.full());
  CHECK(ring.values() == std::vector{2, 3, 4, 5, 6});
  CHECK(drained(ring) == std::vector{2, 3, 4, 5, 6});
}

TEST_CASE("clearing a locked ring empties it, wherever it begins", "[locked_ring_queue]") {
  tarn::locked_ring_queue<int> ring(3);
  for (int n = 0; n != 7; ++n) {
    for (int i = 0; i != n; ++i)
      ring.push(i);
    ring.clear();
    CHECK(ring.empty());
    CHECK(ring.size() == 0);
    CHECK(ring.values().empty());
    ring.push(1);
    CHECK(ring.values() == std::vector{1});
    ring.clear();
  }
}

TEST_CASE("values that can only be moved, and those without a default", "[locked_ring_queue]") {
  tarn::locked_ring_queue<std::unique_ptr<int>> ring(2);
  for (int i = 1; i <= 3; ++i)
    ring.push(std::make_unique<int>(i));
  std::unique_ptr<int> out;
  CHECK(ring.try_pop(out));
  CHECK(*out == 2);
  CHECK(ring.try_pop(out));
  CHECK(*out == 3);
  CHECK_FALSE(ring.try_pop(out));
  CHECK(*out == 3);
}

TEST_CASE("every value that went in is destroyed once", "[locked_ring_queue]") {
  {
    tarn::locked_ring_queue<counted> ring(3);
    for (int i = 0; i != 5; ++i)
      ring.push(counted(i));
    CHECK(counted::live == 3);
    {
      counted out;
      CHECK(ring.try_pop(out));
      CHECK(out.number == 2);
      CHECK(counted::live == 3);
    }
    ring.push(counted(5));
    ring.clear();
    CHECK(counted::live == 0);
    ring.push(counted(6));
    ring.push(counted(7));
  }
  CHECK(counted::live == 0);
}

TEST_CASE("a capacity of 0 is refused, and one that no memory holds", "[locked_ring_queue]") {
  std::string text;
  try {
    tarn::locked_ring_queue<std::string> ring(0);
  } catch (const std::invalid_argument& e) {
    text = e.what();
  }
  CHECK(text == "tarn: ring capacity 0 must be at least 1");
  CHECK_THROWS_AS(tarn::locked_ring_queue<std::string>(static_cast<std::size_t>(-1)),
                  std::bad_alloc);
}

TEST_CASE("ten threads push, ten pop: nothing is lost and nothing comes twice",
          "[locked_ring_queue]") {
  tarn::locked_ring_queue<std::size_t> ring(100);
  test::run_together(10, [&](std::size_t thread) {
    for (std::size_t i = 0; i != 50; ++i)
      ring.push(thread * 50 + i);
  });
  CHECK(ring.size() == 100);
  std::vector<std::atomic<int>> popped(500);
  test::run_together(10, [&](std::size_t) {
    std::size_t n = 0;
    while (ring.try_pop(n))
      popped[n].fetch_add(1);
  });
  int all = 0;
  int most = 0;
  for (const auto& p : popped) {
    all += p.load();
    most = std::max(most, p.load());
  }
  CHECK(all == 100);
  CHECK(most == 1);
  CHECK(ring.empty());
}
