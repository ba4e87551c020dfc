// SPDX-License-Identifier: MIT
//
// Question: does memory go back after a spike, and what does that cost a steady load?
//
// A program holds a working set and replaces a part of it all the time. Then comes a spike: 1 GiB
// more of the same mix of sizes, which is given back in random order. `maintain` is called ten
// times, a second of simulated time apart. Resident memory is measured for the whole process, so
// each case runs in its own process.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <tarn/byte_pool.hpp>

#include "support/children.hpp"
#include "support/options.hpp"

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// A part of the bytes, in sizes spread evenly over the logarithm between two ends.
struct share {
  unsigned percent;
  std::size_t from, to;
};
constexpr std::array<share, 4> mix{{{5, 64, 4 * kib},
                                    {47, 4 * kib, 32 * kib},
                                    {29, 32 * kib, 256 * kib},
                                    {19, 256 * kib, 2 * mib}}};

template <class Source>
using pool_on = tarn::byte_pool<tarn::thread_cached<>, tarn::counting_stats,
                                tarn::traits<tarn::power_of_two_tiers<>, tarn::no_check, Source>>;
using pool_type = pool_on<tarn::heap_source>;

struct held {
  void* block;
  std::size_t size;
};

/// Sizes of the mix with the given sum of bytes, in random order.
std::vector<std::size_t> sizes_of(std::size_t bytes, std::mt19937& random) {
  std::vector<std::size_t> sizes;
  for (const auto& s : mix) {
    const double doublings = std::log2(static_cast<double>(s.to) / static_cast<double>(s.from));
    std::uniform_real_distribution<double> spread(0, doublings);
    for (std::size_t sum = 0; sum < bytes / 100 * s.percent;) {
      sizes.push_back(
          static_cast<std::size_t>(static_cast<double>(s.from) * std::exp2(spread(random))));
      sum += sizes.back();
    }
  }
  std::shuffle(sizes.begin(), sizes.end(), random);
  return sizes;
}

template <class Pool>
std::vector<held> take(Pool& pool, const std::vector<std::size_t>& sizes) {
  std::vector<held> out;
  out.reserve(sizes.size());
  for (const auto size : sizes) {
    out.push_back({pool.allocate(size), size});
    std::memset(out.back().block, 1, size);
  }
  return out;
}

template <class Pool>
void put(Pool& pool, std::vector<held>& blocks, std::mt19937& random) {
  std::shuffle(blocks.begin(), blocks.end(), random);
  for (const auto& b : blocks)
    pool.deallocate(b.block, b.size);
  std::vector<held>().swap(blocks);
}

/// Replaces a part of the working set, one block at a time.
template <class Pool>
void replace(Pool& pool, std::vector<held>& blocks, std::size_t count, std::mt19937& random) {
  for (std::size_t i = 0; i != count; ++i) {
    auto& b = blocks[random() % blocks.size()];
    pool.deallocate(b.block, b.size);
    b.block = pool.allocate(b.size);
    std::memset(b.block, 2, b.size);
  }
}

/// Resident bytes of this process; 0 where the system does not report them.
std::size_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long all = 0;
  unsigned long resident = 0;
  const bool read = std::fscanf(file, "%lu %lu", &all, &resident) == 2;
  std::fclose(file);
  return read ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

struct level {
  std::size_t resident, slabs, threads;
};
template <class Pool>
level level_of(const Pool& pool) {
  level l{resident_bytes(), 0, 0};
  const auto o = pool.occupancy();
  l.slabs = o.slab_bytes;
  for (const auto& t : o.tiers)
    l.threads += t.idle_in_threads * t.stride_bytes;
  return l;
}

double in_mib(std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(mib); }

void show(const char* when, const level& l) {
  std::printf("  %-34s %9.1f MiB resident %9.1f MiB in slabs %6.1f MiB in thread caches\n", when,
              in_mib(l.resident), in_mib(l.slabs), in_mib(l.threads));
}

constexpr unsigned wanted_percent = 10;

/// `known_percent`: the known amount by which a figure misses its target. Returns: whether the miss
/// is not larger than that.
template <class Pool>
bool spike(const char* name, tarn::options o, bool churns, std::size_t working_set,
           std::size_t more, unsigned known_percent = wanted_percent) {
  std::printf("\n%s\n", name);
  std::mt19937 random(20250609);
  Pool pool(std::move(o));
  auto working = take(pool, sizes_of(working_set, random));
  const auto part = working.size() / 2;
  std::int64_t second = 0;
  const auto live_a_second = [&] {
    if (churns) replace(pool, working, part, random);
    pool.maintain(tarn::time_span::of_seconds(second++));
  };
  for (int i = 0; i != 5; ++i)
    live_a_second();
  const auto before = level_of(pool);
  show("before the spike", before);
  {
    auto extra = take(pool, sizes_of(more, random));
    show("at its top", level_of(pool));
    put(pool, extra, random);
  }
  show("when it was put back", level_of(pool));
  level after{};
  for (int i = 1; i <= 10; ++i) {
    live_a_second();
    after = level_of(pool);
    show(("after " + std::to_string(i) + " s").c_str(), after);
  }
  for (const auto& b : working)
    pool.deallocate(b.block, b.size);
  const auto rise =
      100 * (static_cast<double>(after.resident) / static_cast<double>(before.resident) - 1);
  const bool good = rise <= known_percent;
  std::printf("  %.1f %% above the level before; wanted is %u %% at most: %s\n", rise,
              wanted_percent,
              rise <= wanted_percent ? "met"
              : good                 ? "MISSED, by no more than is known"
                                     : "FAILS");
  return good;
}

