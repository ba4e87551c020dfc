// SPDX-License-Identifier: MIT
//
// The cost of cutting and queueing: counted in bytes requested from the heap, which include the
// moved ones.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tarn/chain.hpp>

#include "support/catch.hpp"
#include "support/heap_count.hpp"

namespace {

constexpr std::size_t piece_bytes = 256;

tarn::chain chain_of(tarn::byte_pool<>& pool, std::size_t pieces) {
  tarn::chain c(pool);
  for (std::size_t i = 0; i != pieces; ++i)
    c.append(pool.get(piece_bytes));
  return c;
}

/// Bytes requested from the heap while `action` ran.
template <class Action>
std::size_t heap_bytes_of(Action&& action) {
  const auto before = test::heap_bytes.load();
  action();
  return test::heap_bytes.load() - before;
}

/// The largest request to the heap while `action` ran.
template <class Action>
std::size_t largest_of(Action&& action) {
  test::heap_largest = 0;
  action();
  return test::heap_largest.load();
}

/// Bytes that outlive all handles; they are never read.
tarn::shared_buffer vast(std::size_t size) {
  static const std::byte first{};
  return tarn::shared_buffer::of_static(std::span(&first, size));
}

}  // namespace

TEST_CASE("a cut costs the pieces on its shorter side", "[chain]") {
  tarn::byte_pool<> pool;
  constexpr std::size_t pieces = 4000;
  constexpr std::size_t handle = sizeof(tarn::shared_buffer);
  for (const std::size_t inside : {std::size_t{0}, piece_bytes / 2}) {
    INFO(inside);
    auto c = chain_of(pool, pieces);
    std::size_t cuts = 0;
    CHECK(heap_bytes_of([&] {
            while (c.size() > piece_bytes + inside) {
              const auto front = c.split_to(piece_bytes + inside);
              cuts += front.size() == piece_bytes + inside;
            }
          }) <= 3 * handle * pieces);
    CHECK(cuts >= pieces / 2);
    c = chain_of(pool, pieces);
    CHECK(heap_bytes_of([&] {
            while (c.size() > piece_bytes + inside)
              cuts += c.split_off(c.size() - piece_bytes - inside).empty();
          }) <= 3 * handle * pieces);
    // The returned part may be the long one.
    c = chain_of(pool, pieces);
    CHECK(heap_bytes_of([&] {
            for (std::size_t i = 0; i != pieces / 2; ++i)
              c = c.split_off(piece_bytes + inside / 2);
          }) <= 3 * handle * pieces);
    c = chain_of(pool, pieces);
    CHECK(heap_bytes_of([&] {
            for (std::size_t i = 0; i != pieces / 2; ++i)
              c = c.split_to(c.size() - piece_bytes - inside / 2);
          }) <= 3 * handle * pieces);
  }
}

TEST_CASE("cuts at the ends and dropped bytes take nothing from the heap", "[chain]") {
  tarn::byte_pool<> pool;
  auto c = chain_of(pool, 1000);
  const auto size = c.size();
  CHECK(heap_bytes_of([&] {
          c = c.split_off(0);
          c = c.split_to(c.size());
          CHECK(c.split_off(c.size()).empty());
          CHECK(c.split_to(0).empty());
          CHECK(c.size() == size);
          c.remove_prefix(10 * piece_bytes + 7);
          c.remove_suffix(10 * piece_bytes + 7);
          CHECK(c.size() == size - 20 * piece_bytes - 14);
          CHECK(c.pieces() == 980);
        }) == 0);
}

