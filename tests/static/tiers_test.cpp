// SPDX-License-Identifier: MIT
//
// Every ready table of tiers as a list, and the types that are tier tables; the compiler runs all
// but the last test.

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include <tarn/policy/runtime_tiers.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

template <class Tiers, std::size_t N>
constexpr bool is_list(const std::size_t (&sizes)[N]) {
  if (Tiers::count() != N) return false;
  for (std::size_t i = 0; i < N; ++i) {
    if (Tiers::size_of(i) != sizes[i]) return false;
    if (Tiers::tier_for(sizes[i]) != i) return false;
    if (Tiers::tier_for(sizes[i] - 1) != i && sizes[i] - 1 != (i == 0 ? 0 : sizes[i - 1])) {
      return false;
    }
    const std::size_t next = Tiers::tier_for(sizes[i] + 1);
    if (i + 1 < N ? next != i + 1 : next < N) return false;
  }
  return Tiers::tier_for(0) == 0 && Tiers::tier_for(static_cast<std::size_t>(-1)) >= N;
}

// The ready tables.
static_assert(is_list<tarn::power_of_two_tiers<>>({128, 256, 512, 1 * kib, 2 * kib, 4 * kib,
                                                   8 * kib, 16 * kib, 32 * kib, 64 * kib, 128 * kib,
                                                   256 * kib, 512 * kib, 1 * mib, 2 * mib}));
static_assert(is_list<tarn::stream_tiers>({1 * kib, 4 * kib, 16 * kib, 32 * kib, 64 * kib,
                                           128 * kib, 256 * kib}));
static_assert(is_list<tarn::kafka_tiers>({512, 1 * kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib,
                                          1 * mib, 4 * mib, 16 * mib}));
static_assert(is_list<tarn::page_tiers>({4 * kib, 8 * kib, 16 * kib, 32 * kib, 64 * kib, 128 * kib,
                                         256 * kib, 512 * kib, 1 * mib, 2 * mib, 4 * mib}));
static_assert(is_list<tarn::small_tiers>({32, 64, 128, 256, 512, 1 * kib, 2 * kib, 4 * kib, 8 * kib,
                                          16 * kib, 32 * kib, 64 * kib}));
static_assert(is_list<tarn::cache_tiers>({512, 4096, 16384}));

// Other ends, other sizes, one size.
static_assert(is_list<tarn::power_of_two_tiers<16, 16>>({16}));
static_assert(is_list<tarn::power_of_two_tiers<64, 512>>({64, 128, 256, 512}));
static_assert(is_list<tarn::fixed_tiers<1, 2, 3, 15, 16, 17, 4095, 4096, 4097, 4099, 100000>>(
    {1, 2, 3, 15, 16, 17, 4095, 4096, 4097, 4099, 100000}));
static_assert(is_list<tarn::fixed_tiers<std::size_t{1} << 40>>({std::size_t{1} << 40}));
static_assert(is_list<tarn::single_tier<24>>({24}));

// Types that are tier tables.
static_assert(tarn::tier_table<tarn::power_of_two_tiers<>>);
static_assert(tarn::tier_table<tarn::stream_tiers>);
static_assert(tarn::tier_table<tarn::single_tier<100>>);
static_assert(tarn::tier_table<tarn::runtime_tiers>);
static_assert(tarn::power_of_two_tiers<>::is_static);
static_assert(tarn::stream_tiers::is_static);
static_assert(!tarn::runtime_tiers::is_static);

struct my_tiers {
  static constexpr bool is_static = true;
  static constexpr std::size_t count() noexcept { return 1; }
  static constexpr std::size_t size_of(std::size_t) noexcept { return 100; }
  static constexpr std::size_t tier_for(std::size_t n) noexcept { return n > 100; }
};
static_assert(tarn::tier_table<my_tiers>);

// Types that are not.
struct without_is_static {
  std::size_t count() const noexcept { return 1; }
  std::size_t size_of(std::size_t) const noexcept { return 100; }
  std::size_t tier_for(std::size_t n) const noexcept { return n > 100; }
};
struct may_throw : my_tiers {
  static constexpr std::size_t tier_for(std::size_t n) { return n > 100; }
};
struct needs_to_change : my_tiers {
  std::size_t tier_for(std::size_t n) noexcept { return n > 100; }
};
struct returns_int : my_tiers {
  static constexpr int count() noexcept { return 1; }
};
struct stays_where_it_is : my_tiers {
  stays_where_it_is() = default;
  stays_where_it_is(const stays_where_it_is&) = delete;
};
static_assert(!tarn::tier_table<int>);
static_assert(!tarn::tier_table<std::string>);
static_assert(!tarn::tier_table<without_is_static>);
static_assert(!tarn::tier_table<may_throw>);
static_assert(!tarn::tier_table<needs_to_change>);
static_assert(!tarn::tier_table<returns_int>);
static_assert(!tarn::tier_table<stays_where_it_is>);

// Common sizes end their bucket, so that the look-up alone finds their tier: multiples of 16 up to
// 4 KiB, and above that 16 sizes per doubling.
constexpr bool ends_its_bucket(std::size_t n) {
  return tarn::detail::bucket_of(n) + 1 == tarn::detail::bucket_of(n + 1);
}
static_assert([] {
  for (std::size_t n = 0; n <= 4096; n += 16) {
    if (!ends_its_bucket(n)) return false;
  }
  for (std::size_t from = 4096; from < tarn::detail::max_tier_bytes; from *= 2) {
    for (std::size_t i = 1; i <= 16; ++i) {
      if (!ends_its_bucket(from + i * from / 16)) return false;
    }
  }
  return true;
}());

// A static table takes no room in a pool; a run-time table is a member.
static_assert(std::is_empty_v<tarn::power_of_two_tiers<>>);
static_assert(std::is_empty_v<tarn::stream_tiers>);
static_assert(std::is_trivially_copyable_v<tarn::runtime_tiers>);
static_assert(sizeof(tarn::runtime_tiers) <= 1280);

}  // namespace

TEST_CASE("a ladder answers at run time as it does at compile time", "[static]") {
  using tiers = tarn::kafka_tiers;
  constexpr std::array<std::size_t, 6> sizes{0, 512, 513, 4 * kib, mib + 1, 16 * mib};
  constexpr auto at_compile_time = [](const auto& all) {
    std::array<std::size_t, 6> found{};
    for (std::size_t i = 0; i != all.size(); ++i)
      found[i] = tiers::tier_for(all[i]);
    return found;
  }(sizes);
  auto unknown = sizes;
  asm volatile("" : : "r"(unknown.data()) : "memory");  // no longer constants
  for (std::size_t i = 0; i != unknown.size(); ++i)
    CHECK(tiers::tier_for(unknown[i]) == at_compile_time[i]);
}
