// SPDX-License-Identifier: MIT
//
// The directory from address to slab: what was set is found, and nothing else.

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>

#include <tarn/detail/depot/directory.hpp>
#include <tarn/detail/frontend/native_env.hpp>

#include "support/catch.hpp"

namespace {

using env = tarn::detail::native_env;
constexpr unsigned unit_bits = 16;
constexpr std::size_t unit = std::size_t{1} << unit_bits;

struct covered {
  std::uint64_t number = 0;
};
using directory = tarn::detail::directory<env, covered>;

void* address(std::uint64_t n) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(n)); }

}  // namespace

TEST_CASE("an empty directory finds nothing at any address", "[directory]") {
  const directory d(unit_bits, tarn::detail::own_memory());
  for (std::uint64_t n : {std::uint64_t{0}, std::uint64_t{unit}, std::uint64_t{1} << 47,
                          (std::uint64_t{1} << 48) - 1, std::uint64_t{1} << 48, ~std::uint64_t{0}})
    CHECK(d.find(address(n)) == nullptr);
}

TEST_CASE("a range is found from its first byte to its last, and not beside", "[directory]") {
  directory d(unit_bits, tarn::detail::own_memory());
  covered slab;
  const std::uint64_t first = std::uint64_t{7} * unit;
  REQUIRE(d.make_room(address(first), 3 * unit));
  CHECK(d.find(address(first)) == nullptr);  // room alone covers nothing
  d.set(address(first), 3 * unit, &slab);
  CHECK(d.find(address(first)) == &slab);
  CHECK(d.find(address(first + 3 * unit - 1)) == &slab);
  CHECK(d.find_known(address(first + unit)) == &slab);
  CHECK(d.find(address(first - 1)) == nullptr);
  CHECK(d.find(address(first + 3 * unit)) == nullptr);
  d.set(address(first), 3 * unit, nullptr);
  CHECK(d.find(address(first)) == nullptr);
}

TEST_CASE("a range may reach over the borders of the directory's nodes", "[directory]") {
  directory d(unit_bits, tarn::detail::own_memory());
  covered slab;
  // 4096 units are one leaf, 4096 leaves one middle node.
  for (const std::uint64_t border :
       {std::uint64_t{4096} * unit, std::uint64_t{4096} * 4096 * unit}) {
    const auto first = border - unit;
    REQUIRE(d.make_room(address(first), 2 * unit));
    d.set(address(first), 2 * unit, &slab);
    CHECK(d.find(address(border - 1)) == &slab);
    CHECK(d.find(address(border)) == &slab);
    CHECK(d.find(address(border + unit)) == nullptr);
  }
}

TEST_CASE("an address beyond 48 bits is refused, and is never found", "[directory]") {
  directory d(unit_bits, tarn::detail::own_memory());
  const std::uint64_t end = std::uint64_t{1} << 48;
  CHECK_FALSE(d.make_room(address(end), unit));
  CHECK_FALSE(d.make_room(address(end - unit), 2 * unit));
  REQUIRE(d.make_room(address(end - unit), unit));
  covered slab;
  d.set(address(end - unit), unit, &slab);
  CHECK(d.find(address(end - 1)) == &slab);
  CHECK(d.find(address(end)) == nullptr);
  CHECK(d.find(address(end + end - unit)) == nullptr);  // the same lower 48 bits
}

TEST_CASE("a directory agrees with a map over random ranges that come and go", "[directory]") {
  directory d(unit_bits, tarn::detail::own_memory());
  std::map<std::uint64_t, covered*> wanted;  // by unit
  covered slabs[50];
  std::mt19937_64 random(1);
  for (int turn = 0; turn != 2000; ++turn) {
    const auto at = random() % (std::uint64_t{1} << 20);
    const auto units = 1 + random() % 40;
    covered* const slab = random() % 3 == 0 ? nullptr : &slabs[random() % 50];
    REQUIRE(d.make_room(address(at * unit), units * unit));
    d.set(address(at * unit), units * unit, slab);
    for (auto u = at; u != at + units; ++u)
      wanted[u] = slab;
  }
  std::size_t wrong = 0;
  for (const auto& [u, slab] : wanted)
    wrong += d.find(address(u * unit + random() % unit)) != slab;
  CHECK(wrong == 0);
}
