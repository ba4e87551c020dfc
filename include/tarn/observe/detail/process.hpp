// SPDX-License-Identifier: MIT
//
// What the system says of this process and its heap. What a system can't tell is 0, and said so.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

#include <tarn/detail/system/system.hpp>

namespace tarn {

/// Memory that the process holds, in bytes, and what it cost to get at it.
struct process_memory {
  bool is_known = false;             ///< the first two: from /proc/self/statm
  std::uint64_t address_space = 0;   ///< all that is mapped
  std::uint64_t resident = 0;        ///< of that, in memory
  std::uint64_t minor_faults = 0;    ///< pages that came without reading from a disk
  std::uint64_t major_faults = 0;    ///< pages that had to be read
  std::int64_t cpu_nanoseconds = 0;  ///< that all threads ran
};

/// The heap behind `malloc` and `operator new`, in bytes.
struct heap_memory {
  bool is_known = false;     ///< the heap is glibc's
  std::uint64_t held = 0;    ///< of the system
  std::uint64_t in_use = 0;  ///< handed out, its own bookkeeping included
  std::uint64_t free = 0;    ///< kept for later
};

namespace detail::process {

// Whether the system has a function is asked by the call itself; it is called without arguments, so
// only an empty pack makes it wait for its instantiation.
template <class... NoArgs>
[[nodiscard]] bool read_heap(heap_memory& into, NoArgs... none) noexcept {
  if constexpr (requires { mallinfo2(none...); }) {
    const auto now = mallinfo2(none...);
    into.held = now.arena + now.hblkhd;
    into.in_use = now.uordblks + now.hblkhd;
    into.free = now.fordblks;
    return into.held != 0;  // zeros come from another malloc in place of glibc's
  }
  return false;
}

}  // namespace detail::process

/// Asks the heap. It takes the locks of the heap, one after the other: not for a hit path.
[[nodiscard]] inline heap_memory read_heap() noexcept {
  heap_memory heap;
  heap.is_known = detail::process::read_heap(heap);
  return heap;
}

/// Reads the numbers of a `statm` file. Returns: false if it is none.
[[nodiscard]] inline bool read_statm(const char* path, process_memory& into) {
  std::ifstream file(path);
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (!(file >> pages >> resident) || resident > pages) return false;
  const auto page = detail::page_size();
  into.address_space = pages * page;
  into.resident = resident * page;
  return page != 0;
}

/// Asks the system about this process.
[[nodiscard]] inline process_memory read_process() {
  process_memory now;
  now.is_known = read_statm("/proc/self/statm", now);
#if __has_include(<sys/resource.h>)
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    now.minor_faults = static_cast<std::uint64_t>(used.ru_minflt);
    now.major_faults = static_cast<std::uint64_t>(used.ru_majflt);
    const auto in_nanoseconds = [](const timeval& t) {
      return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 +
             static_cast<std::int64_t>(t.tv_usec) * 1000;
    };
    now.cpu_nanoseconds = in_nanoseconds(used.ru_utime) + in_nanoseconds(used.ru_stime);
  }
#endif
  return now;
}

}  // namespace tarn
