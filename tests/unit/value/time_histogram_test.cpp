// SPDX-License-Identifier: MIT
//
// The buckets of times, and what a histogram says about them.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <tarn/value/time_histogram.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using tarn::time_buckets;

TEST_CASE("each time is in the first bucket whose bound is not below it", "[value]") {
  CHECK(time_buckets::bucket_of(0) == 0);
  CHECK(time_buckets::upper_bound(0) == 64);
  for (std::size_t i = 0; i + 1 != time_buckets::count; ++i) {
    const auto bound = time_buckets::upper_bound(i);
    INFO(bound);
    CHECK(bound == std::uint64_t{64} << i);
    CHECK(time_buckets::bucket_of(bound - 1) == i);
    CHECK(time_buckets::bucket_of(bound) == i);
    CHECK(time_buckets::bucket_of(bound + 1) == i + 1);
  }
}

TEST_CASE("the last bucket takes all that is longer", "[value]") {
  constexpr auto last = time_buckets::count - 1;
  CHECK(time_buckets::upper_bound(last - 1) == 17'179'869'184u);
  CHECK(time_buckets::bucket_of(std::uint64_t{1} << 35) == last);
  CHECK(time_buckets::bucket_of(~std::uint64_t{0}) == last);
  CHECK(time_buckets::upper_bound(last) == ~std::uint64_t{0});
}

TEST_CASE("a share of the times is within the bound of the bucket in which it ends", "[value]") {
  tarn::time_histogram times;
  CHECK(times.empty());
  CHECK(times.count() == 0);
  CHECK(times.within(0.5) == tarn::time_span());
  times.counts.resize(time_buckets::count);
  CHECK_FALSE(times.empty());
  CHECK(times.within(0.5) == tarn::time_span());
  times.counts[1] = 50;
  times.counts[4] = 49;
  times.counts[10] = 1;
  CHECK(times.count() == 100);
  CHECK(times.within(0) == tarn::time_span(128ns));
  CHECK(times.within(0.5) == tarn::time_span(128ns));
  CHECK(times.within(0.51) == tarn::time_span(1024ns));
  CHECK(times.within(0.99) == tarn::time_span(1024ns));
  CHECK(times.within(1) == tarn::time_span(65536ns));
  times.counts[time_buckets::count - 1] = 1;
  CHECK(times.within(0.98) == tarn::time_span(1024ns));
  CHECK(times.within(1).count() == INT64_MAX);
}
