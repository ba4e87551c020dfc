// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tarn/detail/system/system.hpp>
#include <tarn/detail/system/thread_word.hpp>

namespace tarn::detail {

/// The number of processors that the system may ever have, whether they run now or not.
[[nodiscard]] inline std::uint32_t possible_processors() noexcept {
#if TARN_HAS_POSIX && defined(_SC_NPROCESSORS_CONF)
  const auto count = ::sysconf(_SC_NPROCESSORS_CONF);
  return count < 1 ? 1 : count > 8192 ? 8192 : static_cast<std::uint32_t>(count);
#else
  return 16;
#endif
}

/// The processor that the thread runs on now. Where the system does not tell: a number that mostly
/// differs between threads.
[[nodiscard]] inline std::uint32_t current_processor() noexcept {
#if TARN_HAS_FUTEX
  if (const int now = ::sched_getcpu(); now >= 0) return static_cast<std::uint32_t>(now);
#endif
  return static_cast<std::uint32_t>(thread_pointer() >> 12);  // thread stacks are pages apart
}

}  // namespace tarn::detail
