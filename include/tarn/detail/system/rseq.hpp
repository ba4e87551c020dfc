// SPDX-License-Identifier: MIT
#pragma once

// Restartable sequences of Linux: a few instructions on data of the processor that they run on. If
// the thread is moved, preempted or interrupted in the middle, the system lets it go on at another
// place, so that only whole sections store their last word. A section needs no atomic
// read-modify-write.
// Source: Turner & Hunter, "PerCpu Atomics" (2013); rseq(2), as registered by glibc from 2.35 on.

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/rseq_slots.hpp>
#include <tarn/detail/system/system.hpp>
#include <tarn/detail/system/thread_word.hpp>

// ThreadSanitizer does not see what sections do, so it gets the locks that stand in for them.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TARN_HAS_RSEQ 0
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TARN_HAS_RSEQ 0
#endif
#if !defined(TARN_HAS_RSEQ)
#if TARN_THREAD_POINTER != 0 && TARN_HAS_FUTEX
#define TARN_HAS_RSEQ 1
#else
#define TARN_HAS_RSEQ 0
#endif
#endif

#if TARN_HAS_RSEQ && TARN_THREAD_POINTER == 1
#include <tarn/detail/system/rseq_x86_64.hpp>
#elif TARN_HAS_RSEQ
#include <tarn/detail/system/rseq_aarch64.hpp>
#endif

namespace tarn::detail {

/// True where this program may have restartable sequences; `thread_rseq` knows if it has.
inline constexpr bool has_rseq = TARN_HAS_RSEQ != 0;

#if TARN_HAS_RSEQ
// Weak, since libraries before glibc 2.35 don't have them; by other names, so that they don't
// conflict with <sys/rseq.h>.
extern "C" {
extern const std::ptrdiff_t tarn_rseq_offset __asm__("__rseq_offset") __attribute__((weak));
extern const unsigned tarn_rseq_size __asm__("__rseq_size") __attribute__((weak));
}

// MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ and its registration, as in <linux/membarrier.h>.
[[nodiscard]] inline bool ask_for_barrier(int command) noexcept {
  return ::syscall(SYS_membarrier, command, 0, 0) == 0;
}

/// Restarts all sections that run now in other threads of the process. Their earlier stores are
/// visible to the caller afterwards, and the caller's earlier stores to sections that begin
/// afterwards. Returns: false if the system refuses, so that nothing is known.
[[nodiscard]] inline bool restart_sections() noexcept {
  constexpr int restart = 1 << 7, enroll = 1 << 8;
  if (ask_for_barrier(restart)) return true;
  return ask_for_barrier(enroll) && ask_for_barrier(restart);  // the child of a fork may be new
}

/// The beginning of the system's `struct rseq`.
struct alignas(32) rseq_words {
  std::uint32_t processor_before = 0;
  std::int32_t processor = -1;
  std::uint64_t descriptor = 0;
  std::uint64_t more[2] = {};
};

/// Each thread's `struct rseq`, as this module finds it.
struct [[TARN_MODULE_LOCAL]] thread_rseq {
  /// A thread that runs nowhere, as far as sections can see.
  [[TARN_FIXED_PLACE]] static inline constinit thread_local rseq_words none{};

  /// Whether this process has restartable sequences, and can restart those of other threads.
  [[nodiscard]] static bool works() noexcept {
    static const bool found = &tarn_rseq_size != nullptr && &tarn_rseq_offset != nullptr &&
                              tarn_rseq_size != 0 && restart_sections();
    return found;
  }
  /// The distance of the thread's `struct rseq` from its own pointer. In a process without
  /// restartable sequences: the distance of `none`, so that the hit path needs no test for this.
  [[nodiscard]] TARN_COLD static rseq_place place() noexcept {
    return works() ? tarn_rseq_offset
                   : static_cast<rseq_place>(reinterpret_cast<std::uintptr_t>(&none) -
                                             thread_pointer());
  }
};
#else
[[nodiscard]] inline bool restart_sections() noexcept { return false; }
struct thread_rseq {
  [[nodiscard]] static bool works() noexcept { return false; }
  [[nodiscard]] static rseq_place place() noexcept { return 0; }
};
[[nodiscard]] inline std::uint32_t rseq_processor(rseq_place) noexcept { return ~std::uint32_t{0}; }
template <std::uint64_t>
[[nodiscard]] void* rseq_pop(rseq_place, const rseq_slots&, std::size_t) noexcept {
  return nullptr;
}
[[nodiscard]] inline bool rseq_push(rseq_place, const rseq_slots&, std::size_t, void*) noexcept {
  return false;
}
template <std::uint64_t>
[[nodiscard]] std::ptrdiff_t rseq_pop_bulk(rseq_place, const rseq_slots&, std::uint32_t,
                                           std::size_t, void**, std::size_t, std::size_t) noexcept {
  return 0;
}
[[nodiscard]] inline std::ptrdiff_t rseq_push_bulk(rseq_place, const rseq_slots&, std::uint32_t,
                                                   std::size_t, void* const*,
                                                   std::size_t) noexcept {
  return 0;
}
#endif

}  // namespace tarn::detail
