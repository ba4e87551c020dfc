// SPDX-License-Identifier: MIT
#pragma once

// The sections of rseq.hpp for aarch64; see rseq_slots.hpp.
//
// The last store is a release: a thread that reads the word sees all that was stored before. The
// count is loaded with acquire: a section that finds the caches open finds them as they were left.

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/rseq_slots.hpp>
#include <tarn/detail/system/thread_word.hpp>

#if TARN_THREAD_POINTER == 2

// See rseq_x86_64.hpp.
#define TARN_RSEQ_DESCRIPTOR(if_aborted)            \
  ".pushsection __rseq_cs, \"aw?\", %%progbits\n\t" \
  ".balign 32\n"                                    \
  "3:\t.long 0, 0\n\t"                              \
  ".quad 1f, 2f - 1f, 4f\n\t"                       \
  ".popsection\n\t"                                 \
  ".pushsection tarn_rseq, \"ax?\", %%progbits\n\t" \
  ".inst 0xd428bc00\n"                              \
  "4:\t" if_aborted                                 \
  "\n\t"                                            \
  "b 5f\n\t"                                        \
  ".popsection\n\t"
#define TARN_RSEQ_BEGIN(scratch) \
  "adrp " scratch                \
  ", 3b\n\t"                     \
  "add " scratch ", " scratch    \
  ", :lo12:3b\n\t"               \
  "str " scratch                 \
  ", [%[self], #8]\n"            \
  "1:\t"
#define TARN_RSEQ_END "5:\tstr xzr, [%[self], #8]\n\t"