/// Misses of a steady load, with and without ticks. Returns: whether ticks cause no misses.
bool steady(std::size_t working_set) {
  const auto misses = [&](bool ticks) {
    pool_type pool;
    std::mt19937 random(20250610);
    const auto sizes = sizes_of(working_set, random);
    std::uint64_t warm = 0;
    for (int round = 0; round != 60; ++round) {
      auto out = take(pool, sizes);
      replace(pool, out, out.size() / 4, random);
      put(pool, out, random);
      if (ticks) pool.maintain(tarn::time_span::of_seconds(round));
      if (round == 9) warm = pool.snapshot().total().misses;
    }
    return std::pair(warm, pool.snapshot().total().misses - warm);
  };
  const auto without = misses(false);
  const auto with = misses(true);
  const bool good = with.first + with.second <= without.first + without.second;
  std::printf(
      "\na steady load: misses in the first 10 and in 50 further rounds\n"
      "  without ticks %llu + %llu, with a tick per round %llu + %llu: %s\n",
      static_cast<unsigned long long>(without.first),
      static_cast<unsigned long long>(without.second), static_cast<unsigned long long>(with.first),
      static_cast<unsigned long long>(with.second), good ? "met" : "FAILS");
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const auto o = bench::options::parse(argc, argv);
  const std::size_t working_set = (o.smoke ? 8 : o.quick ? 32 : 128) * mib;
  const std::size_t more = (o.smoke ? 32 : o.quick ? 256 : 1024) * mib;
  struct work {
    const char* name;
    const char* what;
    bool (*run)(const char* what, std::size_t working_set, std::size_t more);
  };
  constexpr work all[] = {
      {"quiet", "default options, a working set at rest",
       [](const char* what, std::size_t set, std::size_t n) {
         return spike<pool_type>(what, {}, false, set, n);
       }},
      {"busy", "default options, a half of the working set is replaced every second",
       [](const char* what, std::size_t set, std::size_t n) {
         return spike<pool_type>(what, {}, true, set, n);
       }},
      {"purge", "idle_memory::purge on pages of its own, a working set at rest",
       [](const char* what, std::size_t set, std::size_t n) {
         const tarn::options purging{.idle_memory = tarn::idle_memory::purge};
         return spike<pool_on<tarn::page_source>>(what, purging, false, set, n);
       }},
      {"purge_heap", "idle_memory::purge on the heap, a working set at rest",
       [](const char* what, std::size_t set, std::size_t n) {
         const tarn::options purging{.idle_memory = tarn::idle_memory::purge};
         return spike<pool_type>(what, purging, false, set, n);
       }},
      // A known miss: the heap has a header before each slab and, since slabs are aligned, a free
      // piece behind it. Their two pages stay: an eighth of 64 KiB, and 0.8 % of the default.
      {"purge_small", "idle_memory::purge on the heap in slabs of 64 KiB, a working set at rest",
       [](const char* what, std::size_t set, std::size_t n) {
         const tarn::options purging{.slab_bytes = 64 * kib,
                                     .idle_memory = tarn::idle_memory::purge};
         return spike<pool_type>(what, purging, false, set, n, 60);
       }},
      {"steady", "a steady load",
       [](const char*, std::size_t set, std::size_t) { return steady(set / 4); }},
  };
  if (!o.measure.empty()) {
    for (const auto& w : all) {
      if (o.measure == w.name)
        return w.run(w.what, working_set, more) || o.smoke || o.quick ? 0 : 1;
    }
    return 2;
  }

  std::printf("%s\nmix, by bytes:", bench::compiler());
  for (const auto& s : mix)
    std::printf(" %u %% of %g to %g KiB,", s.percent, static_cast<double>(s.from) / kib,
                static_cast<double>(s.to) / kib);
  std::printf(" evenly over the logarithm\n");
  bool good = true;
  for (const auto& w : all) {
    std::fflush(stdout);
    // The shell would take the link of the calling program for its own, so the program is named in
    // full.
    char self[4096] = {};
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
      return w.run(w.what, working_set, more) ? 0 : 1;
    const std::string command = "'" + std::string(self) + "' --measure " + w.name +
                                (o.smoke   ? " --smoke"
                                 : o.quick ? " --quick"
                                           : "");
    good = std::system(command.c_str()) == 0 && good;
  }
  return good ? 0 : 1;
}
