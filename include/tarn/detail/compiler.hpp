// SPDX-License-Identifier: MIT
#pragma once

// The only header that asks which compiler, library or system this is.

#include <cstddef>
#include <cstdint>

#if __has_include(<sched.h>)
#include <sched.h>  // sched_yield
#define TARN_HAS_SCHED 1
#else
#include <thread>  // std::this_thread::yield
#define TARN_HAS_SCHED 0
#endif

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>  // mmap, munmap, madvise
#define TARN_HAS_MMAP 1
#else
#define TARN_HAS_MMAP 0
#endif

#if __has_include(<pthread.h>)
#include <pthread.h>  // pthread_atfork, pthread_mutex_t
#include <ctime>      // clock_gettime
#define TARN_HAS_PTHREAD 1
#else
#include <chrono>  // steady_clock
#include <mutex>
#define TARN_HAS_PTHREAD 0
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define TARN_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#define TARN_FORCE_INLINE __forceinline
#define TARN_COLD __declspec(noinline)
#else
#define TARN_NO_UNIQUE_ADDRESS [[no_unique_address]]
#define TARN_FORCE_INLINE [[gnu::always_inline]] inline
#define TARN_COLD [[gnu::noinline, gnu::cold]]
#endif

namespace tarn {

/// The system's mutex: what std::mutex is, without the 170 KB of text that <mutex> adds to every
/// file that includes a pool. A Lockable; one thread may unlock it while the next destroys it.
class system_mutex {
 public:
  constexpr system_mutex() noexcept = default;
  system_mutex(const system_mutex&) = delete;
  system_mutex& operator=(const system_mutex&) = delete;
#if TARN_HAS_PTHREAD
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  [[nodiscard]] bool try_lock() noexcept { return pthread_mutex_trylock(&mutex_) == 0; }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;  // needs no destruction
#else
  void lock() { mutex_.lock(); }
  [[nodiscard]] bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
#endif
};

}  // namespace tarn

namespace tarn::detail {

/// Tells the optimiser that `fact` holds.
TARN_FORCE_INLINE void assume(bool fact) noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
  __assume(fact);
#else
  if (!fact) __builtin_unreachable();
#endif
}

/// Keeps a pointer in one register, for code that reads and writes through it: clang would compute
/// the sum it came from anew for every access.
template <class T>
[[nodiscard]] TARN_FORCE_INLINE T* in_register(T* p) noexcept {
#if !defined(_MSC_VER) || defined(__clang__)
  asm("" : "+r"(p));
#endif
  return p;
}

/// Tells the processor that this thread is spinning, so that a sibling thread gets its resources.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#elif defined(_MSC_VER)
  _mm_pause();
#endif
}

/// Gives the rest of this thread's time slice away.
inline void yield_thread() noexcept {
#if TARN_HAS_SCHED
  sched_yield();
#else
  std::this_thread::yield();
#endif
}

/// True where pages can be mapped; elsewhere `map_pages` gives nothing.
inline constexpr bool has_mmap = TARN_HAS_MMAP != 0;

/// Maps fresh zero pages of at least `bytes`; null if the system refuses.
[[nodiscard]] inline void* map_pages([[maybe_unused]] std::size_t bytes) noexcept {
#if TARN_HAS_MMAP
  void* const pages =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
#else
  return nullptr;
#endif
}

/// Unmaps pages. A refusal is ignored: the address range leaks, and nothing else breaks.
inline void unmap_pages([[maybe_unused]] void* pages, [[maybe_unused]] std::size_t bytes) noexcept {
#if TARN_HAS_MMAP
  static_cast<void>(::munmap(pages, bytes));
#endif
}

/// Nanoseconds on a clock that never goes back.
[[nodiscard]] inline std::int64_t steady_nanoseconds() noexcept {
#if TARN_HAS_PTHREAD
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
#else
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

/// Registers the three fork handlers of this program once; false where there is no fork.
inline bool register_fork_handlers(void (*prepare)(), void (*parent)(), void (*child)()) noexcept {
#if TARN_HAS_PTHREAD
  return pthread_atfork(prepare, parent, child) == 0;
#else
  static_cast<void>(prepare), static_cast<void>(parent), static_cast<void>(child);
  return false;
#endif
}

/// Writes zeros that the optimiser may not remove, even if nobody reads them again.
inline void secure_zero(void* bytes, std::size_t size) noexcept {
#if defined(_MSC_VER) && !defined(__clang__)
  auto* volatile p = static_cast<volatile unsigned char*>(bytes);
  while (size-- != 0)
    *p++ = 0;
#else
  __builtin_memset(bytes, 0, size);
  asm volatile("" : : "r"(bytes) : "memory");  // the zeros count as read
#endif
}

}  // namespace tarn::detail
