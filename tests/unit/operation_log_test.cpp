// SPDX-License-Identifier: MIT
//
// operation_log: what goes in comes out, and bytes that are no log are refused.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/observe/operation_log.hpp>

#include "support/catch.hpp"
#include "support/threads.hpp"

namespace {

[[nodiscard]] std::string refusal(tarn::operation_log& log, std::span<const std::byte> bytes) {
  try {
    log.load(bytes);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

[[nodiscard]] std::vector<std::byte> log_of(std::initializer_list<int> content) {
  auto bytes = tarn::operation_log().save();
  for (const int b : content)
    bytes.push_back(static_cast<std::byte>(b));
  return bytes;
}

}  // namespace

TEST_CASE("a log gives back what it was told, also after it was saved", "[operation_log]") {
  tarn::operation_log log;
  const auto a = log.get(100);
  const auto b = log.get(5'000'000'000);
  log.put(a);
  std::thread([&] { log.put(b); }).join();
  tarn::operation_log other;
  other.load(log.save());
  for (const auto* l : {&log, &other}) {
    const auto all = l->all();
    REQUIRE(all.size() == 4);
    CHECK((all[0].is_get && all[0].size == 100 && all[0].ticket == 0 && all[0].thread == 0));
    CHECK((all[1].is_get && all[1].size == 5'000'000'000 && all[1].ticket == 1));
    CHECK((!all[2].is_get && all[2].size == 100 && all[2].ticket == 0 && all[2].thread == 0));
    CHECK((!all[3].is_get && all[3].ticket == 1 && all[3].thread == 1));
    CHECK(all[0].time == 0);
    CHECK((all[0].time <= all[1].time && all[1].time <= all[2].time && all[2].time <= all[3].time));
    CHECK(l->operations() == 4);
  }
  CHECK(other.save() == log.save());
  CHECK_THROWS_AS(log.put(a), std::invalid_argument);  // a second time
  CHECK_THROWS_AS(other.put(b), std::invalid_argument);
  CHECK_THROWS_AS(other.put(2), std::invalid_argument);
  CHECK(other.get(7) == 2);  // goes on where it ended
  CHECK(other.all().size() == 5);
}

TEST_CASE("a full log takes no more, and counts what it did not take", "[operation_log]") {
  tarn::operation_log log(100);
  std::vector<std::uint64_t> tickets;
  for (int i = 0; i != 1000; ++i)
    tickets.push_back(log.get(64));
  CHECK(log.size_bytes() <= 100);
  CHECK(log.operations() + log.dropped() == 1000);
  CHECK(log.operations() >= 10);
  CHECK(tickets.back() == tarn::operation_log::no_ticket);
  log.put(tickets.back());
  CHECK(log.operations() + log.dropped() == 1000);
  tarn::operation_log none(0);
  CHECK(none.get(1) == tarn::operation_log::no_ticket);
  CHECK(none.dropped() == 1);
}

TEST_CASE("bytes that are no log are refused, and nothing has changed", "[operation_log]") {
  tarn::operation_log log;
  static_cast<void>(log.get(1));
  CHECK(refusal(log, {}) == "tarn: operation log, byte 0: does not begin as a log does");
  auto wrong = log_of({});
  wrong[7] = std::byte{2};  // another version
  CHECK(refusal(log, wrong) == "tarn: operation log, byte 0: does not begin as a log does");
  CHECK(refusal(log, log_of({1, 50})) == "tarn: operation log, byte 2: is cut off");
  CHECK(refusal(log, log_of({1, 128})) == "tarn: operation log, byte 2: is cut off");
  CHECK(refusal(log, log_of({0, 0, 0})) ==
        "tarn: operation log, byte 0: has a put of what is not out");
  CHECK(refusal(log, log_of({1, 5, 0, 0, 0, 0, 0, 0, 0})) ==  // twice
        "tarn: operation log, byte 6: has a put of what is not out");
  CHECK(refusal(log, log_of({1, 5, 0, 0, 1, 0})) ==
        "tarn: operation log, byte 3: has a put of what is not out");
  CHECK(refusal(log, log_of({1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0})) ==
        "tarn: operation log, byte 0: has a size that no block can have");
  CHECK(refusal(log, log_of({1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0})) ==
        "tarn: operation log, byte 11: has a number of more than 64 bits");
  CHECK(refusal(log, log_of({255, 255, 255, 255, 1, 5, 0})) ==
        "tarn: operation log, byte 0: has too many threads");
  CHECK(refusal(log, log_of({1, 5, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})) ==
        "tarn: operation log, byte 0: has a time that is too late");
  CHECK(log.operations() == 1);
}

TEST_CASE("random bytes are refused or replayed, but do no harm", "[operation_log]") {
  std::mt19937 random(5);
  tarn::byte_pool<tarn::no_lock> pool({.limit_bytes = 1 << 20});
  std::size_t good = 0;
  for (int turn = 0; turn != 5000; ++turn) {
    auto bytes = log_of({});
    const auto n = random() % 12;
    for (std::size_t i = 0; i != n; ++i)
      bytes.push_back(static_cast<std::byte>(random() % 4 == 0 ? random() % 256 : random() % 4));
    tarn::operation_log log;
    if (!refusal(log, bytes).empty()) continue;
    ++good;
    static_cast<void>(tarn::replay(log, pool));
  }
  CHECK(good > 50);
  CHECK(pool.occupancy().in_use() == 0);
}

TEST_CASE("four threads log at once", "[operation_log]") {
  tarn::byte_pool<> pool;
  tarn::operation_log log;
  tarn::logged_pool logged(pool, log);
  test::run_together(4, [&](std::size_t thread) {
    for (std::size_t i = 0; i != 500; ++i) {
      void* const p = logged.allocate(100 * (thread + 1));
      logged.deallocate(p, 100 * (thread + 1));
    }
  });
  CHECK(log.operations() == 4000);
  std::vector<int> per_thread(4);
  for (const auto& o : log.all())
    ++per_thread.at(o.thread);
  CHECK(per_thread == std::vector{1000, 1000, 1000, 1000});
  tarn::byte_pool<std::mutex> other;
  const auto result = tarn::replay(log, other);
  CHECK(result.gets == 2000);
  CHECK(result.difference.total().gets == 2000);
  CHECK(result.difference.total().puts == 2000);
}
