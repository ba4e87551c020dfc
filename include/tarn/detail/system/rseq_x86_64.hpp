// SPDX-License-Identifier: MIT
#pragma once

// The sections of rseq.hpp for x86-64; see rseq_slots.hpp.

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/system/rseq_slots.hpp>
#include <tarn/detail/system/thread_word.hpp>

#if TARN_THREAD_POINTER == 1

// A section lies between the labels 1 and 2; the descriptor 3 says so to the system; 4 is where a
// section goes on that was aborted or gives up, behind the signature that glibc registers; 5 is the
// end. The `?` puts
// both into the section group of the function around them: without it two files that contain the
// same inline function don't link. The descriptor holds addresses, so it must be writable.
#define TARN_RSEQ_DESCRIPTOR(if_not)               \
  ".pushsection __rseq_cs, \"aw?\", @progbits\n\t" \
  ".balign 32\n"                                   \
  "3:\t.long 0, 0\n\t"                             \
  ".quad 1f, 2f - 1f, 4f\n\t"                      \
  ".popsection\n\t"                                \
  ".pushsection tarn_rseq, \"ax?\", @progbits\n\t" \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                     \
  ".long 0x53053053\n"                             \
  "4:\t" if_not                                    \
  "\n\t"                                           \
  "jmp 5f\n\t"                                     \
  ".popsection\n\t"
// The store must be the last instruction before the section: a thread that is interrupted between
// them would have its section forgotten.
#define TARN_RSEQ_BEGIN(scratch) \
  "leaq 3b(%%rip), " scratch     \
  "\n\t"                         \
  "movq " scratch                \
  ", %%fs:8(%[place])\n"         \
  "1:\t"
// No address of a descriptor stays behind where its module may be unloaded: the system would look
// there.
#if defined(__PIC__) && !defined(__PIE__)
#define TARN_RSEQ_END "5:\tmovq $0, %%fs:8(%[place])\n\t"
#else
#define TARN_RSEQ_END "5:\n\t"
#endif

