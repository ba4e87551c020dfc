// SPDX-License-Identifier: MIT
//
// Question: how far is each pool from the least possible cost, and from the best allocator?
//
// Every figure is a ratio. The floor is an array of pointers and its fill level, behind a
// thread-local pointer; floor and subject alternate in rounds of some milliseconds. Allocators that
// replace malloc run in separate processes, which alternate with ours, and each is measured against
// its own floor. "best" is the fastest of glibc malloc, mimalloc, jemalloc and tcmalloc, as far as
// they are installed.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include <tarn/byte_pool.hpp>
#include <tarn/policy/lock_free.hpp>
#include <tarn/policy/recording_stats.hpp>
#include <tarn/policy/spin_lock.hpp>

#if __has_include(<boost/pool/pool.hpp>)
#include <boost/pool/pool.hpp>
#define BENCH_HAS_BOOST 1
#else
#define BENCH_HAS_BOOST 0
#endif
#if __has_include(<foonathan/memory/memory_pool.hpp>)
#include <foonathan/memory/memory_pool.hpp>
#define BENCH_HAS_FOONATHAN 1
#else
#define BENCH_HAS_FOONATHAN 0
#endif

#include "support/children.hpp"
#include "support/options.hpp"
#include "support/ratio.hpp"
#include "support/report.hpp"
#include "support/two_threads.hpp"

