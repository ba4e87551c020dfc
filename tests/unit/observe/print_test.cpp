// SPDX-License-Identifier: MIT
//
// Snapshots as tables for readers, and the printer that prints them every few seconds.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <iomanip>
#include <locale>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/object_pool.hpp>
#include <tarn/observe/periodic_printer.hpp>
#include <tarn/observe/print.hpp>
#include <tarn/policy/check.hpp>
#include <tarn/policy/tiers.hpp>

#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;
using small_pool = tarn::byte_pool<std::mutex, tarn::counting_stats,
                                   tarn::traits<tarn::fixed_tiers<128, 1000, 4096>, tarn::checked>>;

tarn::snapshot scripted() {
  small_pool pool({.name = "frames", .max_objects = 2});
  std::vector<void*> out;
  for (int i = 0; i != 3; ++i)
    out.push_back(pool.allocate(100));
  for (void* const p : out)
    pool.deallocate(p, 100);
  pool.deallocate(out[0], 100);  // twice
  for (int i = 0; i != 5; ++i)
    static_cast<void>(pool.get(100));
  const auto kept = pool.get(1000);
  const auto large = pool.get(3 << 20);
  return pool.snapshot();
}

// A sink that waits for tables.
struct board {
  void add(std::string_view text) {
    const std::lock_guard hold(mutex);
    tables.emplace_back(text);
    changed.notify_all();
  }
  bool wait_for(std::size_t count) {
    std::unique_lock hold(mutex);
    return changed.wait_for(hold, 30s, [&] { return tables.size() >= count; });
  }
  std::size_t size() {
    const std::lock_guard hold(mutex);
    return tables.size();
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> tables;
};

std::vector<tarn::snapshot> one_pool() {
  tarn::snapshot s;
  s.name = "x";
  return {s};
}

}  // namespace

TEST_CASE("a table says first what matters most", "[observe]") {
  CHECK(tarn::to_string(scripted()) ==
        "pool 'frames': 128.0 KiB held, 9 gets, 55.6 % hits, 1 block (1.0 KiB) in use\n"
        "      tier       gets  hits %     in use       most       idle  idle bytes       left\n"
        "     128 B          8    62.5          0          3          3       384 B          1\n"
        "    1000 B          1     0.0          1          1          0         0 B          0\n"
        "     total          9    55.6          1          4          3       384 B          1\n"
        "  1 tier not used yet\n"
        "  peak: 3.1 MiB held of the source\n"
        "  left: 1 discarded\n"
        "  oversize: 1 gets, 1 in use (3.0 MiB)\n"
        "  misuse: 1 double_put\n");
}

TEST_CASE("a table of nothing is a line", "[observe]") {
  CHECK(tarn::to_string(tarn::snapshot{}) == "pool '': 0 B held, 0 gets, 0 blocks (0 B) in use\n");
  tarn::object_pool<int, tarn::no_lock> unused({.name = "ints"});
  CHECK(tarn::to_string(unused.snapshot()) ==
        "pool 'ints': 0 B held, 0 gets, 0 blocks (0 B) in use\n");
  auto odd = tarn::snapshot{};
  odd.name = "two\nlines";
  CHECK(tarn::to_string(odd).starts_with("pool 'two\\nlines': "));
}

TEST_CASE("what became of kept large blocks is shown", "[observe]") {
  tarn::snapshot s;
  s.large.kept = 2;
  s.large.kept_bytes = std::size_t{6} << 20;
  s.large.aged = 3;
  s.large.purged = 1;
  CHECK(tarn::to_string(s).find("  oversize: 2 kept (6.0 MiB), 3 aged, 1 purged\n") !=
        std::string::npos);
}

TEST_CASE("times are shown as what half and nearly all of them are within", "[observe]") {
  tarn::snapshot s;
  s.acquire_times.counts.assign(tarn::time_buckets::count, 0);
  s.waiting_times.counts.assign(tarn::time_buckets::count, 0);
  for (const auto* word : {"served", "waited"})
    CHECK(tarn::to_string(s).find(word) == std::string::npos);
  s.acquire_times.counts[0] = 98;
  s.acquire_times.counts[4] = 2;
  s.waiting_times.counts[15] = 1;
  s.waiting_times.counts.back() = 1;
  CHECK(tarn::to_string(s).find("  served: 50 % within 64 ns, 99 % within 1.0 us\n"
                                "  waited: 2 times, 50 % within 2.1 ms, 99 % within more than "
                                "17 s\n") != std::string::npos);
}

TEST_CASE("a difference is a table, too", "[observe]") {
  tarn::object_pool<int, tarn::no_lock> pool({.name = "ints"});
  static_cast<void>(pool.get());
  const auto before = pool.snapshot();
  for (int i = 0; i != 3; ++i)
    static_cast<void>(pool.get());
  const auto text = tarn::to_string(pool.snapshot() - before);
  CHECK(text.find("3 gets, 100.0 % hits") != text.npos);
  CHECK(text.find("objects:") == text.npos);  // the factory made one object before, and none since
}