TEST_CASE("a queue keeps constant memory, wherever its cuts fall and whichever way it goes",
          "[chain]") {
  tarn::byte_pool<> pool;
  constexpr int turns = 20000;
  constexpr std::size_t few = 4096;  // bytes: some hundred pieces would be more
  for (const std::size_t cut : {piece_bytes, piece_bytes / 2, std::size_t{1}}) {
    INFO(cut);
    tarn::chain c(pool, 0);
    c.append(pool.get(piece_bytes - cut));
    const auto largest_in = [&](int turns_with, auto&& take, auto&& add) {
      return largest_of([&] {
        for (int i = 0; i != turns_with; ++i) {
          add(pool.get(cut));
          add(pool.get(piece_bytes - cut));
          take();
        }
      });
    };
    const auto push_back = [&](tarn::buffer b) { c.append(std::move(b)); };
    const auto push_front = [&](tarn::buffer b) { c.prepend(std::move(b)); };
    const auto drop_front = [&] { c.remove_prefix(piece_bytes); };
    const auto drop_back = [&] { c.remove_suffix(piece_bytes); };
    const auto cut_front = [&] { c.split_to(piece_bytes).clear(); };
    const auto cut_back = [&] { c.split_off(c.size() - piece_bytes).clear(); };
    static_cast<void>(largest_in(10, drop_front, push_back));  // after this the pool has its slabs
    CHECK(largest_in(turns, drop_front, push_back) < few);
    CHECK(largest_in(turns, cut_front, push_back) < few);
    CHECK(largest_in(turns, drop_back, push_front) < few);
    CHECK(largest_in(turns, cut_back, push_front) < few);
    CHECK(c.size() == piece_bytes - cut);
  }
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("a queue that was long gives the places of its pieces back", "[chain]") {
  tarn::byte_pool<> pool;
  auto c = chain_of(pool, 20000);
  c.remove_prefix(c.size() - piece_bytes);
  for (int i = 0; i != 40000; ++i) {
    c.append(pool.get(piece_bytes));
    c.remove_prefix(piece_bytes);
  }
  // A long array that was kept would have to be moved as a whole to grow.
  CHECK(largest_of([&] {
          for (int i = 0; i != 1000; ++i)
            c.append(pool.get(piece_bytes));
        }) < 4096 * sizeof(tarn::shared_buffer));
}

TEST_CASE("adding and dropping at either end costs O(1) for each piece on average", "[chain]") {
  tarn::byte_pool<> pool;
  const auto piece = pool.get_shared(piece_bytes);
  constexpr std::size_t pieces = 1000;
  constexpr std::size_t turns = 4000;
  // Alternates at the limits of the array's room.
  for (const int most : {1, 2, 3, 5, 600}) {
    INFO(most);
    auto c = chain_of(pool, pieces);
    const auto added = static_cast<std::size_t>(most) * turns;
    CHECK(heap_bytes_of([&] {
            for (std::size_t i = 0; i != turns; ++i) {
              for (int k = 0; k != most; ++k)
                i % 2 == 0 ? c.prepend(piece) : c.append(piece);
              for (int k = 0; k != most; ++k)
                i % 3 == 0 ? c.remove_suffix(piece_bytes) : c.remove_prefix(piece_bytes);
            }
          }) <= 8 * sizeof(tarn::shared_buffer) * (added + pieces));
    CHECK(c.pieces() == pieces);
  }
}

TEST_CASE("a buffer of no bytes adds nothing to a chain, takes nothing, and is given back",
          "[chain]") {
  tarn::byte_pool<> pool;
  for (const std::size_t copy_below : {std::size_t{0}, std::size_t{100}}) {
    tarn::chain c(pool, copy_below);
    auto last = pool.get(0);
    auto first = pool.get(0);
    auto shared = pool.get_shared(0);
    CHECK(test::heap_calls_of([&] {
            c.append(std::move(last));
            c.prepend(std::move(first));
            c.append(shared);
            c.prepend(std::move(shared));
            c.append("");
            c.append(tarn::buffer());
            c.prepend(tarn::buffer());
          }) == 0);
    CHECK(c.pieces() == 0);
    CHECK(pool.occupancy().in_use() == 0);
  }
}

TEST_CASE("a small piece for which there is no block of the usual size is no refusal", "[chain]") {
  tarn::byte_pool<> pool({.capacity = 1});
  const auto taken = pool.get(4096);  // the only block of the size of those for copied pieces
  tarn::chain c(pool);
  c.append("a small piece");
  c.append(std::string(200, 'x'));  // in a block of another tier
  CHECK(c.size() == 213);
  CHECK(c.pieces() == 2);
  for (const auto n : pool.occupancy().refusals)
    CHECK(n == 0);
}

TEST_CASE("a chain accepts its own bytes and pieces", "[chain]") {
  tarn::byte_pool<> pool;
  tarn::chain c(pool);
  std::string s;
  const auto same = [&] {
    std::string all;
    for (const auto& p : c)
      all += p.view();
    return all == s && c.size() == s.size();
  };
  c.append("0123456789");
  s = "0123456789";
  for (int i = 0; i != 12; ++i) {
    const auto front = c.begin()->view();
    s += std::string(front);
    c.append(front);  // copied behind its own original
    REQUIRE(same());
    s += std::string(c.begin()->view());
    c.append(*c.begin());
    REQUIRE(same());
    s += s.substr(0, 1);
    c.append(c.begin()->slice(0, 1));
    REQUIRE(same());
    s = s.substr(0, 1) + s;
    c.prepend(c.begin()->slice(0, 1));
    REQUIRE(same());
    if (i % 4 == 3) {
      c.append(c);
      s += s;
      REQUIRE(same());
      c.append(c.coalesce());
      s += s;
      REQUIRE(same());
    }
  }
  c.append(std::move(c));
  CHECK(same());
}

TEST_CASE("more bytes than a number can count are refused, and nothing has changed", "[chain]") {
  constexpr auto quarter = std::size_t{1} << (std::numeric_limits<std::size_t>::digits - 2);
  tarn::byte_pool<> pool;
  tarn::chain c(pool);
  for (int i = 0; i != 3; ++i)
    c.append(vast(quarter));
  c.append(vast(quarter - 10));
  const auto size = c.size();
  CHECK(size == SIZE_MAX - 9);
  c.append("012345678");
  CHECK(c.size() == SIZE_MAX);
  const auto pieces = c.pieces();
  CHECK_THROWS_WITH(c.append(vast(quarter)), "tarn: bytes added to a chain " +
                                                 std::to_string(quarter) + " must be at most 0");
  CHECK_THROWS_AS(c.append("x"), std::length_error);
  CHECK_THROWS_AS(c.prepend(vast(1)), std::length_error);
  CHECK_THROWS_AS(c.append(c), std::length_error);
  auto b = pool.get(10);
  CHECK_THROWS_AS(c.append(std::move(b)), std::length_error);
  CHECK(b.size() == 10);  // NOLINT(bugprone-use-after-move): a refused one stays
  CHECK_THROWS_AS(c.prepend(std::move(b)), std::length_error);
  CHECK(b.size() == 10);  // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(c.append(pool.get_shared(1000)), std::length_error);
  CHECK_THROWS_AS(c.coalesce(), std::length_error);
  CHECK(c.size() == SIZE_MAX);
  CHECK(c.pieces() == pieces);
  c.remove_prefix(3 * quarter);
  CHECK(c.size() == quarter - 1);
}

TEST_CASE("what a chain keeps is a sum that does not overflow either", "[chain]") {
  constexpr auto half = std::size_t{1} << (std::numeric_limits<std::size_t>::digits - 3);
  static const std::byte first{};
  tarn::byte_pool<> pool;
  const auto part = pool.adopt(std::span(&first, half), [] {}).slice(0, 200);
  tarn::chain c(pool);
  for (int i = 0; i != 7; ++i)
    c.append(part);
  CHECK(c.retained_bytes() == 7 * (half + 64));
  c.append(part);
  CHECK_THROWS_AS(c.retained_bytes(), std::length_error);
}
