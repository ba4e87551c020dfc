// SPDX-License-Identifier: MIT

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <tarn/value/options.hpp>

#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;
using tarn::options;

static_assert(std::is_aggregate_v<options>);

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

std::string refusal(const options& o) {
  return message_of([&] { tarn::validate(o); });
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("options are absent and valid by default", "[options]") {
  const options o;
  CHECK(refusal(o) == "no error");
  CHECK(o.name.empty());
  CHECK_FALSE(o.initial_objects.has_value());
  CHECK_FALSE(o.initial_bytes.has_value());
  CHECK_FALSE(o.max_objects.has_value());
  CHECK_FALSE(o.max_bytes.has_value());
  CHECK_FALSE(o.capacity.has_value());
  CHECK_FALSE(o.limit_bytes.has_value());
  CHECK_FALSE(o.large_cache_bytes.has_value());
  CHECK_FALSE(o.shard_bytes.has_value());
  CHECK_FALSE(o.slab_bytes.has_value());
  CHECK_FALSE(o.keep_capacity_bytes.has_value());
  CHECK_FALSE(o.default_capacity.has_value());
  CHECK_FALSE(o.cleanup_interval.has_value());
  CHECK(o.zeroing == tarn::zeroing::none);
  CHECK(o.closing == tarn::closing::orphan);
}

TEST_CASE("options are written by name", "[options]") {
  const options o{.name = "frames", .max_bytes = 64 << 20, .zeroing = tarn::zeroing::secure};
  CHECK(o.name == "frames");
  CHECK(o.max_bytes == std::size_t{64} << 20);
  CHECK(o.zeroing == tarn::zeroing::secure);
  CHECK(refusal(o) == "no error");
}

TEST_CASE("the presets have their numbers and are valid", "[options]") {
  const options standard = options::standard();
  CHECK(standard.initial_objects == 100u);
  CHECK(standard.max_objects == 1000u);
  CHECK(standard.cleanup_interval == 5min);
  CHECK(refusal(standard) == "no error");

  const options high = options::high_throughput();
  CHECK(high.initial_objects == 1000u);
  CHECK(high.max_objects == 10000u);
  CHECK(high.cleanup_interval == 1min);
  CHECK(refusal(high) == "no error");

  const options constrained = options::constrained();
  CHECK(constrained.initial_objects == 100u);
  CHECK(constrained.max_objects == 1000u);
  CHECK(constrained.cleanup_interval == 30s);
  CHECK(refusal(constrained) == "no error");
}

TEST_CASE("for_rate holds ten seconds of operations, and twice that at most", "[options]") {
  CHECK(options::for_rate(100).initial_objects == 1000u);
  CHECK(options::for_rate(100).max_objects == 2000u);
  CHECK(options::for_rate(1000, 2s).initial_objects == 2000u);
  CHECK(options::for_rate(1000, 1ms).initial_objects == 1u);
  CHECK(refusal(options::for_rate(12345)) == "no error");
  CHECK_FALSE(options::for_rate(100).cleanup_interval.has_value());
}

TEST_CASE("for_rate rounds up, and nothing at all stays nothing", "[options]") {
  CHECK(options::for_rate(0.25).initial_objects == 3u);
  CHECK(options::for_rate(0.25).max_objects == 6u);
  CHECK(options::for_rate(0).initial_objects == 0u);
  CHECK(options::for_rate(1000, 0s).initial_objects == 0u);
}

TEST_CASE("for_rate refuses what is no rate", "[options]") {
  const auto refused = [](double rate, std::chrono::nanoseconds hold) {
    return message_of([&] { (void)options::for_rate(rate, hold); });
  };
  CHECK(has(refused(-1, 10s), "operations_per_second -1"));
  // 2^40, or all that a size can count.
  const std::size_t most = sizeof(std::size_t) == 8 ? std::size_t{1099511627776} : PTRDIFF_MAX;
  CHECK(has(refused(std::numeric_limits<double>::infinity(), 10s), std::to_string(most)));
  CHECK(has(refused(std::numeric_limits<double>::quiet_NaN(), 10s), "operations_per_second"));
  CHECK(has(refused(100, -1ns), "hold ns -1 must be at least 0"));
  CHECK(has(refused(1e9, 10000s), "objects held at once 10000000000000"));
}

TEST_CASE("true zero can be said", "[options]") {
  options o;
  o.initial_objects = 0;
  o.initial_bytes = 0;
  o.max_objects = 0;
  o.max_objects_by_tier = {0};
  o.max_bytes = 0;
  o.capacity = 0;
  o.limit_bytes = 0;
  o.large_cache_bytes = 0;
  o.shard_bytes = 0;
  o.keep_capacity_bytes = 0;
  o.default_capacity = 0;
  o.cleanup_interval = 0ns;
  CHECK(refusal(o) == "no error");
  CHECK(o.max_objects.has_value());
  CHECK(*o.max_objects == 0);
}

TEST_CASE("options that contradict each other are refused by name, value and limit", "[options]") {
  CHECK(refusal({.initial_objects = 101, .max_objects = 100}) ==
        "tarn: initial_objects 101 must be at most max_objects, 100");
  CHECK(refusal({.initial_objects = 1, .max_objects = 0}) ==
        "tarn: initial_objects 1 must be at most max_objects, 0");
  CHECK(refusal({.initial_objects = 9, .max_objects_by_tier = {16, 8, 12}}) ==
        "tarn: initial_objects 9 must be at most the least of max_objects_by_tier, 8");
  CHECK(refusal({.initial_objects = 8, .max_objects_by_tier = {16, 8, 12}}) == "no error");
  CHECK(refusal({.initial_objects = 11, .capacity = 10}) ==
        "tarn: initial_objects 11 must be at most capacity, 10");
  CHECK(refusal({.initial_bytes = 5000, .max_bytes = 4999}) ==
        "tarn: initial_bytes 5000 must be at most max_bytes, 4999");
  CHECK(refusal({.initial_bytes = (256u << 20) + 1}) ==
        "tarn: initial_bytes 268435457 must be at most max_bytes, 268435456");
  CHECK(refusal({.initial_bytes = 100001, .limit_bytes = 100000}) ==
        "tarn: initial_bytes 100001 must be at most limit_bytes, 100000");

  // The limits themselves are fine.
  CHECK(refusal({.initial_objects = 100, .max_objects = 100, .capacity = 100}) == "no error");
  CHECK(refusal({.initial_bytes = 5000, .max_bytes = 5000, .limit_bytes = 5000}) == "no error");
  CHECK(refusal({.initial_bytes = 256u << 20}) == "no error");
}

TEST_CASE("a slab is a power of two from 64 KiB to 1 GiB", "[options]") {
  CHECK(refusal({.slab_bytes = 0}) == "tarn: slab_bytes 0 must be at least 65536");
  CHECK(refusal({.slab_bytes = 2048}) == "tarn: slab_bytes 2048 must be at least 65536");
  CHECK(refusal({.slab_bytes = std::size_t{1} << 31}) ==
        "tarn: slab_bytes 2147483648 must be at most 1073741824");
  CHECK(refusal({.slab_bytes = 70000}) ==
        "tarn: slab_bytes 70000 must be a power of two from 65536 to 1073741824");
  for (std::size_t slab = 65536; slab <= std::size_t{1} << 30; slab *= 2) {
    CHECK(refusal({.slab_bytes = slab}) == "no error");
    CHECK(refusal({.slab_bytes = slab + 1}) != "no error");
  }
}

TEST_CASE("an interval is not negative", "[options]") {
  CHECK(refusal({.cleanup_interval = -5ns}) == "tarn: cleanup_interval ns -5 must be at least 0");
}

TEST_CASE("a choice is one of those there are", "[options]") {
  CHECK(refusal({.zeroing = static_cast<tarn::zeroing>(9)}) == "tarn: zeroing 9 must be at most 4");
  CHECK(refusal({.closing = static_cast<tarn::closing>(3)}) == "tarn: closing 3 must be at most 2");
  CHECK(refusal({.zeroing = tarn::zeroing::secure, .closing = tarn::closing::abort}) == "no error");
}
