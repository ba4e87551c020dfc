// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <tarn/detail/base/compiler.hpp>

#if __has_include(<sys/auxv.h>)
#include <sys/auxv.h>  // getauxval
#endif

namespace tarn::detail {

/// Numbers that differ from process to process, and are the same in all modules of a process and in
/// the children of its forks. So they are kept nowhere: a variable would exist once per shared
/// library with hidden symbols.
struct process_key {
  std::uint64_t words[2] = {0x736f'6d65'7073'6575, 0x646f'7261'6e64'6f6d};
};

/// Returns: on Linux, bits that the kernel drew when the process started; elsewhere a constant. The
/// C library makes its own secrets of the same bits: use them as the key of a one-way function
/// only.
[[nodiscard]] inline process_key key_of_process() noexcept {
  process_key key;
#if defined(AT_RANDOM)
  const auto bits = ::getauxval(AT_RANDOM);  // the address of 16 bytes, or 0
  // The system gives the address as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
  if (bits != 0) copy_memory(key.words, reinterpret_cast<const void*>(bits), sizeof key.words);
#endif
  return key;
}

}  // namespace tarn::detail
