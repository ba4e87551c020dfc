// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <tarn/detail/base/access.hpp>
#include <tarn/detail/base/align.hpp>
#include <tarn/detail/base/compiler.hpp>
#include <tarn/detail/base/error.hpp>

namespace tarn::detail {

/// Asks `pool` for a block of `wanted` bytes. If the pool refuses, asks for smaller ones, each time
/// for half as many bytes above `least`, down to the capacity `floor`, which is not asked for.
/// Refusals are not counted: the caller has another way.
///
/// So it gets at least half of what the pool has above `least`, and the pool has no room for one
/// more such step: content that grows near a limit does not move for a few bytes at a time.
///
/// Returns: an empty buffer if there is no such block. Complexity: O(log(wanted)) requests.
template <class Pool>
[[nodiscard]] typename Pool::buffer try_take_above(Pool& pool, std::size_t wanted,
                                                   std::size_t least, std::size_t floor) noexcept {
  std::size_t refused = SIZE_MAX;
  for (std::size_t above = wanted > least ? wanted - least : 0; above != 0; above /= 2) {
    const std::size_t capacity = pool.capacity_for(least + above);
    if (capacity <= floor) break;
    if (capacity >= refused) continue;  // the same tier again
    if (auto got = access::try_get_unreported(pool, least + above)) return got;
    refused = capacity;
  }
  return {};
}

/// As `try_take_above` for the first block of a writer, whose size only a hint or an option sets:
/// if it is not to be had, the block that is needed is as good.
template <class Pool>
[[nodiscard]] typename Pool::buffer try_take_first(Pool& pool, std::size_t wanted,
                                                   std::size_t needed) noexcept {
  if (pool.capacity_for(wanted) <= pool.capacity_for(needed)) return {};
  return access::try_get_unreported(pool, wanted);
}

/// What a writer remembers of its content: the largest size, and whether the pool refused to give
/// more than was needed. In one word, so that a fast_buffer stays within two cache lines.
class growth_memory {
 public:
  /// The moves of the content, and the further refusals, between two requests for more than is
  /// needed. A refused request may cost as much as many moves: the pool gives its idle memory back
  /// before it refuses.
  static constexpr unsigned pause = 255;

  /// The largest size that was noted. (2^56 bytes are more than a process can address.)
  [[nodiscard]] std::size_t peak() const noexcept {
    return cast_to<std::size_t>(word_ >> pause_bits);
  }
  void note_size(std::size_t size) noexcept {
    if (size > peak()) word_ = std::uint64_t{size} << pause_bits | (word_ & pause);
  }
  void forget_peak() noexcept { word_ &= pause; }

  /// Whether it is time to ask for more than is needed.
  [[nodiscard]] bool may_ask() const noexcept { return (word_ & pause) == 0; }
  void refused() noexcept { word_ |= pause; }
  /// To be called for each move, and for each refusal, that comes during the pause.
  void pass() noexcept { word_ -= may_ask() ? 0u : 1u; }
  /// To be called when there is another storage, or no content.
  void forget_refusal() noexcept { word_ &= ~std::uint64_t{pause}; }

 private:
  static constexpr unsigned pause_bits = 8;
  std::uint64_t word_ = 0;  // the peak, and what is left of the pause
};

/// Throws `std::length_error`: `held` and `n` bytes together are more than the limit.
[[noreturn]] TARN_COLD inline void throw_too_long(const char* what, std::size_t held, std::size_t n,
                                                  const char* limit_name, std::size_t most) {
  const auto sum = n <= SIZE_MAX - held ? held + n : SIZE_MAX;
  auto text =
      limit_text(what, sum, (std::string("must be at most ") + limit_name + ',').c_str(), most);
  if (n <= most) {
    text += "; it fits once " + std::to_string(held - (most - n)) + " of the " +
            std::to_string(held) + " bytes of content are consumed or taken";
  } else if (most != max_size) {
    text += std::string("; only a larger ") + limit_name + " helps";
  }
  throw std::length_error(text);
}

}  // namespace tarn::detail
