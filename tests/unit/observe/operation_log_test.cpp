// SPDX-License-Identifier: MIT
//
// operation_log: a saved log is read back unchanged, and bytes that are no log are refused.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/detail/writing/crc32c.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/operations/replay.hpp>

#include "support/catch.hpp"
#include "support/sanitizer.hpp"

namespace {

using bytes = std::vector<std::byte>;

[[nodiscard]] std::string refusal(std::span<const std::byte> saved) {
  try {
    static_cast<void>(tarn::operation_log::load(saved));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

[[nodiscard]] bytes with_checksum(bytes content) {
  tarn::detail::crc32c sum;
  sum.update(content);
  for (unsigned shift = 0; shift != 32; shift += 8)
    content.push_back(static_cast<std::byte>(sum.value() >> shift));
  return content;
}

/// A saved log of the given number of operations with this content, which may be wrong.
[[nodiscard]] bytes log_of(int operations, std::initializer_list<int> content) {
  bytes made = tarn::operation_log().save();
  made.resize(8);
  for (const int b : {operations, 0, 0, 0})
    made.push_back(static_cast<std::byte>(b));
  for (const int b : content)
    made.push_back(static_cast<std::byte>(b));
  return with_checksum(made);
}

/// A log of three threads with all kinds of entries.
[[nodiscard]] tarn::operation_log some_log() {
  tarn::operation_recorder recorder({.max_blocks = 100});
  std::byte memory[300];
  recorder.add_put(memory + 299);  // never seen
  for (int thread = 0; thread != 3; ++thread) {
    std::thread([&] {
      for (int i = 0; i != 30; ++i) {
        recorder.add_get(memory + 40 * thread + i, static_cast<std::size_t>(1) << i % 14);
        if (i % 3 != 0) recorder.add_put(memory + 40 * thread + i - i % 2);
      }
    }).join();
  }
  for (int i = 0; i != 3; ++i)
    recorder.add_get(memory, 7);  // without a put in between
  for (int i = 0; i != 100; ++i)
    recorder.add_get(memory + 200 + i, 1);  // too many
  return recorder.log();
}

}  // namespace

TEST_CASE("a log gives back what it was told, also after it was saved", "[operation_log]") {
  tarn::operation_recorder recorder;
  std::byte blocks[3];
  const std::size_t largest = std::numeric_limits<std::size_t>::max() >> 2;
  recorder.add_get(&blocks[0], 100);
  recorder.add_get(&blocks[1], 5'000'000'000);
  recorder.add_put(&blocks[0]);
  std::thread([&] { recorder.add_put(&blocks[1]); }).join();
  recorder.add_get(&blocks[2], largest);
  recorder.add_get(&blocks[0], 0);
  recorder.add_put(&blocks[2]);
  const auto log = recorder.log();
  const auto other = tarn::operation_log::load(log.save());
  for (const auto* l : {&log, &other}) {
    const auto all = l->all();
    REQUIRE(all.size() == 7);
    CHECK((all[0].is_get && all[0].size == 100 && all[0].ticket == 0 && all[0].thread == 0));
    CHECK((all[1].is_get && all[1].size == 5'000'000'000 && all[1].ticket == 1));
    CHECK((!all[2].is_get && all[2].size == 100 && all[2].ticket == 0 && all[2].thread == 0));
    CHECK((!all[3].is_get && all[3].ticket == 1 && all[3].thread == 1));
    CHECK((all[4].is_get && all[4].size == largest && all[4].thread == 0));
    CHECK((all[5].is_get && all[5].size == 0 && all[5].ticket == 3));
    CHECK((!all[6].is_get && all[6].size == largest && all[6].ticket == 2));
    CHECK(all[0].time == 0);
    std::size_t back = 0;
    for (std::size_t i = 1; i != all.size(); ++i)
      back += all[i].time < all[i - 1].time;
    CHECK(back == 0);
    CHECK(l->operations() == 7);
    CHECK(l->gets() == 4);
    CHECK(l->threads() == 2);
    CHECK(l->sizes() ==
          std::vector<tarn::weighted_size>{{0, 1}, {100, 1}, {5'000'000'000, 1}, {largest, 1}});
  }
  CHECK(other == log);
  CHECK(other.save() == log.save());
  CHECK(tarn::operation_log::load(tarn::operation_log().save()) == tarn::operation_log());
}

TEST_CASE("a log goes through files and other iterators, with what it lacks", "[operation_log]") {
  const auto log = some_log();
  CHECK(log.dropped() > 0);
  CHECK(log.unseen_puts() > 0);
  CHECK(log.unheard_puts() == 2);
  CHECK(log.threads() >= 2);  // a new thread may continue with the number of one that ended
  std::stringstream file;
  log.save(std::ostreambuf_iterator<char>(file));
  CHECK(tarn::operation_log::load(std::istreambuf_iterator<char>(file), {}) == log);
  std::vector<std::byte> saved;
  log.save(std::back_inserter(saved));
  CHECK(tarn::operation_log::load(saved.begin(), saved.end()) == log);
  CHECK(saved == log.save());
}

TEST_CASE("sizes come ascending, each once", "[operation_log]") {
  tarn::operation_recorder recorder;
  std::byte block{};
  for (const std::size_t size : {9u, 5u, 9u, 1u, 9u, 5u}) {
    recorder.add_get(&block, size);
    recorder.add_put(&block);
  }
  CHECK(recorder.log().sizes() == std::vector<tarn::weighted_size>{{1, 1}, {5, 2}, {9, 3}});
  CHECK(tarn::operation_log().sizes().empty());
}

TEST_CASE("bytes that are no log are refused with place and reason", "[operation_log]") {
  CHECK(refusal({}) == "tarn: operation log, byte 0: is cut off");
  CHECK(refusal(bytes(5)) == "tarn: operation log, byte 0: does not begin as a log does");
  auto wrong = some_log().save();
  const auto good = wrong;
  wrong[7] = std::byte{1};
  CHECK(refusal(wrong) == "tarn: operation log, byte 7: has version 1, only 2 is known");
  CHECK(refusal(std::span(good).first(10)) == "tarn: operation log, byte 10: is cut off");
  wrong = good;
  wrong[20] ^= std::byte{64};
  const auto end = std::to_string(good.size() - 4);
  CHECK(refusal(wrong) == "tarn: operation log, byte " + end +
                              ": is the checksum of other bytes: changed or cut off");

  // Faults that a checksum does not detect. The operations begin at byte 12.
  const std::string at = "tarn: operation log, byte ";
  CHECK(refusal(log_of(0, {})).empty());
  CHECK(refusal(log_of(2, {1 + 4 * 5, 0, 0, 0})).empty());
  CHECK(refusal(log_of(1, {})) == at + "8: promises 1 operations, but has 0");
  CHECK(refusal(log_of(1, {1 + 4 * 5, 0, 1, 0})) == at + "8: promises 1 operations, but has 2");
  CHECK(refusal(log_of(1, {1 + 4 * 5})) == at + "13: has a number that is cut off");
  CHECK(refusal(log_of(1, {1, 128})) == at + "13: has a number that is cut off");
  CHECK(refusal(log_of(1, {0, 0})) == at + "12: has a put of what is not out");
  CHECK(refusal(log_of(3, {1, 0, 0, 0, 0, 0})) == at + "16: has a put of what is not out");
  CHECK(refusal(log_of(2, {1, 0, 4, 0})) == at + "14: has a put of what is not out");
  CHECK(refusal(log_of(1, {1 + 2, 1, 0})) == at + "12: has thread 1 after 0 threads");
  CHECK(refusal(log_of(2, {1, 0, 1 + 2, 2, 0})) == at + "14: has thread 2 after 1 threads");
  CHECK(refusal(log_of(1, {255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0})) ==
        at + "12: has a number of more than 64 bits");
  CHECK(refusal(log_of(1, {1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})) ==
        at + "12: has a time that is too late");
  CHECK(refusal(with_checksum(bytes(good.begin(), good.begin() + 9))) ==
        at + "8: has a number that is cut off");
}

TEST_CASE("every change of a byte and every cut is refused", "[operation_log]") {
  const auto good = some_log().save();
  REQUIRE(refusal(good).empty());
  std::size_t taken = 0;
  for (std::size_t i = 0; i != good.size(); ++i) {
    taken += refusal(std::span(good).first(i)).empty();
    auto changed = good;
    for (int value = 0; value < 256; value += test::slowdown == 1 ? 1 : 9) {
      changed[i] = static_cast<std::byte>(value);
      if (changed[i] != good[i]) taken += refusal(changed).empty();
    }
  }
  CHECK(taken == 0);
}

TEST_CASE("with a checksum that fits, a changed log is refused or can be replayed",
          "[operation_log]") {
  const auto saved = some_log().save();
  const bytes good(saved.begin(), saved.end() - 4);
  tarn::byte_pool<tarn::no_lock> pool({.limit_bytes = 1 << 20});
  std::size_t refused = 0;
  std::size_t played = 0;
  std::size_t wrong = 0;
  const auto try_out = [&](const bytes& content) {
    tarn::operation_log log;
    try {
      log = tarn::operation_log::load(with_checksum(content));
    } catch (const std::invalid_argument& e) {
      wrong += std::string(e.what()).find("tarn: operation log, byte ") != 0;
      ++refused;
      return;
    }
    ++played;
    const auto sizes = log.sizes();
    if (!sizes.empty() && sizes.back().size > 1 << 20) return;  // no need to request such memory
    const auto result = tarn::replay(log, pool);
    wrong += result.gets + result.failed != log.gets();
    wrong += tarn::operation_log::load(log.save()) != log;
  };
  for (std::size_t i = 0; i != good.size(); ++i) {
    try_out({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i)});
    auto changed = good;
    for (int value = 0; value < 256; value += 3 * test::slowdown + static_cast<int>(i) % 7) {
      changed[i] = static_cast<std::byte>(value);
      try_out(changed);
    }
  }
  std::mt19937 random(5);
  for (int turn = 0; turn != 5000; ++turn) {
    bytes noise = good;
    noise.resize(8);
    noise.push_back(static_cast<std::byte>(random() % 6));
    const auto n = 3 + random() % 15;
    for (std::size_t i = 0; i != n; ++i)
      noise.push_back(static_cast<std::byte>(random() % 8 == 0 ? random() % 256 : random() % 4));
    try_out(noise);
  }
  CHECK(wrong == 0);
  CHECK(refused > 1000);
  CHECK(played > 1000);
  CHECK(pool.occupancy().in_use() == 0);
}
