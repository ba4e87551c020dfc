// SPDX-License-Identifier: MIT
//
// Question: how does cost grow with a number that the user decides?
//
// Each row does n operations on, or beside, n objects, for n from 100 to a million or as far as
// memory and a few seconds allow. The row shows the time of one operation, and the slope of all of
// them: the exponent of n that fits the times best. A slope of 1 is linear in total, so one
// operation always costs the same; caches of the processor add up to a tenth where a million
// objects are touched. A row that promises only a logarithm says so.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <time.h>

#include <tarn/observe/advice.hpp>
#include <tarn/observe/event_log.hpp>
#include <tarn/observe/json.hpp>
#include <tarn/observe/leaks.hpp>
#include <tarn/observe/operations/operation_recorder.hpp>
#include <tarn/observe/operations/replay.hpp>
#include <tarn/observe/print.hpp>
#include <tarn/observe/prometheus.hpp>
#include <tarn/observe/registry.hpp>
#include <tarn/tarn.hpp>

#include "support/options.hpp"

namespace {

/// The processor time of the measured code: other programs on the machine don't count.
class stopwatch {
 public:
  template <class Action>
  void run(Action&& action) {
    const auto begin = now();
    action();
    spent_ += now() - begin;
  }
  [[nodiscard]] double nanoseconds() const { return spent_; }

 private:
  [[nodiscard]] static double now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  }
  double spent_ = 0;
};

struct row {
  const char* name;
  std::size_t most;
  bool is_linear;  // otherwise O(n log n) in total
  std::function<void(std::size_t n, stopwatch& watch)> work;
};

/// Accepts text and counts its bytes.
class text_sink {
 public:
  using difference_type = std::ptrdiff_t;
  text_sink() = default;
  text_sink& operator*() noexcept { return *this; }
  text_sink& operator++() noexcept { return *this; }
  text_sink operator++(int) noexcept { return *this; }
  text_sink& operator=(char) noexcept {
    ++length_;
    return *this;
  }

 private:
  std::size_t length_ = 0;
};

using small_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                   tarn::traits<tarn::fixed_tiers<128>>>;

/// Addresses that are never touched, each used once, so that the heap's own cost is not measured.
struct address_source {
  static void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    static char* next = [] {
      void* const made = mmap(nullptr, std::size_t{1} << 40, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      return made == MAP_FAILED ? nullptr : static_cast<char*>(made);
    }();
    if (next == nullptr) return nullptr;
    const auto at = reinterpret_cast<std::uintptr_t>(next);
    char* const block = next + ((alignment - at % alignment) % alignment);
    next = block + bytes;
    return block;
  }
  static void deallocate(void*, std::size_t, std::size_t) noexcept {}
};
using large_pool =
    tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                    tarn::traits<tarn::fixed_tiers<128>, tarn::no_check, address_source>>;
const tarn::options keeps_large{.large_cache_bytes = std::size_t{1} << 40};

/// n blocks above the last tier, of sizes from `size` on, `step` apart.
template <class Pool>
std::vector<typename Pool::buffer> take(Pool& pool, std::size_t n, std::size_t size,
                                        std::size_t step) {
  std::vector<typename Pool::buffer> out;
  out.reserve(n);
  for (std::size_t i = 0; i != n; ++i)
    out.push_back(pool.get(size + i * step));
  return out;
}
void large_pairs(std::size_t n, stopwatch& watch, std::size_t step, bool in_use) {
  large_pool pool(keeps_large);
  auto out = take(pool, n, 200, step);
  if (!in_use) out.clear();
  watch.run([&] {
    for (std::size_t i = 0; i != n; ++i)
      pool.put(pool.get(step == 0 ? 1000 : 200 + i * 7919 % n * step));
  });
}

/// One pool, published under n names.
struct published {
  explicit published(std::size_t n) : registry(n) {
    names.reserve(n);
    for (std::size_t i = 0; i != n; ++i)
      names.push_back("pool-" + std::to_string(i));
  }
  void publish() {
    for (const auto& name : names)
      tokens.push_back(registry.publish(pool, name));
  }

  small_pool pool;
  tarn::pool_registry registry;
  std::vector<std::string> names;
  std::vector<tarn::publication> tokens;
};
template <class Action>
void with_published(std::size_t n, stopwatch& watch, Action&& action) {
  published all(n);
  all.publish();
  watch.run([&] { action(all); });
}
template <class Action>
void with_snapshots(std::size_t n, stopwatch& watch, Action&& action) {
  published all(n);
  all.publish();
  const auto snapshots = all.registry.snapshots();
  watch.run([&] { action(std::span<const tarn::snapshot>(snapshots)); });
}

