// SPDX-License-Identifier: MIT
#pragma once

// What the sections of rseq.hpp work on.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

namespace tarn::detail {

/// Where each thread's `struct rseq` lies: a distance from the thread's own pointer.
using rseq_place = std::ptrdiff_t;

/// The caches of all processors, `each` bytes apart. At `offset` from there lies one cache: +0 its
/// word, the fill level in the lower ten bits and gets above; +8 the address of its blocks; +16 its
/// limit, 32 bits. A section gives up if the processor's number is not below the lower half of
/// `count`. It reads both anew each time, and its last instruction stores the word.
struct rseq_slots {
  std::byte* first = nullptr;
  std::size_t each = 0;
  std::atomic<std::uint64_t> count{0};  // why it is 0 above, the number of processors below
};

}  // namespace tarn::detail
