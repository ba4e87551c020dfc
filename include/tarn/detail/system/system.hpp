// SPDX-License-Identifier: MIT
#pragma once

// Tests which system this is, and offers its mutexes, pages, clocks, sleeping and fork.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/keep_module.hpp>
#include <tarn/detail/system/thread_word.hpp>

#if __has_include(<sys/mman.h>) && __has_include(<pthread.h>)
#include <pthread.h>   // pthread_atfork, pthread_mutex_t
#include <sched.h>     // sched_yield
#include <sys/mman.h>  // mmap, munmap
#include <unistd.h>    // read, syscall
#include <ctime>       // clock_gettime, nanosleep
#define TARN_HAS_POSIX 1
#else
#include <chrono>  // steady_clock
#include <mutex>
#include <thread>  // std::this_thread::yield
#define TARN_HAS_POSIX 0
#endif

#if __has_include(<linux/futex.h>) && defined(__LP64__)
#include <sys/syscall.h>
#define TARN_HAS_FUTEX 1
#else
#define TARN_HAS_FUTEX 0
#endif

namespace tarn {

/// The system's mutex: like std::mutex, without the 170 KB of text that <mutex> adds to every file
/// that includes a pool. A Lockable; one thread may unlock it while the next destroys it.
#if TARN_HAS_POSIX
class system_mutex {
 public:
  system_mutex& operator=(system_mutex&&) = delete;  // nor any other copy
  void lock() noexcept { pthread_mutex_lock(&mutex_); }
  [[nodiscard]] bool try_lock() noexcept { return pthread_mutex_trylock(&mutex_) == 0; }
  void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

 private:
  // Needs no destruction. Where the system has such a mutex, it spins for a moment before it
  // sleeps: pools hold a lock for less time than it takes to wake a thread up.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"  // what the macros hold
#if defined(PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP)
  pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
#else
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
#endif
#pragma GCC diagnostic pop
};
#else
class system_mutex : public std::mutex {};
#endif

}  // namespace tarn

namespace tarn::detail {

/// True where pages can be mapped; elsewhere `map_pages` returns null.
inline constexpr bool has_mmap = TARN_HAS_POSIX != 0;

#if TARN_HAS_POSIX
/// Gives the rest of this thread's time slice away.
inline void yield_thread() noexcept { sched_yield(); }
/// Sleeps for 50 microseconds or more, so that threads of any priority get a time slice.
inline void sleep_briefly() noexcept {
  const timespec moment{0, 50'000};
  nanosleep(&moment, nullptr);
}

/// Maps fresh zero pages of at least `bytes`; null if the system refuses.
[[nodiscard]] inline void* map_pages(std::size_t bytes) noexcept {
  void* const pages =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

/// Unmaps pages. A refusal is ignored: the address range leaks, and nothing else breaks.
inline void unmap_pages(void* pages, std::size_t bytes) noexcept { ::munmap(pages, bytes); }

/// Bytes of a page.
[[nodiscard]] inline std::size_t page_size() noexcept {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Nanoseconds on a clock that never goes back.
[[nodiscard]] inline std::int64_t steady_nanoseconds(clockid_t clock = CLOCK_MONOTONIC) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Registers three fork handlers, which go when the module of this code goes. Returns: false where
/// there is no fork.
[[TARN_MODULE_LOCAL]] inline bool register_fork_handlers(void (*prepare)(), void (*parent)(),
                                                         void (*child)()) noexcept {
  return pthread_atfork(prepare, parent, child) == 0;
}

/// POSIX `read`. Returns: how many bytes, 0 at the end, or -1 with the reason in `errno`.
[[nodiscard]] inline std::ptrdiff_t read_file(int fd, void* to, std::size_t most) noexcept {
  return ::read(fd, to, most);
}
#else
inline void yield_thread() noexcept { std::this_thread::yield(); }
inline void sleep_briefly() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(50)); }
[[nodiscard]] inline void* map_pages(std::size_t) noexcept { return nullptr; }
inline void unmap_pages(void*, std::size_t) noexcept {}
[[nodiscard]] inline std::size_t page_size() noexcept { return 4096; }
[[nodiscard]] inline std::int64_t steady_nanoseconds() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}
inline bool register_fork_handlers(void (*)(), void (*)(), void (*)()) noexcept { return false; }
inline std::ptrdiff_t read_file(int, void*, std::size_t) noexcept { return errno = ENOSYS, -1; }
#endif

// For a function that each module calls when it is loaded, before `main`. Fork handlers are
// registered there where those of a library that is closed go with it: who registers a handler
// later has it called while no pool is locked.
#if defined(__linux__)
#define TARN_AT_LOAD [[gnu::constructor]]
#else
#define TARN_AT_LOAD [[maybe_unused]]
#endif

#if defined(__linux__)
/// True where private anonymous pages can be dropped: they read zero afterwards.
inline constexpr bool has_page_drop = true;
// glibc only; by another name, so that it does not conflict with the declaration of <malloc.h>.
extern "C" [[gnu::weak]] int tarn_malloc_trim(std::size_t) noexcept __asm__("malloc_trim");

/// Drops whole pages now or, with `lazily`, when the system wants them. Returns: whether it did.
[[nodiscard]] inline bool drop_pages(void* pages, std::size_t bytes, bool lazily) noexcept {
  // 8 is MADV_FREE: headers may not name it, and kernels before 4.5 refuse it.
  return (lazily && ::madvise(pages, bytes, 8) == 0) || ::madvise(pages, bytes, MADV_DONTNEED) == 0;
}
/// As `steady_nanoseconds`, some milliseconds late and in a fraction of the time.
[[nodiscard]] inline std::int64_t coarse_nanoseconds() noexcept {
  return steady_nanoseconds(6);  // CLOCK_MONOTONIC_COARSE, since Linux 2.6.32
}
/// Makes the heap give its free memory to the system, where the heap offers that.
inline void trim_heap() noexcept {
  if (tarn_malloc_trim != nullptr) tarn_malloc_trim(0);
}
#else
inline constexpr bool has_page_drop = false;
[[nodiscard]] inline bool drop_pages(void*, std::size_t, bool) noexcept { return false; }
inline std::int64_t coarse_nanoseconds() noexcept { return steady_nanoseconds(); }
inline void trim_heap() noexcept {}
#endif

}  // namespace tarn::detail
