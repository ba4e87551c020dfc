// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "support/ratio.hpp"

namespace bench {

/// True once a result was wrong: the library itself only prints that.
inline std::atomic<bool> any_was_wrong{false};

/// Ends a benchmark whose result is wrong; the program will fail.
inline void check(benchmark::State& state, bool good, const char* what) {
  if (good) return;
  any_was_wrong = true;
  state.SkipWithError(what);
}

/// The main of a Google Benchmark program: `--smoke` measures very little, `--quick` briefly,
/// `--list` names all benchmarks, `--json FILE` writes the results to a file as well. All other
/// options are the library's.
inline int run_benchmarks(int argc, char** argv) {
  // First, so that the user can override it. As `MinTime` of a benchmark it could not be
  // overridden, and would be part of every name.
  static char normal[] = "--benchmark_min_time=0.03";
  static char smoke[] = "--benchmark_min_time=0.000001";
  static char quick[] = "--benchmark_min_time=0.002";
  static char list[] = "--benchmark_list_tests";
  std::vector<char*> words = {argv[0], normal};
  bool measures = true;
  for (int i = 1; i != argc; ++i) {
    char* word = argv[i];
    if (std::strcmp(word, "--smoke") == 0) word = smoke;
    if (std::strcmp(word, "--quick") == 0) word = quick;
    if (std::strcmp(word, "--list") == 0) word = list;
    if (std::strcmp(word, "--json") == 0 && i + 1 != argc) {
      static std::string file = std::string("--benchmark_out=") + argv[++i];
      word = file.data();
    }
    if (std::strncmp(word, list, std::strlen(list)) == 0) measures = false;
    words.push_back(word);
  }
  int count = static_cast<int>(words.size());
  words.push_back(nullptr);
  benchmark::Initialize(&count, words.data());
  if (benchmark::ReportUnrecognizedArguments(count, words.data())) return 2;
  if (measures) {
    std::fprintf(stderr,
                 "(A warning that the library was built as DEBUG is about Google Benchmark's own "
                 "code, not about what is measured.)\n");
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return any_was_wrong ? 1 : 0;
}

/// Measures the floor beside a benchmark, once before and once after its loop.
///
///   floor_watch floor(state);
///   for (auto _ : state) ...
///   floor.report(1);   // one get and put per iteration
class floor_watch {
 public:
  explicit floor_watch(benchmark::State& state) : state_(state) {
    floor_stack::fill();
    before_ = one_floor();
  }

  /// To be called right after the loop: sets the counter `to_floor`.
  void report(double pairs_per_iteration) {
    const double took = nanoseconds_of(clock::processor) - begin_;
    const double pairs = pairs_per_iteration * static_cast<double>(state_.iterations());
    const double floor = std::min(before_, one_floor());
    state_.counters["to_floor"] =
        benchmark::Counter(took / pairs / floor, benchmark::Counter::kAvgThreads);
  }
  /// To be called right before the loop.
  void start() { begin_ = nanoseconds_of(clock::processor); }

 private:
  [[nodiscard]] static double one_floor() {
    constexpr std::size_t times = 20000;  // some 50 microseconds
    return time_of(clock::processor, loop, times) / times;
  }
  static void loop(std::size_t times) {
    for (; times != 0; --times) {
      void* p = floor_stack::get();
      keep(p);
      *static_cast<unsigned char*>(p) = 1;
      keep(p);
      floor_stack::put(p);
      barrier();
    }
  }

  benchmark::State& state_;
  double before_ = 0;
  double begin_ = 0;
};

}  // namespace bench
