// SPDX-License-Identifier: MIT
//
// Something rare that a pool did, with what the pool looked like then.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

enum class event_kind : unsigned char {
  grow,       ///< a bound was raised: sizes are blocks
  shrink,     ///< a bound was lowered: sizes are blocks
  reset,      ///< drained and made ready again: the new size is the blocks that are ready
  trim,       ///< idle memory went: sizes are bytes of slabs; of `maintain`, idle bytes
  purge,      ///< pages went, their blocks stayed: sizes are bytes of idle blocks with pages
  oversize,   ///< a request above the last tier: the new size is its bytes
  refuse,     ///< a request got nothing: the new size is its bytes
  misuse,     ///< something came back that should not: the new size is the one that was given
  operation,  ///< a get, put, create, discard or cleanup, where somebody debugs
  custom,     ///< of the user's own
};
inline constexpr std::size_t event_kind_count = 10;

[[nodiscard]] constexpr const char* to_string(event_kind kind) noexcept {
  constexpr const char* names[event_kind_count] = {"grow",      "shrink",   "reset",  "trim",
                                                   "purge",     "oversize", "refuse", "misuse",
                                                   "operation", "custom"};
  return names[static_cast<std::size_t>(kind)];
}

struct event {
  event_kind kind = event_kind::custom;
  time_span time{};       ///< on a steady clock, as `snapshot::taken`
  std::string pool{};     ///< its name
  std::string message{};  ///< in words
  std::size_t old_size = 0;
  std::size_t new_size = 0;
  std::uint64_t ticks = 1;  ///< of `maintain` that it sums up; then the time is that of the first
  snapshot state{};         ///< of that moment; empty for operations
};

}  // namespace tarn
