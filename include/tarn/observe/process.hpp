// SPDX-License-Identifier: MIT
//
// What the system says of this process and its heap. What a system can't tell is 0, and said so.

#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include <tarn/detail/system/process_numbers.hpp>
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

/// Asks the heap. It takes the locks of the heap, one after the other: not for a hit path.
[[nodiscard]] inline heap_memory read_heap() noexcept {
  const auto now = detail::read_heap_numbers();
  return {now.is_known, now.held, now.in_use, now.free};
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
  const auto used = detail::read_usage_numbers();
  now.minor_faults = used.minor_faults;
  now.major_faults = used.major_faults;
  now.cpu_nanoseconds = used.cpu_nanoseconds;
  return now;
}

}  // namespace tarn