tarn::chain pieces(std::size_t n) {
  auto& pool = tarn::default_pool();
  tarn::chain made(pool, 0);
  for (std::size_t i = 0; i != n; ++i)
    made.append(pool.get_shared(64));
  return made;
}

std::size_t sink = 0;

const row rows[] = {
    {"large cache: pair beside n idle", 1'000'000, true,
     [](std::size_t n, stopwatch& w) { large_pairs(n, w, 0, false); }},
    {"large cache: pairs of n sizes, idle", 100'000, false,
     [](std::size_t n, stopwatch& w) { large_pairs(n, w, 16, false); }},
    {"large cache: pair beside n in use", 1'000'000, true,
     [](std::size_t n, stopwatch& w) { large_pairs(n, w, 0, true); }},
    {"large cache: n age", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       large_pool pool(keeps_large);
       take(pool, n, 200, 0).clear();
       w.run([&] {
         for (int second = 0; second != 40; ++second)
           pool.maintain(tarn::time_span::of_seconds(second));
       });
     }},
    {"large cache: n are trimmed", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       large_pool pool(keeps_large);
       take(pool, n, 200, 16).clear();
       w.run([&] { pool.trim(); });
     }},
    {"slabs: n gets, n puts", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       small_pool pool;
       w.run([&] { take(pool, n, 100, 0).clear(); });
     }},
    {"registry: publish n, unpublish n", 100'000, false,
     [](std::size_t n, stopwatch& w) {
       published all(n);
       w.run([&] {
         all.publish();
         all.tokens.clear();
       });
     }},
    {"registry: find n by name", 100'000, false,
     [](std::size_t n, stopwatch& w) {
       with_published(n, w, [](published& all) {
         for (const auto& name : all.names)
           sink += all.registry.find(name).alive();
       });
     }},
    {"registry: snapshots of n", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_published(n, w, [](published& all) { sink += all.registry.snapshots().size(); });
     }},
    {"registry: validate n", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_published(n, w, [](published& all) { sink += all.registry.validate().has_value(); });
     }},
    {"/metrics of n pools", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_snapshots(n, w, [](auto all) { tarn::write_prometheus(text_sink(), all); });
     }},
    {"JSON of n pools", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_snapshots(n, w, [](auto all) { tarn::write_json(text_sink(), all); });
     }},
    {"expvar of n pools", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_snapshots(n, w, [](auto all) { tarn::write_debug_vars(text_sink(), all); });
     }},
    {"tables of n pools", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       with_snapshots(n, w, [](auto all) {
         for (const auto& s : all)
           tarn::write_table(text_sink(), s);
       });
     }},
    {"event log: watch n pools, switch debug", 10'000, true,
     [](std::size_t n, stopwatch& w) {
       std::vector<std::unique_ptr<small_pool>> pools;
       for (std::size_t i = 0; i != n; ++i)
         pools.push_back(std::make_unique<small_pool>());
       tarn::event_log log;
       std::vector<tarn::pool_watch> watches;
       w.run([&] {
         for (auto& pool : pools)
           watches.push_back(log.watch(*pool));
         log.set_debug(true);
         watches.clear();
       });
     }},
    {"event log: add n, copy n", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::event_log log(n);
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i)
           log.add_event({});
         sink += log.events().size();
       });
     }},
    {"live blocks: n at n places", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::leak_report report;
       w.run([&] {
         for (std::uint32_t i = 1; i <= n; ++i)
           report.add({nullptr, i, 1, 0, i, {"growth.cpp", i}}, 0);
         report.sort();
       });
     }},
    {"recorder: n gets and puts, replayed", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       small_pool pool;
       tarn::operation_recorder recorder({.max_bytes = 16 * n, .max_blocks = n});
       w.run([&] {
         {
           const auto watching = recorder.watch(pool);
           take(pool, n, 100, 0).clear();
         }
         sink += tarn::replay(recorder.log(), pool).operations;
       });
     }},
    {"advise: n different sizes", 100'000, false,
     [](std::size_t n, stopwatch& w) {
       std::vector<tarn::weighted_size> sizes;
       for (std::size_t i = 1; i <= n; ++i)
         sizes.push_back({i * 64, i % 17 + 1});
       w.run([&] { sink += tarn::advise(sizes, 12).sizes.size(); });
     }},
    {"runtime tiers of n sizes", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       std::vector<std::size_t> sizes;
       for (std::size_t i = 0; i != n; ++i)
         sizes.push_back(1000 * (i % 64 + 1));
       w.run([&] { sink += tarn::runtime_tiers(std::span<const std::size_t>(sizes)).count(); });
     }},
    {"messages: n quotas come and go", 100'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::message_pool<> pool({.capacity = n});
       w.run([&] {
         std::vector<tarn::message_pool<>::consumer_type> consumers;
         for (std::size_t i = 0; i != n; ++i)
           consumers.push_back(pool.consumer(1));
       });
     }},
    {"messages: a quota of n comes and goes", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::message_pool<> pool({.capacity = n});
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i)
           static_cast<void>(pool.consumer(n));
       });
     }},
    {"message: n headers", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::message m;
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i)
           m.headers.add("trace", "4bf92f35");
       });
     }},
    {"record batch: n records", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::record_batch batch;
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i)
           batch.add().value.assign("hello");
       });
     }},
    {"chain: n pieces, split off one by one", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       auto all = pieces(n);
       w.run([&] {
         while (!all.empty())
           sink += all.split_to(64).size();
       });
     }},
    {"chain: a queue, cut inside pieces", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       auto all = pieces(n);
       w.run([&] {
         while (all.size() > 40)
           all.remove_prefix(40);
       });
     }},
    {"fast buffer: n appends of 16 bytes", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::fast_buffer out;
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i)
           out.append(std::string_view("0123456789abcdef"));
       });
     }},
    {"fast buffer: append and consume beside n", 1'000'000, true,
     [](std::size_t n, stopwatch& w) {
       tarn::fast_buffer out;
       for (std::size_t i = 0; i != n; ++i)
         out.append(std::string_view("0123456789abcdef"));
       w.run([&] {
         for (std::size_t i = 0; i != n; ++i) {
           out.append(std::string_view("0123456789abcdef"));
           out.consume(16);
         }
       });
     }},
};