namespace {

using bench::allocator;
using bench::barrier;
using bench::fitting;
using bench::hide;
using bench::keep;
using bench::measurements;
using bench::run_child;
using bench::say;
using bench::times_faster;

constexpr std::size_t small_size = 100;  // lies in the 128-byte tier
constexpr std::size_t burst = 64;

// --- subjects: get(size) and put(block, size) ----------------------------------------------------

struct on_floor {
  static void* get(std::size_t) noexcept { return bench::floor_stack::get(); }
  static void put(void* p, std::size_t) noexcept { bench::floor_stack::put(p); }
};

struct on_malloc {
  static void* get(std::size_t size) noexcept { return std::malloc(size); }
  static void put(void* p, std::size_t) noexcept { std::free(p); }
};

/// With the size passed to the return, which spares some allocators a search.
struct on_new {
  static void* get(std::size_t size) { return ::operator new(size); }
  static void put(void* p, std::size_t size) noexcept { ::operator delete(p, size); }
};

template <class Pool>
struct raw {
  Pool& pool;
  void* get(std::size_t size) { return pool.allocate(size); }
  void put(void* p, std::size_t size) noexcept { pool.deallocate(p, size); }
};

/// The compiler knows the size.
template <class Pool>
struct raw_of_known_size {
  Pool& pool;
  void* get(std::size_t) { return pool.allocate(small_size); }
  void put(void* p, std::size_t) noexcept { pool.deallocate(p, small_size); }
};
struct on_default_pool {
  static void* get(std::size_t) { return tarn::default_pool().allocate(small_size); }
  static void put(void* p, std::size_t) noexcept { tarn::default_pool().deallocate(p, small_size); }
};

#if BENCH_HAS_BOOST
struct on_boost {
  boost::pool<>& pool;
  void* get(std::size_t) { return pool.malloc(); }
  void put(void* p, std::size_t) { pool.free(p); }
};
#endif

#if BENCH_HAS_FOONATHAN
struct on_foonathan {
  foonathan::memory::memory_pool<>& pool;
  void* get(std::size_t) { return pool.allocate_node(); }
  void put(void* p, std::size_t) { pool.deallocate_node(p); }
};
#endif

void touch(void* p) noexcept { *static_cast<unsigned char*>(p) = 1; }

// --- workloads -----------------------------------------------------------------------------------

/// One get and one put. The compiler knows the size in neither of them.
template <class Subject>
[[nodiscard]] auto pairs(Subject subject) {
  return [subject](std::size_t times) mutable {
    for (; times != 0; --times) {
      void* p = subject.get(hide(small_size));
      keep(p);
      touch(p);
      keep(p);
      subject.put(p, hide(small_size));
      barrier();
    }
  };
}

template <class Pool>
[[nodiscard]] auto handle_pairs(Pool& pool) {
  return [&pool](std::size_t times) {
    for (; times != 0; --times) {
      {
        auto b = pool.get(hide(small_size));
        auto* p = b.data();
        keep(p);
        touch(p);
        barrier();
      }
      barrier();
    }
  };
}

template <class Subject>
[[nodiscard]] auto bursts(Subject subject) {
  return [subject](std::size_t times) mutable {
    std::array<void*, burst> blocks;
    for (; times != 0; --times) {
      for (auto& p : blocks) {
        p = subject.get(hide(small_size));
        keep(p);
        touch(p);
      }
      for (auto& p : blocks) {
        keep(p);
        subject.put(p, hide(small_size));
        barrier();
      }
    }
  };
}

template <class Pool>
[[nodiscard]] auto handle_bursts(Pool& pool) {
  return [&pool](std::size_t times) {
    std::array<typename Pool::buffer, burst> buffers;
    for (; times != 0; --times) {
      for (auto& b : buffers) {
        b = pool.get(hide(small_size));
        auto* p = b.data();
        keep(p);
        touch(p);
      }
      for (auto& b : buffers) {
        b.reset();
        barrier();
      }
    }
  };
}

template <class Pool>
[[nodiscard]] auto bulks(Pool& pool) {
  return [&pool](std::size_t times) {
    std::array<void*, burst> blocks;
    for (; times != 0; --times) {
      pool.allocate_bulk(hide(small_size), blocks);
      for (auto& p : blocks) {
        keep(p);
        touch(p);
      }
      for (auto& p : blocks)
        keep(p);
      pool.deallocate_bulk(blocks, hide(small_size));
      barrier();
    }
  };
}

template <class Pool>
[[nodiscard]] auto handle_bulks(Pool& pool) {
  return [&pool](std::size_t times) {
    std::array<typename Pool::buffer, burst> buffers;
    for (; times != 0; --times) {
      pool.get_bulk(hide(small_size), buffers);
      for (auto& b : buffers) {
        auto* p = b.data();
        keep(p);
        touch(p);
      }
      barrier();
      pool.put_bulk(buffers);
      barrier();
    }
  };
}

[[nodiscard]] const std::vector<std::size_t>& random_sizes() {
  static const auto sizes = [] {
    std::mt19937 random(20240229);  // fixed: every process requests the same sizes
    std::uniform_int_distribution<std::size_t> size(1, std::size_t{2} << 20);
    std::vector<std::size_t> result(4096);
    for (auto& s : result)
      s = size(random);
    return result;
  }();
  return sizes;
}

template <class Subject>
[[nodiscard]] auto random_pairs(Subject subject) {
  return [subject, &sizes = random_sizes(), i = std::size_t{0}](std::size_t times) mutable {
    for (; times != 0; --times) {
      const std::size_t size = sizes[i++ % sizes.size()];
      void* p = subject.get(size);
      keep(p);
      touch(p);
      keep(p);
      subject.put(p, hide(size));
      barrier();
    }
  };
}

template <class Pool>
[[nodiscard]] auto random_handle_pairs(Pool& pool) {
  return [&pool, &sizes = random_sizes(), i = std::size_t{0}](std::size_t times) mutable {
    for (; times != 0; --times) {
      {
        auto b = pool.get(sizes[i++ % sizes.size()]);
        auto* p = b.data();
        keep(p);
        touch(p);
        barrier();
      }
      barrier();
    }
  };
}

/// Blocks of random sizes to 64 KiB, 1000 at a time: each round puts one of them, whichever, and
/// gets another. How many blocks of a size are out goes up and down, so caches must hold as many.
template <class Subject>
class live_blocks {
 public:
  explicit live_blocks(Subject subject) : subject_(subject) {
    std::mt19937 random(20240301);  // fixed: every process requests the same sizes
    std::uniform_int_distribution<std::size_t> size(1, std::size_t{64} << 10);
    std::uniform_int_distribution<std::size_t> place(0, live - 1);
    for (auto& s : sizes_)
      s = size(random);
    for (auto& p : places_)
      p = place(random);
    for (auto& b : blocks_) {
      b.size = size(random);
      b.block = subject_.get(b.size);
      std::memset(b.block, 1, b.size);
    }
  }
  live_blocks(const live_blocks&) = delete;
  live_blocks& operator=(const live_blocks&) = delete;
  ~live_blocks() {
    for (const auto& b : blocks_)
      subject_.put(b.block, b.size);
  }

