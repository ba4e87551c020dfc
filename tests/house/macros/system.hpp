// SPDX-License-Identifier: MIT
// What headers of Unix systems, compilers and the C library define.
#define linux 1
#define unix 1
#define sun 1
#define i386 1
#define vax 1
#define major(dev) gnu_dev_major(dev)
#define minor(dev) gnu_dev_minor(dev)
#define makedev(maj, min_) gnu_dev_makedev(maj, min_)
#define B0 0000000
#define B50 0000001
#define B9600 0000015
#define howmany(x, y) (((x) + ((y) - 1)) / (y))
#define roundup(x, y) ((((x) + ((y) - 1)) / (y)) * (y))
#define powerof2(x) ((((x) - 1) & (x)) == 0)
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define LITTLE_ENDIAN 1234
#define BIG_ENDIAN 4321
#define PAGE_SIZE 4096
#define NAME_MAX 255
#define I _Complex_I
#define sa_handler __sigaction_handler.sa_handler
#define st_mtime st_mtim.tv_sec
#define s6_addr __in6_u.__u6_addr8
#define h_addr h_addr_list[0]
#define d_fileno d_ino
// after the standard headers: functions of the C library, as macros
#define complex _Complex
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
#define htons(x) __builtin_bswap16(x)
#define htobe16(x) __builtin_bswap16(x)
#define htole32(x) (x)
#define free(p) debug_free(p)
#define malloc(n) debug_malloc(n)
#define calloc(n, m) debug_calloc(n, m)
#define realloc(p, n) debug_realloc(p, n)
