// SPDX-License-Identifier: MIT
//
// Fast buffers on pools with a ledger.

#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include <tarn/fast_buffer.hpp>

#include "support/byte_fixture.hpp"

namespace test {

/// A fast buffer with a single owner, whose pool has the lock of the policy.
template <class P, std::size_t InlineBytes = 0>
using writer_of = tarn::basic_fast_buffer<tarn::no_lock, typename P::stats,
                                          tarn::fast_buffer_traits<byte_pool_for<P>, InlineBytes>>;
/// A fast buffer with the lock of the policy, as its pool has.
template <class P>
using policy_writer_of = tarn::fast_buffer_for<typename P::lock, typename P::stats,
                                               tarn::fast_buffer_traits<byte_pool_for<P>, 0>>;

/// Text of `size` bytes in which every byte differs from its neighbours.
[[nodiscard]] inline std::string text_of(std::size_t size, std::size_t seed = 0) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i)
    text[i] = static_cast<char>('!' + (seed * 31 + i * 7 + i / 90) % 90);
  return text;
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Whether `action` ran without a `std::bad_alloc`.
template <class Action>
[[nodiscard]] bool has_memory(Action&& action) {
  try {
    action();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace test