namespace tarn::detail {

[[nodiscard]] TARN_FORCE_INLINE std::uintptr_t rseq_of_thread(rseq_place place) noexcept {
  return thread_pointer() + static_cast<std::uintptr_t>(place);
}

[[nodiscard]] TARN_FORCE_INLINE std::uint32_t rseq_processor(rseq_place place) noexcept {
  std::uint32_t at = 0;
  asm volatile("ldr %w[at], [%[self], #4]" : [at] "=r"(at) : [self] "r"(rseq_of_thread(place)));
  return at;
}

template <std::uint64_t Mark>
[[nodiscard]] TARN_FORCE_INLINE void* rseq_pop(rseq_place place, const rseq_slots& all,
                                               std::size_t offset) noexcept {
  void* block;
  std::uint64_t at, word, level;
  asm volatile(TARN_RSEQ_DESCRIPTOR("mov %[block], #0")  //
               TARN_RSEQ_BEGIN("%[block]")               //
               "ldr %w[at], [%[self], #4]\n\t"
               "mov %[block], #0\n\t"
               "ldar %w[word], [%[count]]\n\t"
               "cmp %w[at], %w[word]\n\t"
               "b.hs 5f\n\t"
               "madd %[at], %[at], %[each], %[cache]\n\t"
               "ldr %[word], [%[at]]\n\t"
               "and %[level], %[word], #0x3ff\n\t"
               "cbz %[level], 5f\n\t"
               "ldr %[block], [%[at], #8]\n\t"
               "add %[block], %[block], %[level], lsl #3\n\t"
               "ldr %[block], [%[block], #-8]\n\t"
               "add %[word], %[word], %[step]\n\t"
               "stlr %[word], [%[at]]\n"
               "2:\n" TARN_RSEQ_END
               : [block] "=&r"(block), [at] "=&r"(at), [word] "=&r"(word), [level] "=&r"(level)
               : [self] "r"(rseq_of_thread(place)), [cache] "r"(all.first + offset),
                 [each] "r"(all.each), [count] "r"(&all.count), [step] "r"(Mark - 1)
               : "cc", "memory");
  return block;
}

[[nodiscard]] TARN_FORCE_INLINE bool rseq_push(rseq_place place, const rseq_slots& all,
                                               std::size_t offset, void* block) noexcept {
  std::uint64_t done, at, word, level, rounds;
  asm volatile(TARN_RSEQ_DESCRIPTOR("mov %[done], #0")  //
               TARN_RSEQ_BEGIN("%[done]")               //
               "ldr %w[at], [%[self], #4]\n\t"
               "mov %[done], #0\n\t"
               "ldar %w[word], [%[count]]\n\t"
               "cmp %w[at], %w[word]\n\t"
               "b.hs 5f\n\t"
               "madd %[at], %[at], %[each], %[cache]\n\t"
               "ldr %[word], [%[at]]\n\t"
               "and %[level], %[word], #0x3ff\n\t"
               "ldr %w[rounds], [%[at], #16]\n\t"
               "cmp %w[level], %w[rounds]\n\t"
               "b.hs 5f\n\t"
               "ldr %[rounds], [%[at], #8]\n\t"
               "str %[block], [%[rounds], %[level], lsl #3]\n\t"
               "add %[word], %[word], #1\n\t"
               "mov %[done], #1\n\t"
               "stlr %[word], [%[at]]\n"
               "2:\n" TARN_RSEQ_END
               : [done] "=&r"(done), [at] "=&r"(at), [word] "=&r"(word), [level] "=&r"(level),
                 [rounds] "=&r"(rounds)
               : [self] "r"(rseq_of_thread(place)), [cache] "r"(all.first + offset),
                 [each] "r"(all.each), [count] "r"(&all.count), [block] "r"(block)
               : "cc", "memory");
  return done != 0;
}

template <std::uint64_t Mark>
[[nodiscard]] std::ptrdiff_t rseq_pop_bulk(rseq_place place, const rseq_slots& all,
                                           std::uint32_t processor, std::size_t offset,
                                           void** blocks, std::size_t least,
                                           std::size_t most) noexcept {
  std::byte* const cache = all.first + processor * all.each + offset;
  std::ptrdiff_t n;
  std::uint64_t word, from, left, block;
  asm volatile(TARN_RSEQ_DESCRIPTOR("mov %[n], #-1")  //
               TARN_RSEQ_BEGIN("%[n]")                //
               "mov %[n], #-1\n\t"
               "ldr %w[left], [%[self], #4]\n\t"
               "cmp %w[left], %w[processor]\n\t"
               "b.ne 5f\n\t"
               "mov %[n], #0\n\t"
               "ldar %w[word], [%[count]]\n\t"
               "cmp %w[left], %w[word]\n\t"
               "b.hs 5f\n\t"
               "ldr %[word], [%[cache]]\n\t"
               "and %[n], %[word], #0x3ff\n\t"
               "ldr %[from], [%[cache], #8]\n\t"
               "add %[from], %[from], %[n], lsl #3\n\t"
               "cmp %[n], %[least]\n\t"
               "csel %[n], xzr, %[n], lo\n\t"
               "cmp %[n], %[most]\n\t"
               "csel %[n], %[most], %[n], hi\n\t"
               "cbz %[n], 5f\n\t"
               "mov %[left], %[n]\n"
               "6:\tldr %[block], [%[from], #-8]!\n\t"
               "sub %[left], %[left], #1\n\t"
               "str %[block], [%[blocks], %[left], lsl #3]\n\t"
               "cbnz %[left], 6b\n\t"
               "madd %[word], %[n], %[step], %[word]\n\t"
               "stlr %[word], [%[cache]]\n"
               "2:\n" TARN_RSEQ_END
               : [n] "=&r"(n), [word] "=&r"(word), [from] "=&r"(from), [left] "=&r"(left),
                 [block] "=&r"(block)
               : [self] "r"(rseq_of_thread(place)), [cache] "r"(cache), [processor] "r"(processor),
                 [count] "r"(&all.count), [blocks] "r"(blocks), [least] "r"(least),
                 [most] "r"(most), [step] "r"(Mark - 1)
               : "cc", "memory");
  return n;
}

[[nodiscard]] inline std::ptrdiff_t rseq_push_bulk(rseq_place place, const rseq_slots& all,
                                                   std::uint32_t processor, std::size_t offset,
                                                   void* const* blocks, std::size_t most) noexcept {
  std::byte* const cache = all.first + processor * all.each + offset;
  std::ptrdiff_t n;
  std::uint64_t word, to, left, block;
  asm volatile(
      TARN_RSEQ_DESCRIPTOR("mov %[n], #-1")  //
      TARN_RSEQ_BEGIN("%[n]")                //
      "mov %[n], #-1\n\t"
      "ldr %w[left], [%[self], #4]\n\t"
      "cmp %w[left], %w[processor]\n\t"
      "b.ne 5f\n\t"
      "mov %[n], #0\n\t"
      "ldar %w[word], [%[count]]\n\t"
      "cmp %w[left], %w[word]\n\t"
      "b.hs 5f\n\t"
      "ldr %[word], [%[cache]]\n\t"
      "and %[left], %[word], #0x3ff\n\t"
      "ldr %[to], [%[cache], #8]\n\t"
      "add %[to], %[to], %[left], lsl #3\n\t"
      "ldr %w[n], [%[cache], #16]\n\t"
      "subs %w[n], %w[n], %w[left]\n\t"
      "csel %w[n], %w[n], wzr, hi\n\t"  // full, or fuller than a new limit: 0
      "cmp %[n], %[most]\n\t"
      "csel %[n], %[most], %[n], hi\n\t"
      "cbz %[n], 5f\n\t"
      "mov %[left], %[n]\n"
      "6:\tsub %[left], %[left], #1\n\t"
      "ldr %[block], [%[blocks], %[left], lsl #3]\n\t"
      "str %[block], [%[to], %[left], lsl #3]\n\t"
      "cbnz %[left], 6b\n\t"
      "add %[word], %[word], %[n]\n\t"
      "stlr %[word], [%[cache]]\n"
      "2:\n" TARN_RSEQ_END
      : [n] "=&r"(n), [word] "=&r"(word), [to] "=&r"(to), [left] "=&r"(left), [block] "=&r"(block)
      : [self] "r"(rseq_of_thread(place)), [cache] "r"(cache), [processor] "r"(processor),
        [count] "r"(&all.count), [blocks] "r"(blocks), [most] "r"(most)
      : "cc", "memory");
  return n;
}

}  // namespace tarn::detail

#undef TARN_RSEQ_DESCRIPTOR
#undef TARN_RSEQ_BEGIN
#undef TARN_RSEQ_END

#endif
