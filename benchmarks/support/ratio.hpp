// SPDX-License-Identifier: MIT
//
// Figures that are valid on a machine with other load: only ratios, each of two works that were
// measured one right after the other.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <time.h>

#if defined(__linux__)
#include <sched.h>
#endif

namespace bench {

/// Makes the compiler believe that `p` is read and that all memory may have changed. It costs no
/// instruction.
template <class T>
[[gnu::always_inline]] inline void keep(T*& p) noexcept {
  asm volatile("" : "+r"(p) : : "memory");
}

/// Keeps the compiler from moving or merging memory accesses across this line.
[[gnu::always_inline]] inline void barrier() noexcept { asm volatile("" : : : "memory"); }

/// Makes the compiler forget the value of a number.
[[gnu::always_inline]] inline std::size_t hide(std::size_t n) noexcept {
  asm volatile("" : "+r"(n));
  return n;
}

/// Keeps the calling thread on one processor. Returns: false where that is not possible.
inline bool pin(unsigned processor) noexcept {
#if defined(__linux__)
  // The set of processors at the start: a pinned thread, and each thread that it starts, sees only
  // one.
  static const cpu_set_t allowed = [] {
    cpu_set_t now;
    CPU_ZERO(&now);
    static_cast<void>(sched_getaffinity(0, sizeof now, &now));
    return now;
  }();
  if (CPU_COUNT(&allowed) == 0) return false;
  unsigned left = processor % static_cast<unsigned>(CPU_COUNT(&allowed));
  for (std::size_t i = 0; i != CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  }
#else
  static_cast<void>(processor);
#endif
  return false;
}

/// Stops the program, because the measured code did not do what it claims.
inline void demand(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

/// The least that any library with more than one pool can do: an array of pointers and its fill
/// level, behind a thread-local pointer. It checks nothing, counts nothing and can't run empty or
/// full.
///
/// Not a thread-local level: such a level is addressed through a segment register, and processors
/// don't forward that store to the next load. It takes four times as long, and made every row look
/// better.
class floor_stack {
 public:
  static constexpr std::size_t room = 128;
  static constexpr std::size_t block_bytes = 128;

  [[gnu::always_inline]] static void* get() noexcept {
    floor_stack* const own = own_;
    return own->items_[--own->level_];
  }
  [[gnu::always_inline]] static void put(void* p) noexcept {
    floor_stack* const own = own_;
    own->items_[own->level_++] = p;
  }

  /// Fills the calling thread's stack; to be called once by each thread that uses it.
  static void fill() {
    static thread_local std::vector<std::byte> memory;
    static thread_local floor_stack stack;
    own_ = &stack;
    memory.resize((room + 1) * block_bytes);
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto skip = (block_bytes - begin % block_bytes) % block_bytes;
    stack.level_ = 0;
    for (std::size_t i = 0; i != room; ++i)
      put(memory.data() + skip + i * block_bytes);
  }

 private:
  std::size_t level_ = 0;
  void* items_[room] = {};
  static inline constinit thread_local floor_stack* own_ = nullptr;
};

/// Which time to take. The processor time of the thread excludes the time of other programs; only
/// wall-clock time includes the time that threads wait for each other.
enum class clock { processor, wall };

/// How long to measure.
struct effort {
  std::size_t rounds = 31;
  std::chrono::nanoseconds round = std::chrono::microseconds(2500);
  clock by = clock::processor;

  /// Too little for any conclusion: only for a test that the program runs at all.
  static constexpr effort smoke() { return {3, std::chrono::microseconds(20), clock::processor}; }
};

[[nodiscard]] inline double nanoseconds_of(clock by) noexcept {
  timespec now;
  clock_gettime(by == clock::wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds that `work(n)` takes, for `n` operations.
///
/// Never inlined: the machine code of a work must not depend on where it is measured.
template <class Work>
[[nodiscard, gnu::noinline]] double time_of(clock by, Work&& work, std::size_t n) {
  const auto begin = nanoseconds_of(by);
  work(n);
  return nanoseconds_of(by) - begin;
}

/// The number of repetitions of `work` that fill a round. The work is warmed up for the same time
/// first: otherwise the first calls, which take memory from the system, would suggest that a few of
/// them fill a round.
template <class Work>
[[nodiscard]] std::size_t fitting(const effort& e, Work&& work) {
  const auto wanted = static_cast<double>(e.round.count());
  for (double spent = 0; spent < wanted;)
    spent += time_of(e.by, work, 64);
  for (std::size_t n = 16;; n *= 2) {
    const double took = time_of(e.by, work, n);
    if (took < wanted / 4) continue;
    const double fits = static_cast<double>(n) * wanted / took;
    return fits < 1 ? 1 : static_cast<std::size_t>(fits);
  }
}

/// Alternates both works in rounds. Returns: per round, the time of one `subject` in units of one
/// `floor`, taken from the faster of the two rounds of the floor around it.
///
/// The faster one, because a processor sometimes executes a whole round of the floor's few
/// instructions at half speed, and dividing by that would flatter the subject.
template <class Floor, class Subject>
[[nodiscard]] std::vector<double> ratios(const effort& e, Floor&& floor, Subject&& subject) {
  const auto floors = fitting(e, floor);
  const auto subjects = fitting(e, subject);
  const auto floor_time = [&] {
    return time_of(e.by, floor, floors) / static_cast<double>(floors);
  };
  std::vector<double> result;
  double before = floor_time();
  for (std::size_t i = 0; i != e.rounds; ++i) {
    const double one = time_of(e.by, subject, subjects) / static_cast<double>(subjects);
    const double after = floor_time();
    result.push_back(one / std::min(before, after));
    before = after;
  }
  return result;
}

/// The reported summary of many ratios.
struct summary {
  double median = 0;
  double p10 = 0;
  double p90 = 0;

  [[nodiscard]] bool is_noisy() const noexcept { return p90 > 1.3 * p10; }
};

[[nodiscard]] inline summary summarise(std::vector<double> values) {
  demand(!values.empty(), "nothing was measured");
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {at(0.5), at(0.1), at(0.9)};
}

}  // namespace bench
