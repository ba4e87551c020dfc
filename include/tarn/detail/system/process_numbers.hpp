// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdlib>

#include <tarn/detail/system/system.hpp>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if TARN_HAS_POSIX
#include <sys/resource.h>
#endif

namespace tarn::detail {

/// What the heap says of itself, in bytes.
struct heap_numbers {
  bool is_known = false;
  std::uint64_t held = 0;
  std::uint64_t in_use = 0;
  std::uint64_t free = 0;
};
[[nodiscard]] inline heap_numbers read_heap_numbers() noexcept {
  heap_numbers heap;
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const auto now = ::mallinfo2();
  heap.held = now.arena + now.hblkhd;
  heap.in_use = now.uordblks + now.hblkhd;
  heap.free = now.fordblks;
  heap.is_known = heap.held != 0;  // zeros come from another malloc in place of glibc's
#endif
  return heap;
}

/// What the system says of the time and the page faults of this process. Zeros where it can't tell.
struct usage_numbers {
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::int64_t cpu_nanoseconds = 0;
};
[[nodiscard]] inline usage_numbers read_usage_numbers() noexcept {
  usage_numbers usage;
#if TARN_HAS_POSIX
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    usage.minor_faults = static_cast<std::uint64_t>(used.ru_minflt);
    usage.major_faults = static_cast<std::uint64_t>(used.ru_majflt);
    const auto in_nanoseconds = [](const timeval& t) {
      return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 +
             static_cast<std::int64_t>(t.tv_usec) * 1000;
    };
    usage.cpu_nanoseconds = in_nanoseconds(used.ru_utime) + in_nanoseconds(used.ru_stime);
  }
#endif
  return usage;
}

}  // namespace tarn::detail