/// The exponent that fits best: the slope of a line through the logarithms. Fixed costs hide the
/// growth for small n, so the fit starts at a thousand, if there are larger numbers.
double slope_of(const std::vector<std::pair<double, double>>& points) {
  double x = 0;
  double y = 0;
  double xx = 0;
  double xy = 0;
  for (const auto& [n, time] : points) {
    x += std::log(n);
    y += std::log(time);
    xx += std::log(n) * std::log(n);
    xy += std::log(n) * std::log(time);
  }
  const auto count = static_cast<double>(points.size());
  return (count * xy - x * y) / (count * xx - x * x);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::options::parse(argc, argv);
  const std::size_t most = options.smoke ? 1000 : options.quick ? 100'000 : 1'000'000;
  const int rounds = options.smoke || options.quick ? 1 : 5;
  std::printf("%-42s", "ns per operation, n =");
  for (std::size_t n = 100; n <= most; n *= 10)
    std::printf("%10zu", n);
  std::printf("   slope of all\n");
  for (const auto& r : rows) {
    std::printf("%-42s", r.name);
    std::vector<std::pair<double, double>> points;
    bool goes_on = true;
    for (std::size_t n = 100; n <= most; n *= 10) {
      if (n > r.most || !goes_on) {
        std::printf("%10s", "");
        continue;
      }
      // A few operations take less time than the clock can measure: repeats them and takes the best
      // time.
      const int repeats = n >= 100'000 ? 2 : rounds;
      double best = 0;
      for (int i = 0; i != repeats && goes_on; ++i) {
        stopwatch watch;
        r.work(n, watch);
        best = i == 0 ? watch.nanoseconds() : std::min(best, watch.nanoseconds());
        goes_on = best < 3e9;  // ten times as many would take a minute
      }
      std::printf("%10.0f", best / static_cast<double>(n));
      std::fflush(stdout);
      if (n >= 1000 || most <= 1000) {
        points.emplace_back(static_cast<double>(n), std::max(best, 1.0));
      }
    }
    const double slope = slope_of(points);
    const bool is_good = slope <= (r.is_linear ? 1.1 : 1.3);
    std::printf("   %5.2f%s%s\n", slope, r.is_linear ? "" : "  (n log n)",
                is_good ? "" : "  STEEP");
  }
  return sink == 1 ? 1 : 0;  // uses the computed values
}
