// SPDX-License-Identifier: MIT
//
// ring_queue: the newest values, without a lock. stress/ tests it with several threads.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <tarn/value/ring_queue.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

[[nodiscard]] std::vector<std::size_t> from_to(std::size_t first, std::size_t last) {
  std::vector<std::size_t> numbers(last - first + 1);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

template <std::size_t N>
struct sized {
  std::array<unsigned char, N> bytes;
  explicit sized(unsigned char first) {  // not default-constructible
    std::iota(bytes.begin(), bytes.end(), first);
  }
  friend bool operator==(const sized&, const sized&) = default;
};

template <std::size_t N>
[[nodiscard]] bool keeps_values_of() {
  tarn::ring_queue<sized<N>> ring(3);
  for (unsigned char i = 1; i <= 5; ++i)
    ring.push(sized<N>(i));
  return ring.values() == std::vector<sized<N>>{sized<N>(3), sized<N>(4), sized<N>(5)};
}

}  // namespace

TEST_CASE("a ring of three evolves as it should", "[ring_queue]") {
  tarn::ring_queue<int> ring(3);
  CHECK(ring.capacity() == 3);
  CHECK(ring.empty());
  CHECK(ring.size() == 0);
  CHECK(ring.values().empty());
  ring.push(1);
  CHECK_FALSE(ring.full());
  CHECK_FALSE(ring.empty());
  CHECK(ring.size() == 1);
  CHECK(ring.values() == std::vector{1});
  ring.push(2);
  CHECK(ring.values() == std::vector{1, 2});
  ring.push(3);
  CHECK(ring.full());
  CHECK(ring.values() == std::vector{1, 2, 3});
  ring.push(4);
  CHECK(ring.values() == std::vector{2, 3, 4});
  ring.push(5);
  CHECK(ring.values() == std::vector{3, 4, 5});
  CHECK(ring.size() == 3);
  CHECK(ring.full());
}

TEST_CASE("a ring of 256 holds 45 to 300 after 300 pushes", "[ring_queue]") {
  tarn::ring_queue<std::size_t> ring(256);
  for (std::size_t n = 1; n <= 260; ++n)
    ring.push(n);
  CHECK(ring.values() == from_to(5, 260));
  for (std::size_t n = 261; n <= 300; ++n)
    ring.push(n);
  CHECK(ring.values() == from_to(45, 300));
}

TEST_CASE("a ring of any capacity keeps the newest, one included", "[ring_queue]") {
  for (const std::size_t capacity : {1u, 2u, 3u, 7u, 10u, 64u, 100u, 256u}) {
    tarn::ring_queue<std::size_t> ring(capacity);
    for (std::size_t n = 1; n <= 3 * capacity + 1; ++n) {
      ring.push(n);
      const auto held = std::min(n, capacity);
      REQUIRE(ring.size() == held);
      REQUIRE(ring.full() == (n >= capacity));
      REQUIRE(ring.values() == from_to(n - held + 1, n));
    }
  }
}

TEST_CASE("clearing forgets what was pushed, and the ring fills again", "[ring_queue]") {
  tarn::ring_queue<int> ring(3);
  for (int turn = 0; turn != 3; ++turn) {
    for (int i = 1; i <= 4 + turn; ++i)
      ring.push(i);
    ring.clear();
    CHECK(ring.empty());
    CHECK_FALSE(ring.full());
    CHECK(ring.size() == 0);
    CHECK(ring.values().empty());
    ring.clear();  // a second clear is harmless
    ring.push(9);
    CHECK(ring.values() == std::vector{9});
    ring.push(8);
    ring.push(7);
    ring.push(6);
    CHECK(ring.values() == std::vector{8, 7, 6});
    ring.clear();
  }
}

TEST_CASE("values of any size come back whole", "[ring_queue]") {
  CHECK(keeps_values_of<1>());
  CHECK(keeps_values_of<3>());
  CHECK(keeps_values_of<4>());
  CHECK(keeps_values_of<7>());
  CHECK(keeps_values_of<8>());
  CHECK(keeps_values_of<9>());
  CHECK(keeps_values_of<16>());
  CHECK(keeps_values_of<23>());
  CHECK(keeps_values_of<24>());
  CHECK(keeps_values_of<100>());
}

TEST_CASE("a capacity of 0 is refused by name", "[ring_queue]") {
  std::string text;
  try {
    tarn::ring_queue<int> ring(0);
  } catch (const std::invalid_argument& e) {
    text = e.what();
  }
  CHECK(text == "tarn: ring capacity 0 must be at least 1");
}

TEST_CASE("ten threads push a hundred each into a thousand: all are there", "[ring_queue]") {
  tarn::ring_queue<std::size_t> ring(1000);
  test::run_together(10, [&](std::size_t thread) {
    for (std::size_t i = 0; i != 100; ++i)
      ring.push(thread * 100 + i);
  });
  CHECK(ring.size() == 1000);
  CHECK(ring.full());
  auto seen = ring.values();
  std::sort(seen.begin(), seen.end());
  CHECK(seen == from_to(0, 999));
}