TEST_CASE("bytes have the largest unit of which there is one", "[observe]") {
  using tarn::detail::bytes_text;
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1024) == "1.0 KiB");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text((1 << 20) - 1) == "1.0 MiB");  // not 1024.0 KiB
  CHECK(bytes_text(std::uint64_t{5} << 40) == "5.0 TiB");
  CHECK(bytes_text(~std::uint64_t{0}) == "16.0 EiB");
  using tarn::detail::size_text;
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(1000) == "1000 B");
  CHECK(size_text(1536) == "1536 B");
  CHECK(size_text(std::size_t{2} << 20) == "2 MiB");
}

TEST_CASE("a stream's locale and flags change nothing, and stay", "[observe]") {
  struct german : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new german));
  out << std::hex << std::setfill('*') << scripted();
  CHECK(out.str() == tarn::to_string(scripted()));
  out.str("");
  out << std::setw(5) << 255;
  CHECK(out.str() == "***ff");
}

TEST_CASE("a printer prints at its interval until it is stopped, any number of times",
          "[observe]") {
  board seen;
  std::atomic<int> reads{0};
  tarn::periodic_printer printer(
      [&] {
        ++reads;
        return std::vector{scripted(), scripted()};
      },
      5ms, [&](std::string_view text) { seen.add(text); });
  CHECK_FALSE(printer.running());
  printer.stop();  // before it was started
  std::size_t before = 0;
  for (int round = 0; round != 3; ++round) {
    CHECK(printer.start());
    CHECK_FALSE(printer.start());
    CHECK(printer.running());
    CHECK(seen.wait_for(before + 3));
    printer.stop();
    CHECK_FALSE(printer.running());
    before = seen.size();
    const auto reads_before = reads.load();
    std::this_thread::sleep_for(30ms);
    CHECK(seen.size() == before);
    CHECK(reads == reads_before);
  }
  for (const auto& table : seen.tables)
    CHECK(table == tarn::to_string(scripted()) + tarn::to_string(scripted()));
}

TEST_CASE("a printer that ends waits for its thread, in the middle of a table, too", "[observe]") {
  std::atomic<int> inside{0};
  std::atomic<bool> alive{true};
  std::atomic<bool> ending{false};
  std::atomic<bool> late{false};
  {
    tarn::periodic_printer printer(one_pool, 1ms, [&](std::string_view) {
      ++inside;
      while (!ending)
        std::this_thread::yield();
      std::this_thread::sleep_for(50ms);
      if (!alive) late = true;
    });
    printer.start();
    while (inside == 0)
      std::this_thread::yield();
    ending = true;
  }
  alive = false;
  const int tables = inside;
  std::this_thread::sleep_for(60ms);
  CHECK_FALSE(late);
  CHECK(inside == tables);
}

TEST_CASE("a printer ends at once, however long it would wait", "[observe]") {
  CHECK(tarn::periodic_printer::default_interval().count() == 5'000'000'000);
  board seen;
  {
    // Longer than any test may take.
    tarn::periodic_printer printer(one_pool, std::chrono::hours(1),
                                   [&](std::string_view text) { seen.add(text); });
    printer.start();
    printer.print();  // at once, on this thread
    CHECK(seen.size() == 1);
  }
  CHECK(seen.size() == 1);  // no output at the start
}

TEST_CASE("a printer goes on when something throws, and counts it", "[observe]") {
  board seen;
  std::atomic<int> turn{0};
  tarn::periodic_printer printer(
      [&]() -> std::vector<tarn::snapshot> {
        if (turn++ % 2 == 0) throw std::runtime_error("not now");
        return one_pool();
      },
      1ms,
      [&](std::string_view text) {
        seen.add(text);
        if (seen.size() % 2 == 0) throw 1;
      });
  printer.start();
  CHECK(seen.wait_for(4));
  printer.stop();
  CHECK(printer.failures() >= 4 + 1);
  turn = 0;  // whatever number the thread reached
  CHECK_THROWS_AS(printer.print(), std::runtime_error);
}

TEST_CASE("a sink may stop its own printer", "[observe]") {
  board seen;
  tarn::periodic_printer* self = nullptr;
  tarn::periodic_printer printer(one_pool, 1ms, [&](std::string_view text) {
    self->stop();
    seen.add(text);
    seen.add(self->start() ? "started" : "refused");
    seen.add(self->running() ? "running" : "stopping");
  });
  self = &printer;
  for (std::size_t round = 1; round != 4; ++round) {
    // The previous printer may still be in its sink: the new one waits for it.
    CHECK(printer.start());
    CHECK(seen.wait_for(3 * round));
    CHECK(seen.tables[3 * round - 2] == "refused");
    CHECK(seen.tables[3 * round - 1] == "stopping");
  }
}

TEST_CASE("a printer of nothing is refused", "[observe]") {
  CHECK_THROWS_AS(tarn::periodic_printer({}), std::invalid_argument);
  CHECK_THROWS_AS(tarn::periodic_printer(one_pool, 1s, {}), std::invalid_argument);
  CHECK_THROWS_AS(tarn::periodic_printer(one_pool, 0s), std::invalid_argument);
  CHECK_THROWS_AS(tarn::periodic_printer(one_pool, -1s), std::invalid_argument);
}
