// SPDX-License-Identifier: MIT
//
// A rare event of a pool, with the numbers of the pool at that moment.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tarn/value/basic/call_site.hpp>
#include <tarn/value/snapshot.hpp>
#include <tarn/value/time_span.hpp>

namespace tarn {

enum class event_kind : unsigned char {
  grow,       ///< a bound was raised: sizes are blocks
  shrink,     ///< a bound was lowered: sizes are blocks
  reset,      ///< drained and made ready again: the new size is the ready blocks
  trim,       ///< idle memory went: sizes are bytes of slabs; of `maintain`, idle bytes
  purge,      ///< pages went, their blocks stayed: sizes are bytes of idle blocks with pages
  oversize,   ///< a request above the last tier: the new size is its bytes
  refuse,     ///< a refused request: the new size is its bytes
  misuse,     ///< a bad return or write: the new size is that of the return, or of the get
  operation,  ///< a get, put, create, discard or cleanup, in debug mode
  custom,     ///< an event that the user added
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
  std::string pool{};     ///< the name of the pool
  std::string message{};  ///< in words
  std::size_t old_size = 0;
  std::size_t new_size = 0;
  std::uint64_t ticks = 1;  ///< of `maintain` in this event; then `time` is that of the first
  snapshot state{};         ///< of that moment; empty for operations
  call_site where{};        ///< of an oversize request, if the stats policy follows gets, as
                            ///< `recording_stats` does; else unknown
};

}  // namespace tarn