  void operator()(std::size_t times) {
    for (; times != 0; --times, ++turn_) {
      auto& b = blocks_[places_[turn_ % places_.size()]];
      subject_.put(b.block, b.size);
      b.size = sizes_[turn_ * 7 % sizes_.size()];
      b.block = subject_.get(b.size);
      keep(b.block);
      touch(b.block);
      barrier();
    }
  }

 private:
  static constexpr std::size_t live = 1000;
  struct held {
    void* block = nullptr;
    std::size_t size = 0;
  };

  Subject subject_;
  std::size_t turn_ = 0;
  std::vector<std::size_t> sizes_ = std::vector<std::size_t>(65536);
  std::vector<std::size_t> places_ = std::vector<std::size_t>(32768);
  std::vector<held> blocks_ = std::vector<held>(live);
};

/// As many instructions as a pair by hand takes in its loop, and none that waits for another: what
/// the processor needs only to take them in.
struct nops {
  void operator()(std::size_t times) const {
    for (; times != 0; --times)
      asm volatile(".rept 32\n\tnop\n\t.endr" : : : "memory");
  }
};

// --- a check of the subjects ---------------------------------------------------------------------

template <class Subject>
void check(Subject subject) {
  std::array<unsigned char*, burst> blocks;
  for (std::size_t i = 0; i != burst; ++i) {
    blocks[i] = static_cast<unsigned char*>(subject.get(small_size));
    bench::demand(blocks[i] != nullptr, "a get gave nothing");
    std::memset(blocks[i], static_cast<int>(i), small_size);
  }
  for (std::size_t i = 0; i != burst; ++i) {
    bench::demand(std::all_of(blocks[i], blocks[i] + small_size,
                              [&](unsigned char byte) { return byte == i; }),
                  "two blocks overlap");
    subject.put(blocks[i], small_size);
  }
}

template <class Pool>
void check_home(const Pool& pool) {
  bench::demand(pool.occupancy().in_use() == 0, "a block was lost");
}

// --- one process ---------------------------------------------------------------------------------

void measure_malloc(const bench::effort& e) {
  check(on_malloc{});
  say("P1", ratios(e, pairs(on_floor{}), pairs(on_malloc{})));
  say("P2", ratios(e, bursts(on_floor{}), bursts(on_malloc{})));
  say("P3", ratios(e, random_pairs(on_floor{}), random_pairs(on_malloc{})));
  live_blocks live(on_new{});
  say("P3.live", ratios(e, random_pairs(on_floor{}), live));
}

using quiet_pool = tarn::byte_pool<tarn::thread_cached<>, tarn::no_stats>;
using single_pool =
    tarn::byte_pool<tarn::no_lock, tarn::no_stats, tarn::traits<tarn::single_tier<128>>>;

/// A lock policy and its name in a report.
template <class Lock>
struct with_lock {
  using lock = Lock;
  const char* name;
};

/// The cost of statistics is measured with each of these. As long as a program has only one thread,
/// glibc uses no atomics in a std::mutex, so the relative cost of statistics is highest there.
constexpr std::tuple locks{
    with_lock<tarn::thread_cached<>>{"thread_cached"}, with_lock<tarn::no_lock>{"no_lock"},
    with_lock<tarn::spin_lock>{"spin_lock"}, with_lock<std::mutex>{"std::mutex"},
    with_lock<tarn::lock_free>{"lock_free"}};

template <class Action>
void for_each_lock(Action&& action) {
  std::apply([&](const auto&... each) { (action(each), ...); }, locks);
}

/// Relative to a pool that does not count: a pair by hand and through a handle, and a burst.
template <class Quiet, class Pool>
void measure_stats(const bench::effort& e, const std::string& row, Quiet& quiet, Pool& pool) {
  const raw<Quiet> floor{quiet};
  const raw<Pool> subject{pool};
  check(subject);
  say((row + ".raw").c_str(), ratios(e, pairs(floor), pairs(subject)));
  say((row + ".handle").c_str(), ratios(e, handle_pairs(quiet), handle_pairs(pool)));
  say((row + ".burst").c_str(), ratios(e, bursts(floor), bursts(subject)));
  check_home(pool);
}

template <class Lock>
void measure_lock(const bench::effort& e, const char* name) {
  tarn::byte_pool<Lock, tarn::no_stats> quiet;
  tarn::byte_pool<Lock, tarn::counting_stats> counting;
  tarn::byte_pool<Lock, tarn::recording_stats> recording;
  check(raw<tarn::byte_pool<Lock, tarn::no_stats>>{quiet});
  measure_stats(e, std::string("C4.") + name, quiet, counting);
  measure_stats(e, std::string("R4.") + name, quiet, recording);
  check_home(quiet);
}

void measure_threads(bench::effort e) {
  if (std::thread::hardware_concurrency() < 2) return;
  e.by = bench::clock::wall;
  quiet_pool shared;
  quiet_pool first;
  quiet_pool second;
  bench::two_threads both;
  auto on_shared = pairs(raw<quiet_pool>{shared});
  auto on_first = pairs(raw<quiet_pool>{first});
  auto on_second = pairs(raw<quiet_pool>{second});
  // The second processor has slept until now, and takes some time to wake up.
  both.run(on_first, on_second, fitting(e, on_first) * 20);
  say("P12.raw", ratios(
                     e, [&](std::size_t n) { both.run(on_shared, on_shared, n); },
                     [&](std::size_t n) { both.run(on_first, on_second, n); }));
  auto handles_shared = handle_pairs(shared);
  auto handles_first = handle_pairs(first);
  auto handles_second = handle_pairs(second);
  say("P12.handle", ratios(
                        e, [&](std::size_t n) { both.run(handles_shared, handles_shared, n); },
                        [&](std::size_t n) { both.run(handles_first, handles_second, n); }));
  check_home(shared);
  // What a lock policy costs where two threads meet in one pool: against one thread that does the
  // work of both, and against malloc on two threads.
  auto on_heap = pairs(on_malloc{});
  for_each_lock([&](const auto& l) {
    using lock = typename std::decay_t<decltype(l)>::lock;
    if constexpr (tarn::is_concurrent_v<lock>) {
      tarn::byte_pool<lock, tarn::no_stats> met;
      auto on_met = pairs(raw<decltype(met)>{met});
      const auto meet = [&](std::size_t n) { both.run(on_met, on_met, n); };
      const auto key = std::string("P12.") + l.name;
      say((key + ".one").c_str(), ratios(e, meet, [&](std::size_t n) { on_met(2 * n); }));
      say((key + ".malloc").c_str(),
          ratios(e, meet, [&](std::size_t n) { both.run(on_heap, on_heap, n); }));
      check_home(met);
    }
  });
}

void measure_tarn(const bench::effort& e) {
  {
    quiet_pool pool;
    const raw<quiet_pool> subject{pool};
    check(subject);
    say("P1.raw", ratios(e, pairs(on_floor{}), pairs(subject)));
    say("P1.nops", ratios(e, pairs(on_floor{}), nops{}));
    say("P1.handle", ratios(e, pairs(on_floor{}), handle_pairs(pool)));
    const raw_of_known_size<quiet_pool> known{pool};
    say("P1c.known", ratios(e, pairs(on_floor{}), pairs(known)));
    say("P1c.default", ratios(e, pairs(on_floor{}), pairs(on_default_pool{})));
    say("P2.raw", ratios(e, bursts(on_floor{}), bursts(subject)));
    say("P2.handle", ratios(e, bursts(on_floor{}), handle_bursts(pool)));
    say("P2.bulk", ratios(e, bursts(on_floor{}), bulks(pool)));
    say("P2.handle_bulk", ratios(e, bursts(on_floor{}), handle_bulks(pool)));
    say("P3.raw", ratios(e, random_pairs(on_floor{}), random_pairs(subject)));
    say("P3.handle", ratios(e, random_pairs(on_floor{}), random_handle_pairs(pool)));
    {
      live_blocks live(subject);
      say("P3.live", ratios(e, random_pairs(on_floor{}), live));
    }
    check_home(pool);
  }
  for_each_lock(
      [&](const auto& l) { measure_lock<typename std::decay_t<decltype(l)>::lock>(e, l.name); });
  {
    single_pool pool;
    const raw<single_pool> subject{pool};
    check(subject);
    say("P6.pair", ratios(e, pairs(on_floor{}), pairs(subject)));
#if BENCH_HAS_BOOST
    boost::pool<> boosted(small_size);
    const on_boost peer{boosted};
    check(peer);
    say("P6.boost_pair", ratios(e, pairs(peer), pairs(subject)));
    say("P6.boost_burst", ratios(e, bursts(peer), bursts(subject)));
#endif
#if BENCH_HAS_FOONATHAN
    foonathan::memory::memory_pool<> foonathans(128, 64 * 1024);
    const on_foonathan other{foonathans};
    check(other);
    say("P6.foonathan_pair", ratios(e, pairs(other), pairs(subject)));
    say("P6.foonathan_burst", ratios(e, bursts(other), bursts(subject)));
#endif
    check_home(pool);
  }
  measure_threads(e);
}

// --- all processes -------------------------------------------------------------------------------

int run_all(const bench::options& o) {
  // Several short processes instead of one long process: the addresses that the loader chooses
  // matter, too.
  const std::size_t processes = o.smoke || o.quick ? 1 : 8;
  const std::string suffix = o.smoke ? "_smoke" : "";

  std::printf("compiler: %s\n", bench::compiler());
  const auto present = bench::present_allocators();
  if (!BENCH_HAS_BOOST) std::printf("skipped: boost::pool (Debian: libboost-dev)\n");
  if (!BENCH_HAS_FOONATHAN) std::printf("skipped: foonathan (Debian: libfoonathan-memory-dev)\n");

  measurements ours;
  std::map<std::string, measurements> theirs;
  for (std::size_t i = 0; i != processes; ++i) {
    bool good = run_child(nullptr, "tarn" + suffix, ours);
    for (const auto& a : present)
      good = good && run_child(a.library, "malloc" + suffix, theirs[a.name]);
    if (!good) {
      std::fprintf(stderr, "a measuring process failed\n");
      return 1;
    }
  }

  bench::report report;
  using bench::good;
  const auto add = [&](const char* row, const char* key, const char* what, good side,
                       std::optional<double> must, std::optional<double> aim) {
    if (ours[key].empty()) {
      std::printf("skipped: %s\n", what);
      return;
    }
    report.add({row, what, side, must, aim, bench::summarise(ours[key])});
  };
  const auto add_faster = [&](const char* row, const char* key, const char* what,
                              std::optional<double> must, std::optional<double> aim) {
    std::string best;
    for (const auto& [name, all] : theirs) {
      if (best.empty() ||
          bench::summarise(all.at(row)).median < bench::summarise(theirs[best].at(row)).median) {
        best = name;
      }
    }
    report.add({row, what, good::above, must, aim,
                bench::summarise(times_faster(theirs[best][row], ours[key])), best});
  };

  add("P1", "P1.raw", "get + put, raw, to the floor", good::below, 1.9, 1.6);
  add("P1", "P1.nops", "as many nops, to the floor", good::below, {}, {});
  add_faster("P1", "P1.raw", "get + put, raw, faster than best", 2.4, {});
  add("P1", "P1.handle", "get + put, handle, to the floor", good::below, 2.1, {});
  add_faster("P1", "P1.handle", "get + put, handle, faster than best", 2.2, {});
  add("P1c", "P1c.known", "get + put, raw, size known, to the floor", good::below, 1.65, 1.4);
  add("P1c", "P1c.default", "default_pool(), counting, size known, to the floor", good::below, 1.3,
      1.1);
  add("P2", "P2.raw", "64 gets, 64 puts, raw, to the floor", good::below, 1.75, {});
  add_faster("P2", "P2.raw", "64 gets, 64 puts, raw, faster than best", 1.8, {});
  add("P2", "P2.handle", "64 gets, 64 puts, handles, to the floor", good::below, 2.2, 1.9);
  add_faster("P2", "P2.handle", "64 gets, 64 puts, handles, faster than best", 1.45, {});
  add_faster("P2", "P2.bulk", "bulk get and put of 64, raw, faster than best", 4, {});
  add_faster("P2", "P2.handle_bulk", "bulk get and put of 64, handles, faster than best", {}, {});
  add_faster("P3", "P3.raw", "sizes to 2 MiB, raw, faster than best", 12, 25);
  add_faster("P3", "P3.handle", "sizes to 2 MiB, handle, faster than best", 12, 25);
  add_faster("P3.live", "P3.live", "sizes to 64 KiB, 1000 live, raw, faster than best", 1, {});
  for_each_lock([&](const auto& l) {
    // Counting is an addition in a word that is written anyway, except where there is no such word.
    const bool has_word = !std::is_same_v<decltype(l), const with_lock<tarn::lock_free>&>;
    for (const auto* work : {"raw", "handle", "burst"}) {
      const auto key = "4." + std::string(l.name) + "." + work;
      const auto what = std::string(" to no_stats, ") + l.name + ", " + work;
      add("P4", ("C" + key).c_str(), ("counting_stats" + what).c_str(), good::below,
          has_word ? std::optional(1.06) : std::nullopt,
          has_word ? std::optional(1.02) : std::nullopt);
      add("P4", ("R" + key).c_str(), ("recording_stats" + what).c_str(), good::below, 2, {});
    }
  });
  add("P6", "P6.pair", "no_lock, single tier: pair, to the floor", good::below, {}, {});
  add("P6", "P6.boost_pair", "no_lock, single tier: pair, to boost::pool", good::below, 1.35, 1.15);
  add("P6", "P6.boost_burst", "no_lock, single tier: burst, to boost::pool", good::below, 1.35,
      1.15);
  add("P6", "P6.foonathan_pair", "no_lock, single tier: pair, to foonathan", good::below, 0.65, {});
  add("P6", "P6.foonathan_burst", "no_lock, single tier: burst, to foonathan", good::below, 0.65,
      {});
  add("P12", "P12.raw", "2 threads, raw: shared pool, speed to a pool each", good::above, 0.97, {});
  add("P12", "P12.handle", "2 threads, handle: shared pool, speed to a pool each", good::above,
      0.97, {});
  for_each_lock([&](const auto& l) {
    if (std::is_same_v<decltype(l), const with_lock<tarn::no_lock>&>) return;
    const auto key = std::string("P12.") + l.name;
    const auto what = std::string("2 threads, ") + l.name + ", speed to ";
    add("P12", (key + ".one").c_str(), (what + "one thread").c_str(), good::above, 1, {});
    add("P12", (key + ".malloc").c_str(), (what + "glibc malloc").c_str(), good::above, 1, {});
  });
  report.print(o.smoke ? "SMOKE TEST: these numbers mean nothing" : "Figures");

  std::printf("\nThe allocators, to the floor:\n");
  for (const auto& [name, all] : theirs) {
    std::printf("  %-9s", name.c_str());
    for (const auto& [row, values] : all) {
      const auto s = bench::summarise(values);
      std::printf("  %s %.2fx (%.2f .. %.2f)", row.c_str(), s.median, s.p10, s.p90);
    }
    std::printf("\n");
  }
  std::printf("tarn, to the floor:\n ");
  for (const auto* key : {"P1.raw", "P1.handle", "P1c.known", "P1c.default", "P2.raw", "P2.handle",
                          "P2.bulk", "P2.handle_bulk", "P3.raw", "P3.handle", "P3.live"}) {
    const auto s = bench::summarise(ours[key]);
    std::printf("  %s %.2fx (%.2f .. %.2f)", key, s.median, s.p10, s.p90);
  }
  std::printf("\n");

  return bench::write_results(
      o, [&](const std::string& path) { return report.write_json(path, bench::compiler()); });
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = bench::options::parse(argc, argv);
  if (o.measure.empty()) return run_all(o);
  if (o.measure.rfind("loaded:", 0) == 0) return bench::is_mapped(o.measure.substr(7)) ? 0 : 1;

  bench::pin(0);
  bench::floor_stack::fill();
  auto effort = bench::effort{4};
  if (o.measure.find("_smoke") != std::string::npos) effort = bench::effort::smoke();
  if (o.measure.rfind("malloc", 0) == 0) {
    measure_malloc(effort);
  } else {
    measure_tarn(effort);
  }
  return 0;
}
