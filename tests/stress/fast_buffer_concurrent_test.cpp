// SPDX-License-Identifier: MIT
//
// Several threads append records while another one takes the content: no record is torn, lost,
// doubled or out of its writer's order.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/fast_fixture.hpp"
#include "support/policy_matrix.hpp"
#include "support/threads.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t writers = 3;

struct header {
  std::uint32_t writer;
  std::uint32_t number;
  std::uint64_t size;  // of the body
};

// The byte at `at` of a record's body: no two records have the same bytes.
std::byte sign(const header& h, std::size_t at) {
  return static_cast<std::byte>(h.writer * 97 + h.number * 31 + at * 7 + (at >> 8));
}

void fill(const header& h, std::span<std::byte> body) {
  for (std::size_t i = 0; i != body.size(); ++i)
    body[i] = sign(h, i);
}

/// Reads records one after the other and counts their faults.
class reader {
 public:
  void read(std::span<const std::byte> all) {
    while (!all.empty()) {
      header h{};
      if (all.size() < sizeof h) return torn();
      std::memcpy(&h, all.data(), sizeof h);
      all = all.subspan(sizeof h);
      if (h.writer >= writers || h.size > all.size()) return torn();
      misplaced += h.number != next[h.writer];  // lost or doubled, too
      next[h.writer] = h.number + 1;
      for (std::size_t i = 0; i != h.size; ++i) {
        if (all[i] != sign(h, i)) return torn();
      }
      all = all.subspan(h.size);
      ++records;
    }
  }
  void torn() { ++broken; }

  std::size_t records = 0;
  std::size_t broken = 0;
  std::size_t misplaced = 0;
  std::uint32_t next[writers] = {};
};

/// Records of `least` to `least + span` bytes; the taker pauses between looks, so that blocks grow.
template <class P>
void write_and_take(std::size_t least, std::size_t span, std::uint32_t each) {
  test::byte_fixture<P> pool;
  reader found;
  std::size_t wrong_sizes = 0;
  std::size_t taken_bytes = 0;
  std::size_t takes = 0;
  {
    test::policy_writer_of<P> b(*pool);
    std::atomic<std::size_t> writing{writers};
    test::run_together(writers + 1, [&](std::size_t me) {
      if (me == writers) {
        for (std::size_t turn = 0; writing.load() != 0; ++turn) {
          if (turn % 8 != 0) {
            static_cast<void>(b.size());
            std::this_thread::yield();
            continue;
          }
          const auto out = b.take();
          takes += !out.empty();
          taken_bytes += out.size();
          found.read(out.bytes());
        }
        return;
      }
      std::vector<std::byte> record(sizeof(header) + least + span);
      const std::span<std::byte> all(record);
      for (std::uint32_t i = 0; i != each; ++i) {
        const header h{static_cast<std::uint32_t>(me), i, least + (i * 613 + me * 101) % span};
        std::memcpy(record.data(), &h, sizeof h);
        const auto body = all.subspan(sizeof h, h.size);
        fill(h, body);
        switch (i % 3) {
          case 0:
            b.append(all.first(sizeof h + h.size));
            break;
          case 1:
            b.append(all.first(sizeof h), body);
            break;
          default:
            while (!b.try_append(all.first(sizeof h), body)) {
            }
        }
      }
      writing.fetch_sub(1);
    });
    const auto size = b.size();
    const auto rest = b.take();
    wrong_sizes += size != rest.size();
    takes += !rest.empty();
    taken_bytes += rest.size();
    found.read(rest.bytes());
    if constexpr (P::stats::counts) {
      CHECK(b.numbers().bytes == taken_bytes);
      CHECK(b.numbers().peak_bytes <= taken_bytes);
    }
    if constexpr (requires { b.history(); }) {
      const auto told = b.history();
      const auto sum = [](const auto& n) { return std::reduce(n.begin(), n.end()); };
      CHECK(sum(told.blocks) + told.large_blocks == b.numbers().growths);
      CHECK(sum(told.size_histogram) == takes);
    }
  }
  CHECK(found.broken == 0);
  CHECK(found.misplaced == 0);
  CHECK(found.records == writers * each);
  CHECK(wrong_sizes == 0);
  CHECK(pool.imbalance() == "");
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("records of 1 to 4 KiB arrive whole, once and in order", "[fast_buffer]",
                        test::concurrent_policy) {
  INFO(test::name_of<TestType>());
  write_and_take<TestType>(kib, 3 * kib, 500);
}

TEMPLATE_LIST_TEST_CASE("small records that seldom need room arrive whole, once and in order",
                        "[fast_buffer]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  write_and_take<TestType>(1, 60, 20000);
}

TEMPLATE_LIST_TEST_CASE("appends that fail now and then lose nothing but themselves",
                        "[fast_buffer]", test::every_concurrent_lock) {
  INFO(test::name_of<TestType>());
  test::byte_fixture<TestType> pool;
  std::size_t bytes = 0;
  std::size_t strays = 0;
  std::atomic<std::size_t> appended{0};
  {
    // No more than 64 KiB: many writers meet the bound at the same time.
    test::policy_writer_of<TestType> b(*pool, {.max_bytes = 64 * kib});
    const auto look = [&](auto&& out) {
      bytes += out.size();
      for (const auto x : out)
        strays += x != std::byte{'s'};
    };
    std::atomic<std::size_t> writing{writers};
    test::run_together(writers + 1, [&](std::size_t me) {
      if (me == writers) {
        while (writing.load() != 0)
          look(b.take());
        return;
      }
      const std::string piece(1 + me * 977, 's');
      for (int i = 0; i != 3000; ++i) {
        if (b.try_append(piece)) appended.fetch_add(piece.size());
      }
      writing.fetch_sub(1);
    });
    look(b.take());
  }
  CHECK(bytes == appended);
  CHECK(strays == 0);
  CHECK(pool.imbalance() == "");
}