namespace tarn::detail {

/// The processor that the thread runs on; a huge number if the thread is not registered.
[[nodiscard]] TARN_FORCE_INLINE std::uint32_t rseq_processor(rseq_place place) noexcept {
  std::uint32_t at = 0;
  asm volatile("movl %%fs:4(%[place]), %[at]" : [at] "=r"(at) : [place] "r"(place));
  return at;
}

/// Takes a block, and adds `Mark` to the word. Returns: null if the cache is empty, or if the
/// section was aborted.
template <std::uint64_t Mark>
[[nodiscard]] TARN_FORCE_INLINE void* rseq_pop(rseq_place place, const rseq_slots& all,
                                               std::size_t offset) noexcept {
  void* block;
  std::uint64_t at, word, level;
  asm volatile(
      TARN_RSEQ_DESCRIPTOR("xorl %k[block], %k[block]")  //
      TARN_RSEQ_BEGIN("%[block]")                        //
      "movl %%fs:4(%[place]), %k[at]\n\t"
      "cmpl %[count], %k[at]\n\t"
      "jae 4b\n\t"
      "imulq %[each], %[at]\n\t"
      "addq %[first], %[at]\n\t"
      "movq (%[at], %[offset]), %[word]\n\t"
      "movl %k[word], %k[level]\n\t"
      "andl $0x3ff, %k[level]\n\t"
      "jz 4b\n\t"
      "movq 8(%[at], %[offset]), %[block]\n\t"
      "movq -8(%[block], %[level], 8), %[block]\n\t"
      "addq %[step], %[word]\n\t"
      "movq %[word], (%[at], %[offset])\n"
      "2:\n" TARN_RSEQ_END
      : [block] "=&a"(block), [at] "=&r"(at), [word] "=&r"(word), [level] "=&r"(level)
      : [place] "r"(place), [first] "m"(all.first), [each] "m"(all.each), [count] "m"(all.count),
        [offset] "r"(offset), [step] "i"(static_cast<std::int64_t>(Mark) - 1)
      : "cc", "memory");
  return block;
}

/// Puts a block. Nothing of the core is touched after the block is there. Returns: false if there
/// is no room, or if the section was aborted.
[[nodiscard]] TARN_FORCE_INLINE bool rseq_push(rseq_place place, const rseq_slots& all,
                                               std::size_t offset, void* block) noexcept {
  std::uint64_t done, at, word, level;
  asm volatile(TARN_RSEQ_DESCRIPTOR("xorl %k[done], %k[done]")  //
               TARN_RSEQ_BEGIN("%[done]")                       //
               "movl %%fs:4(%[place]), %k[at]\n\t"
               "cmpl %[count], %k[at]\n\t"
               "jae 4b\n\t"
               "imulq %[each], %[at]\n\t"
               "addq %[first], %[at]\n\t"
               "movq (%[at], %[offset]), %[word]\n\t"
               "movl %k[word], %k[level]\n\t"
               "andl $0x3ff, %k[level]\n\t"
               "cmpl 16(%[at], %[offset]), %k[level]\n\t"
               "jae 4b\n\t"
               "movq 8(%[at], %[offset]), %[done]\n\t"  // not null
               "movq %[block], (%[done], %[level], 8)\n\t"
               "addq $1, %[word]\n\t"
               "movq %[word], (%[at], %[offset])\n"
               "2:\n" TARN_RSEQ_END
               : [done] "=&r"(done), [at] "=&r"(at), [word] "=&r"(word), [level] "=&r"(level)
               : [place] "r"(place), [first] "m"(all.first), [each] "m"(all.each),
                 [count] "m"(all.count), [offset] "r"(offset), [block] "r"(block)
               : "cc", "memory");
  return done != 0;
}

/// Takes up to `most` blocks of `processor`; none if there are fewer than `least`. Returns: how
/// many; -1 if the section was aborted or the thread runs on another processor. Then the section
/// may have stored blocks that it did not take.
template <std::uint64_t Mark>
[[nodiscard]] std::ptrdiff_t rseq_pop_bulk(rseq_place place, const rseq_slots& all,
                                           std::uint32_t processor, std::size_t offset,
                                           void** blocks, std::size_t least,
                                           std::size_t most) noexcept {
  std::byte* const cache = all.first + processor * all.each + offset;
  std::ptrdiff_t n;
  std::uint64_t word, from, left, block;
  asm volatile(TARN_RSEQ_DESCRIPTOR("movq $-1, %[n]")  //
               TARN_RSEQ_BEGIN("%[n]")                 //
               "movq $-1, %[n]\n\t"
               "movl %%fs:4(%[place]), %k[left]\n\t"
               "cmpl %[processor], %k[left]\n\t"
               "jne 5f\n\t"
               "xorl %k[n], %k[n]\n\t"
               "cmpl %[count], %k[left]\n\t"
               "jae 5f\n\t"
               "movq (%[cache]), %[word]\n\t"
               "movl %k[word], %k[n]\n\t"
               "andl $0x3ff, %k[n]\n\t"
               "movq 8(%[cache]), %[from]\n\t"
               "leaq (%[from], %[n], 8), %[from]\n\t"
               "xorl %k[left], %k[left]\n\t"
               "cmpq %[least], %[n]\n\t"
               "cmovbq %[left], %[n]\n\t"
               "cmpq %[most], %[n]\n\t"
               "cmovaq %[most], %[n]\n\t"
               "testq %[n], %[n]\n\t"
               "jz 5f\n\t"
               "movq %[n], %[left]\n"
               "6:\tsubq $8, %[from]\n\t"
               "movq (%[from]), %[block]\n\t"
               "movq %[block], -8(%[blocks], %[left], 8)\n\t"
               "subq $1, %[left]\n\t"
               "jnz 6b\n\t"
               "imulq %[step], %[n], %[left]\n\t"
               "addq %[left], %[word]\n\t"
               "movq %[word], (%[cache])\n"
               "2:\n" TARN_RSEQ_END
               : [n] "=&r"(n), [word] "=&r"(word), [from] "=&r"(from), [left] "=&r"(left),
                 [block] "=&r"(block)
               : [place] "r"(place), [count] "m"(all.count), [processor] "m"(processor),
                 [cache] "r"(cache), [blocks] "r"(blocks), [least] "rm"(least), [most] "rm"(most),
                 [step] "i"(static_cast<std::int64_t>(Mark) - 1)
               : "cc", "memory");
  return n;
}

/// Puts up to `most` blocks for `processor`. Returns: as `rseq_pop_bulk`.
[[nodiscard]] inline std::ptrdiff_t rseq_push_bulk(rseq_place place, const rseq_slots& all,
                                                   std::uint32_t processor, std::size_t offset,
                                                   void* const* blocks, std::size_t most) noexcept {
  std::byte* const cache = all.first + processor * all.each + offset;
  std::ptrdiff_t n;
  std::uint64_t word, to, left, block;
  asm volatile(
      TARN_RSEQ_DESCRIPTOR("movq $-1, %[n]")  //
      TARN_RSEQ_BEGIN("%[n]")                 //
      "movq $-1, %[n]\n\t"
      "movl %%fs:4(%[place]), %k[left]\n\t"
      "cmpl %[processor], %k[left]\n\t"
      "jne 5f\n\t"
      "xorl %k[n], %k[n]\n\t"
      "cmpl %[count], %k[left]\n\t"
      "jae 5f\n\t"
      "movq (%[cache]), %[word]\n\t"
      "movl %k[word], %k[left]\n\t"
      "andl $0x3ff, %k[left]\n\t"
      "movq 8(%[cache]), %[to]\n\t"
      "leaq (%[to], %[left], 8), %[to]\n\t"
      "xorl %k[block], %k[block]\n\t"
      "movl 16(%[cache]), %k[n]\n\t"
      "subl %k[left], %k[n]\n\t"
      "cmovbel %k[block], %k[n]\n\t"  // full, or fuller than a new limit
      "cmpq %[most], %[n]\n\t"
      "cmovaq %[most], %[n]\n\t"
      "movq %[n], %[left]\n\t"
      "testq %[n], %[n]\n\t"
      "jz 5f\n"
      "6:\tmovq -8(%[blocks], %[left], 8), %[block]\n\t"
      "movq %[block], -8(%[to], %[left], 8)\n\t"
      "subq $1, %[left]\n\t"
      "jnz 6b\n\t"
      "addq %[n], %[word]\n\t"
      "movq %[word], (%[cache])\n"
      "2:\n" TARN_RSEQ_END
      : [n] "=&r"(n), [word] "=&r"(word), [to] "=&r"(to), [left] "=&r"(left), [block] "=&r"(block)
      : [place] "r"(place), [count] "m"(all.count), [processor] "m"(processor), [cache] "r"(cache),
        [blocks] "r"(blocks), [most] "rm"(most)
      : "cc", "memory");
  return n;
}

}  // namespace tarn::detail

#undef TARN_RSEQ_DESCRIPTOR
#undef TARN_RSEQ_BEGIN
#undef TARN_RSEQ_END

#endif
