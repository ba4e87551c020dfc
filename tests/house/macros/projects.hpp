// SPDX-License-Identifier: MIT
// What projects, kernels and loggers name their own macros. Left out are names without which no C++
// can be written (lock, swap, move, new, delete, length as they stand in interfaces of the
// standard).
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define access(x) (x)
#define noinline __attribute__((__noinline__))
#define always_inline inline __attribute__((__always_inline__))
#define forceinline inline __attribute__((__always_inline__))
#define unused __attribute__((__unused__))
#define packed __attribute__((__packed__))
#define cold __attribute__((__cold__))
#define hot __attribute__((__hot__))
#define fallthrough __attribute__((__fallthrough__))
#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define array_size(a) (sizeof(a) / sizeof((a)[0]))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type*)(p))
#define local static
#define global
#define unless(x) if (!(x))
#define until(x) while (!(x))
#define loop for (;;)
#define let const auto
#define var auto
#define elif else if
#define defer(x)
#define panic(...) abort()
#define fatal(...) abort()
#define error(...) report_error(__VA_ARGS__)
#define warning(...) report_warning(__VA_ARGS__)
#define info(...) report_info(__VA_ARGS__)
#define debug(...) report_debug(__VA_ARGS__)
#define trace(...) report_trace(__VA_ARGS__)
#define die(...) abort()
#define LOG(level) stream(level)
#define CHECK(x) ((void)(x))
#define DCHECK(x) ((void)(x))
#define ASSERT(x) ((void)(x))
#define VERIFY(x) ((void)(x))
#define REQUIRE(x) ((void)(x))
#define EXPECT(x) ((void)(x))
#define SECTION(x) if (x)
#define TRACE(...)
#define DEBUG 1
#define INFO 2
#define WARNING 3
#define FATAL 4
#define NONE 0
#define ALL 1
#define CONCAT(a, b) a##b
#define STRINGIFY(x) #x
#define stringify(x) #x
#define prefetch(p) __builtin_prefetch(p)
#define barrier() __asm__ __volatile__("" : : : "memory")
#define cpu_relax() __builtin_ia32_pause()
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define min3(a, b, c) min(a, min(b, c))
#define clamp_t(type, v, lo, hi) (v)
#define typeof __typeof__
#define nelem(a) (sizeof(a) / sizeof((a)[0]))
#define assume(x) ((x) ? (void)0 : __builtin_unreachable())
// after the standard headers: they have functions or attributes of these names
#define log(...) report_log(__VA_ARGS__)
#define clamp(v, lo, hi) (v)
